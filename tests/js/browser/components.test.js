// Components on the developers' dashboard, in a real browser: every page shows and changes the one that is chosen.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { startBrowser } from "../support/browser.js";
import { startComponentApp } from "../support/component_app.js";
import { openDashboard, startNotes } from "../support/developer.js";
import { fusion } from "../support/fusion.js";
import { until } from "../support/wait.js";
import { assertAccessible } from "../support/widget.js";

const VIEWS = ["data", "data/books", "functions", "logs", "files", "schedules", "schedules/crons"];

/** An app whose two libraries each have a counter inside, and a page on its dashboard. */
async function setUp(t, view = "/data", options = {}) {
  const [started, browser] = [await startComponentApp(t, "nested", { by: "fusion" }), await startBrowser(t)];
  const { server, app } = started;
  const run = async (...args) => {
    const { code, stdout, stderr } = await fusion(app.folder, ...args, "--url", server.url, "--admin-key", server.adminKey);
    assert.equal(code, 0, stdout + stderr);
    return stdout;
  };
  await started.client.mutation(api.desk.add, { library: "main", title: "Emma" });
  const { page, errors } = await openDashboard(browser, server, view, options);
  const choice = page.getByLabel("Component", { exact: true });
  const component = () => new URL(page.url()).searchParams.get("component");
  return { ...started, browser, page, errors, run, choice, component };
}

test("documents, filters, schema and tables are those of the chosen component", async (t) => {
  const { client, page, errors, choice, component } = await setUp(t);
  const tables = page.getByRole("navigation", { name: "Tables" });
  const grid = page.getByRole("grid");
  await tables.getByText("readers").waitFor();
  assert.deepEqual(await choice.locator("option").allInnerTexts(), ["The app", "branch", "branch/counter", "main", "main/counter"]);

  // By the keyboard; the focus stays where it was for the next key.
  await choice.focus();
  await page.keyboard.type("main");
  await tables.getByText("books").waitFor();
  assert.equal(component(), "main");
  assert.ok(await choice.evaluate((element) => element === document.activeElement), "the focus is on the choice");
  await grid.getByText('"Emma"').dblclick();
  await page.getByLabel("Value of title").fill('"Emma, again"');
  await page.keyboard.press("Enter");
  await until("the app to see the edit", async () => (await client.query(api.desk.titles, { library: "main" })).join() === "Emma, again");
  assert.deepEqual(await client.query(api.desk.titles, { library: "branch" }), []);

  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByLabel("A document, or a list").fill('[{ title: "Ulysses", year: 1922 }, { title: "Dubliners", year: 1914 }]');
  await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
  await page.getByText("2 documents added.").waitFor();
  await page.getByRole("button", { name: "Filter & sort" }).click();
  const bar = page.getByRole("form", { name: "Filter and order" });
  await bar.getByLabel("Order by").selectOption("by_year");
  await bar.getByLabel("year (index)").selectOption("range");
  await bar.getByLabel("From").fill("1915");
  await bar.getByRole("button", { name: "Apply" }).click();
  await until("one book", async () => (await page.locator(".grid-rows [role=row]").allInnerTexts()).join().match(/Ulysses/) && !(await grid.getByText("Dubliners").count()));
  assert.equal(component(), "main", "filters keep it");
  await page.getByLabel("Select the loaded rows").click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Nothing matches").waitFor();
  assert.deepEqual(await client.query(api.desk.titles, { library: "main" }), ["Emma, again", "Dubliners"]);

  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Schema and indexes" }).click();
  await page.getByText("books: defineTable(").waitFor();
  await page.getByRole("tab", { name: "Indexes" }).click();
  await page.getByRole("dialog").getByRole("cell", { name: "by_year" }).waitFor();
  await page.keyboard.press("Escape");

  // A table that is only there.
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByLabel("Name", { exact: true }).fill("drafts");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { level: 1, name: "drafts" }).waitFor();
  await choice.selectOption("branch");
  await tables.getByText("books").waitFor();
  assert.equal(await tables.getByText("drafts").count(), 0);
  await page.getByText("This table is empty").waitFor();
  await choice.selectOption("main");
  await tables.getByText("drafts").click();
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Delete the table" }).click();
  await page.getByLabel("Name of the table").fill("drafts");
  await page.getByRole("dialog").getByRole("button", { name: "Delete the table" }).click();
  await page.getByText("The table drafts is deleted.").waitFor();

  await choice.selectOption("main/counter");
  await tables.getByText("tally").waitFor();
  await page.goBack();
  await tables.getByText("books").waitFor();
  assert.equal(component(), "main");
  await choice.selectOption("");
  await tables.getByText("readers").waitFor();
  assert.equal(component(), null);
  assert.deepEqual(errors, []);
});

test("functions are run inside the chosen component and followed", async (t) => {
  const { client, page, errors, choice, component } = await setUp(t, "/functions?component=main&function=books:add");
  const result = page.getByRole("region", { name: "Result" });
  await page.getByLabel("title", { exact: true }).fill("Persuasion");
  await page.getByLabel("year", { exact: true }).fill("1817");
  await page.getByRole("button", { name: "Run mutation" }).click();
  await result.getByText("success").waitFor();
  await result.getByText("shelving").waitFor();
  assert.deepEqual(await client.query(api.desk.titles, { library: "main" }), ["Persuasion", "Emma"]);
  const functions = page.getByRole("navigation", { name: "Functions" });
  await functions.getByRole("link", { name: /^titles/ }).click();
  await page.getByRole("button", { name: "Run query" }).click();
  await result.getByText("live").waitFor();
  await client.mutation(api.desk.add, { library: "main", title: "Middlemarch" });
  await result.getByText("Middlemarch").waitFor();
  assert.equal(await page.getByLabel("Run as").locator("option", { hasText: "nobody" }).isDisabled(), true);
  await page.getByRole("tab", { name: "Source" }).click();
  await page.getByText("by_year").first().waitFor();
  await page.getByRole("tab", { name: "Figures" }).click();
  await page.getByRole("heading", { name: "Calls per minute" }).waitFor();
  await choice.selectOption("main/counter");
  await functions.getByText("tally").waitFor();
  assert.equal(component(), "main/counter");
  assert.deepEqual(errors, []);
});

test("files and schedules are those of the chosen component, and logs say where they come from", async (t) => {
  const { app, run, page, errors, choice, component } = await setUp(t, "/files?component=main");
  const file = path.join(app.folder, "note.txt");
  writeFileSync(file, "kept in the library");
  await page.getByText("No files").waitFor();
  await page.getByLabel("Files to upload").setInputFiles(file);
  await page.getByText("note.txt is uploaded.").waitFor();
  await page.getByText("1 file", { exact: true }).waitFor();
  await page.getByRole("region", { name: "Files" }).getByRole("button").first().click();
  await page.getByRole("dialog").getByText("kept in the library").waitFor();
  await page.keyboard.press("Escape");
  await choice.selectOption("branch");
  await page.getByText("No files").waitFor();
  await choice.selectOption("main");
  await page.getByRole("button", { name: /^Delete / }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("1 file deleted.").waitFor();

  await run("run", "--component", "main", "books:recountLater");
  const pages = page.getByRole("navigation", { name: "Pages" });
  await pages.getByRole("link", { name: "Schedules" }).click();
  assert.equal(component(), "main", "another page keeps it");
  await page.getByRole("button", { name: "Arguments" }).click();
  await page.getByRole("dialog").getByText('note: "later"').waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Cancel books:recount" }).click();
  await page.getByText("Nothing is scheduled").waitFor();
  await page.getByRole("tab", { name: "Crons" }).click();
  await page.getByRole("cell", { name: "inventory", exact: true }).waitFor();
  await page.getByRole("link", { name: "books:recount" }).click();
  await page.getByRole("heading", { level: 1, name: "recount" }).waitFor();
  assert.equal(component(), "main");

  await run("run", "--component", "main", "books:announce", '{"text":"closing"}');
  await run("run", "--component", "branch", "books:announce", '{"text":"opening"}');
  await pages.getByRole("link", { name: "Logs" }).click();
  const log = page.getByRole("region", { name: "Log" });
  await log.getByText("'announcing' 'closing'").waitFor();
  assert.equal(await log.getByText("desk:add").count(), 0);
  await choice.selectOption("All");
  await log.getByText("'announcing' 'opening'").waitFor();
  await log.getByText("desk:add").first().waitFor();
  assert.match(await log.getByRole("button", { name: /'announcing' 'opening'/ }).innerText(), /branch\s+books:announce/);
  await choice.selectOption("The app");
  await until("the libraries to be hidden", async () => (await log.getByText("books:announce").count()) === 0);
  await choice.selectOption("branch");
  await log.getByText("'announcing' 'opening'").click();
  await page.getByRole("complementary", { name: /^Request/ }).getByRole("link", { name: "books:announce" }).click();
  await page.getByRole("heading", { level: 1, name: "announce" }).waitFor();
  assert.equal(component(), "branch");
  assert.deepEqual(errors, []);
});

test("a component that is no longer used is marked, looked at and deleted", async (t) => {
  const { app, run, page, choice, errors } = await setUp(t, "/data?component=branch");
  await page.getByText("This table is empty").waitFor();
  const config = path.join(app.folder, "convex/convex.config.ts");
  writeFileSync(config, readFileSync(config, "utf8").replace('app.use(library, { name: "branch" });\n', ""));
  const desk = path.join(app.folder, "convex/desk.ts");
  writeFileSync(desk, readFileSync(desk, "utf8").replace("components.branch", "components.main"));
  await run("deploy", "--typecheck", "disable");
  // Without being loaded again.
  await page.getByText("The app does not use it any more").waitFor();
  assert.equal(await choice.locator("option:checked").innerText(), "branch (unmounted)");
  await assertAccessible(page, "a component that is not used");
  await page.getByRole("button", { name: "Delete…" }).click();
  await page.getByRole("dialog").getByText("Its tables, files and scheduled functions will be gone").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("The component branch is deleted.").waitFor();
  await page.getByRole("navigation", { name: "Tables" }).getByText("readers").waitFor();
  assert.deepEqual(await choice.locator("option").allInnerTexts(), ["The app", "main", "main/counter"]);
  await page.goto(new URL("/_dashboard/data?component=branch", page.url()).href);
  await page.getByText("There is no component branch").waitFor();
  await page.getByRole("link", { name: "All components" }).click();
  await page.getByRole("link", { name: "data of main", exact: true }).click();
  await page.getByRole("navigation", { name: "Tables" }).getByText("books").waitFor();
  assert.deepEqual(errors, []);
});

test("the pages of a component have no barriers, wide and narrow, and fit", async (t) => {
  const { server, browser, page: first } = await setUp(t);
  await first.context().close();
  for (const [colorScheme, viewport] of [["light", { width: 1360, height: 850 }], ["dark", { width: 390, height: 800 }]]) {
    const { page, errors } = await openDashboard(browser, server, "", { colorScheme, viewport });
    for (const view of VIEWS) {
      await page.goto(`${server.url}/_dashboard/${view}?component=main`);
      await page.getByLabel("Component", { exact: true }).waitFor();
      await page.locator(".shell h1, .shell h2").first().waitFor();
      await until(`${view} to be loaded`, async () => (await page.locator(".ui-skeleton").count()) === 0);
      assert.equal(await page.locator(".ui-state[role=alert]").count(), 0, `${view}: ${await page.locator("main").innerText()}`);
      await assertAccessible(page, `${view} (${colorScheme})`);
      const [inner, outer] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(inner <= outer, `${view} is ${inner} pixels wide in ${outer}`);
    }
    await page.goto(`${server.url}/_dashboard/components`);
    await page.getByRole("cell", { name: "main/counter" }).first().waitFor();
    await assertAccessible(page, `components (${colorScheme})`);
    assert.deepEqual(errors, []);
    await page.context().close();
  }
});

test("there is no choice where there are no components", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  const { page } = await openDashboard(browser, server, "/data/notes");
  await page.getByRole("heading", { level: 1, name: "notes" }).waitFor();
  assert.equal(await page.getByLabel("Component", { exact: true }).count(), 0);
  assert.equal(await page.getByRole("navigation", { name: "Pages" }).getByText("Components").count(), 0);
});
