// The developers' dashboard in a real browser, against the real server.

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { anyApi as api } from "convex/server";
import { startBrowser } from "../support/browser.js";
import { SCRIPT, openDashboard, signedIn, startNotes } from "../support/developer.js";
import { fusion } from "../support/fusion.js";
import { callAsAdmin, connectClient, freePort, startServer, temporaryFolder } from "../support/server.js";
import { until } from "../support/wait.js";
import { assertAccessible, beginChat, bubbles, introduce, openPage, startChat } from "../support/widget.js";
import { unzipped } from "../support/zip.js";

const VIEWS = ["health", "data/notes", "functions?function=notes:add", "logs", "files", "schedules", "schedules/crons", "environment", "backups", "settings"];

/** Adds notes through the app. */
async function addNotes(server, ...texts) {
  for (const [n, text] of texts.entries()) await callAsAdmin(server, "notes:add", { text, n });
}

/** Sends documents into a table as a file. */
async function importLines(server, table, lines) {
  const response = await fetch(`${server.url}/api/import?tableName=${table}&format=jsonLines&mode=append`, {
    method: "POST",
    headers: { Authorization: `Convex ${server.adminKey}` },
    body: lines.join("\n"),
  });
  assert.equal(response.status, 200, await response.clone().text());
}

/** The texts of a column, as they are drawn. */
async function column(page, name) {
  const heads = await page.getByRole("columnheader").allInnerTexts();
  const at = heads.findIndex((head) => head.trim() === name);
  return page.locator(`.grid-rows [role=row] > :nth-child(${at + 1})`).allInnerTexts();
}

test("the key is asked for, refused, taken from the link, and refused again when the server has another secret", async (t) => {
  const [browser, port] = [await startBrowser(t), await freePort()];
  const server = await startServer(t, { program: "fusion", args: ["serve"], port });
  const page = await (await browser.newContext()).newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(`${server.url}/_dashboard`);
  await assertAccessible(page, "the form");
  await page.getByLabel("Admin key").fill("fusion|wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("This key is not, or no longer, the key of this deployment.").waitFor();

  await page.goto("about:blank");
  await page.goto(signedIn(server, "/health"));
  await page.getByRole("heading", { name: "Health" }).waitFor();
  assert.equal(page.url(), `${server.url}/_dashboard/health`, "the key is gone from the address");
  await page.reload();
  await page.getByRole("heading", { name: "Health" }).waitFor();

  // Another tab knows nothing of it.
  const other = await page.context().newPage();
  await other.goto(`${server.url}/_dashboard`);
  await other.getByLabel("Admin key").waitFor();

  await server.kill();
  await page.getByText("The connection to the deployment is lost").waitFor();
  await startServer(t, { program: "fusion", args: ["serve"], port });
  await page.getByText("The admin key is no longer accepted").waitFor();
});

test("every page shows real data, in light and dark, without barriers", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  await addNotes(server, "first", SCRIPT);
  await callAsAdmin(server, "notes:later");
  await callAsAdmin(server, "notes:fail").catch(() => {});
  for (const colorScheme of ["light", "dark"]) {
    const { page, errors } = await openDashboard(browser, server, "", { colorScheme });
    for (const view of VIEWS) {
      await page.goto(`${server.url}/_dashboard/${view}`);
      // Of the page itself: while the key is checked there is another one.
      await page.locator(".shell h1").first().waitFor();
      await until(`${view} to be loaded`, async () => (await page.locator(".ui-skeleton").count()) === 0);
      assert.equal(await page.locator(".ui-state[role=alert]").count(), 0, `${view}: ${await page.locator("main").innerText()}`);
      await assertAccessible(page, `${view} (${colorScheme})`);
    }
    assert.deepEqual(errors, []);
    await page.context().close();
  }
});

test("documents are edited where they stand, and live clients see it", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  await addNotes(server, "one", "two", "three");
  const client = connectClient(t, server);
  let notes = [];
  client.onUpdate(api.notes.list, {}, (result) => (notes = result));
  const { page, errors } = await openDashboard(browser, server, "/data/notes");
  const grid = page.getByRole("grid", { name: "Documents of notes" });
  await grid.getByText('"two"').dblclick();
  const editor = page.getByLabel("Value of text");
  await editor.fill("two");
  await editor.press("Enter");
  await page.getByText('a text needs quotes: "two"').waitFor();
  await editor.fill(JSON.stringify(`second ${SCRIPT}`));
  await editor.press("Enter");
  await until("the client to see the edit", () => notes.some(({ text }) => text === `second ${SCRIPT}`));
  await grid.getByText("second <img").waitFor();

  // What a client writes is seen in the grid.
  await client.mutation(api.notes.add, { text: "from a client", n: 7 });
  await grid.getByText('"from a client"').waitFor();

  // By the keyboard: a field that is not there yet, an int64, beside the id.
  await grid.focus();
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.getByLabel("Value of big").fill("9007199254740993n");
  await page.keyboard.press("Enter");
  await grid.getByText("9007199254740993n").waitFor();
  // What the schema does not allow is not saved.
  await page.keyboard.press("Enter");
  await page.getByLabel("Value of big").fill("12");
  await page.keyboard.press("Enter");
  await page.getByText("does not match the schema").waitFor();
  await page.keyboard.press("Escape");
  await page.getByLabel("Value of big").waitFor({ state: "detached" });

  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByLabel("A document, or a list").fill('[{ text: "added", n: -0, raw: Bytes("aGk=") }, { text: \'also added\', n: Infinity }]');
  await page.getByRole("dialog").getByRole("button", { name: "Add" }).click();
  await page.getByText("2 documents added.").waitFor();
  await until("the client to see both", () => notes.some(({ text, n }) => text === "added" && Object.is(n, -0)) && notes.some(({ n }) => n === Infinity));

  // A whole document, changed by somebody else meanwhile.
  await grid.getByText(/^j/).first().dblclick();
  await page.getByRole("dialog").getByLabel("Fields").waitFor();
  await assertAccessible(page, "the document");
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();

  assert.equal(await page.evaluate("window.hacked"), undefined);
  assert.deepEqual(errors, []);
});

test("a visitor sees at once what is edited in the dashboard", async (t) => {
  const [server, browser] = [await startChat(t), await startBrowser(t)];
  const visitor = await openPage(t, browser);
  await introduce(visitor, server);
  await beginChat(visitor);
  const { page } = await openDashboard(browser, server, "/data/agentMessages");
  const grid = page.getByRole("grid");
  await grid.getByRole("columnheader", { name: "text", exact: true }).waitFor();
  const heads = await grid.getByRole("columnheader").allInnerTexts();
  const cell = grid.locator(".grid-rows [role=row]").first().locator(`> :nth-child(${heads.findIndex((head) => head.trim() === "text") + 1})`);
  await cell.dblclick();
  await page.getByLabel("Value of text").fill('"Edited by a developer"');
  await page.keyboard.press("Enter");
  await bubbles(visitor).getByText("Edited by a developer").waitFor();
});

test("documents are filtered, ordered, changed and deleted in numbers", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  await importLines(server, "notes", Array.from({ length: 250 }, (_, n) => JSON.stringify({ text: `note ${n}`, n: n + 0.5 })));
  const { page } = await openDashboard(browser, server, "/data/notes");
  await page.getByText("250 documents").first().waitFor();
  await page.getByRole("button", { name: "Filter & sort" }).click();
  const bar = page.getByRole("form", { name: "Filter and order" });
  await bar.getByRole("button", { name: "Condition" }).click();
  await bar.getByLabel("Field").selectOption("n");
  await bar.getByLabel("Comparison").selectOption("lt");
  await bar.getByLabel("Value").fill("twelve");
  await bar.getByRole("button", { name: "Apply" }).click();
  await bar.getByText("twelve is no value").waitFor();
  await bar.getByLabel("Value").fill("3");
  await bar.getByLabel("Order by").selectOption("by_n");
  await bar.getByLabel("Direction").selectOption("asc");
  await bar.getByRole("button", { name: "Apply" }).click();
  await until("three rows in order", async () => (await column(page, "text")).join() === '"note 0","note 1","note 2"');
  await assertAccessible(page, "a filtered table");
  // The view can be linked to.
  await page.reload();
  await until("the same rows", async () => (await column(page, "text")).join() === '"note 0","note 1","note 2"');

  await page.getByLabel("Select the loaded rows").click();
  await page.getByRole("button", { name: "Edit", exact: true }).click();
  await page.getByLabel("Fields to set in all of them").fill('{ text: "the same" }');
  await page.getByRole("button", { name: "Set", exact: true }).click();
  await until("all to be the same", async () => new Set(await column(page, "text")).size === 1);
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Nothing matches").waitFor();
  await page.getByRole("button", { name: "Show all documents" }).click();
  await page.getByText("247 documents").first().waitFor();

  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Schema and indexes" }).click();
  await page.getByText("notes: defineTable(").waitFor();
  await page.getByRole("tab", { name: "Indexes" }).click();
  await page.getByRole("dialog").getByRole("cell", { name: "by_n" }).waitFor();
  await page.keyboard.press("Escape");

  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Clear the table" }).click();
  await page.getByLabel("Name of the table").fill("notes");
  await page.getByRole("button", { name: "Delete all documents" }).click();
  await page.getByText("This table is empty").waitFor();

  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByLabel("Name", { exact: true }).fill("drafts");
  await page.getByRole("dialog").getByRole("button", { name: "Create" }).click();
  await page.getByRole("heading", { level: 1, name: "drafts" }).waitFor();
  await page.getByRole("button", { name: "More" }).click();
  await page.getByRole("menuitem", { name: "Delete the table" }).click();
  await page.getByLabel("Name of the table").fill("drafts");
  await page.getByRole("dialog").getByRole("button", { name: "Delete the table" }).click();
  await page.getByText("The table drafts is deleted.").waitFor();
  assert.equal(await page.getByRole("link", { name: /^drafts/ }).count(), 0);
});

test("a hundred thousand documents are scrolled through without being held", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  const COUNT = 120_000;
  await importLines(server, "people", Array.from({ length: COUNT }, (_, n) => JSON.stringify({ name: `person ${n}` })));
  const { page, errors } = await openDashboard(browser, server, "/data/people");
  await page.getByText("120,000 documents").first().waitFor();
  const grid = page.locator(".grid");
  const start = performance.now();
  let reached = 0;
  let most = 0;
  while (reached < 4_000) {
    await grid.evaluate((element) => (element.scrollTop += 3_000));
    most = Math.max(most, await page.locator(".grid-rows [role=row]").count());
    const texts = await column(page, "name");
    const last = /person (\d+)/.exec(texts.findLast((text) => text !== "") ?? "");
    if (last) reached = Math.max(reached, COUNT - Number(last[1]));
  }
  const frame = await grid.evaluate(async (element) => {
    let longest = 0;
    let before = performance.now();
    for (let step = 0; step < 60; step += 1) {
      element.scrollTop -= 1_000;
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      longest = Math.max(longest, now - before);
      before = now;
    }
    return longest;
  });
  console.log(`${reached} rows in ${Math.round(performance.now() - start)} ms, the longest frame while scrolling back ${Math.round(frame)} ms`);
  assert.ok(most < 100, `${most} rows were drawn at once`);
  assert.deepEqual(errors, []);
});

test("functions are run with arguments, as whom one likes, and queries stay live", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  const { page } = await openDashboard(browser, server, "/functions?function=notes:add");
  const result = page.getByRole("region", { name: "Result" });
  await page.getByLabel("text", { exact: true }).fill(SCRIPT);
  await page.getByLabel("n", { exact: true }).fill("many");
  await page.getByRole("button", { name: "Run mutation" }).click();
  await page.getByText("many is no value").waitFor();
  await page.getByLabel("n", { exact: true }).fill("4");
  await page.getByLabel("Give mood").check();
  await page.getByLabel("mood", { exact: true }).selectOption('"bad"');
  await page.getByRole("button", { name: "Run mutation" }).click();
  await result.getByText("success").waitFor();
  await result.getByText("adding").waitFor();
  await assertAccessible(page, "a result");

  await page.getByRole("navigation", { name: "Functions" }).getByRole("link", { name: /^list/ }).click();
  await page.getByRole("button", { name: "Run query" }).click();
  await result.getByText("live").waitFor();
  await addNotes(server, "seen at once");
  await result.getByText("seen at once").waitFor();
  await result.getByText("1 change,").waitFor();

  await page.getByRole("navigation", { name: "Functions" }).getByRole("link", { name: /^whoami/ }).click();
  await page.getByLabel("Run as").selectOption("user");
  await page.getByLabel("Identity").fill('{ subject: "u1", issuer: "https://issuer.example", name: "Grace Ünicode" }');
  await page.getByRole("button", { name: "Run query" }).click();
  await result.getByText("Grace Ünicode").waitFor();
  await page.getByLabel("Run as").selectOption("nobody");
  await page.getByRole("button", { name: "Run query" }).click();
  await result.getByText('"nobody"').waitFor();

  await page.getByRole("navigation", { name: "Functions" }).getByRole("link", { name: /^fail/ }).click();
  await page.getByRole("button", { name: "Run mutation" }).click();
  await result.getByText("it failed on purpose").waitFor();
  await result.getByText("about to fail").waitFor();
  await page.getByRole("tab", { name: "Source" }).click();
  await page.getByLabel("Source of notes").getByText("about to fail").waitFor();

  await page.getByRole("navigation", { name: "Functions" }).getByRole("link", { name: /^secret/ }).click();
  await page.getByRole("button", { name: "Run mutation" }).click();
  await result.getByText('"inside"').waitFor();
  assert.equal(await page.evaluate("window.hacked"), undefined);
});

test("environment variables are set one by one and from a file, and functions see them", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  const { page } = await openDashboard(browser, server, "/environment");
  const client = connectClient(t, server);
  let greeting;
  client.onUpdate(api.notes.greet, {}, (result) => (greeting = result));
  await page.getByText("No variables").waitFor();
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByLabel("Name", { exact: true }).fill("GREETING");
  await page.getByLabel("Value").fill("Hello");
  await page.getByRole("button", { name: "Save" }).click();
  await until("the function to see it", () => greeting === "Hello");
  await page.getByRole("button", { name: "Edit GREETING" }).click();
  await page.getByLabel("Value").fill(SCRIPT);
  await page.getByRole("button", { name: "Save" }).click();
  await until("the function to see the other", () => greeting === SCRIPT);
  await page.getByRole("button", { name: "Paste a .env file" }).click();
  await page.getByLabel("Content of the file").fill('# keys\nexport A_KEY="two\\nlines"\nB=\'single\'\nC=bare # not this\nGREETING=Hi\n');
  await page.getByText("A_KEY, B, C, GREETING; 1 replaced").waitFor();
  await page.getByRole("button", { name: "Set 4 variables" }).click();
  await until("the pasted one", () => greeting === "Hi");
  await page.getByRole("button", { name: "Show C" }).click();
  await page.getByText("bare", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Delete GREETING" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await until("it to be gone", () => greeting === "no greeting");
  const listed = await fetch(`${server.url}/api/v1/list_environment_variables`, { headers: { Authorization: `Convex ${server.adminKey}` } });
  assert.deepEqual((await listed.json()).environmentVariables, { A_KEY: "two\nlines", B: "single", C: "bare" });
});

test("the log is live, can be searched and stopped, and shows a request whole", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  const { page } = await openDashboard(browser, server, "/logs");
  const log = page.getByRole("region", { name: "Log", exact: true });
  await page.getByText("Nothing has run yet").or(log).waitFor();
  await callAsAdmin(server, "notes:work", { text: SCRIPT });
  await log.getByText("'working'").or(log.getByText("working")).first().waitFor();
  await log.getByText("notes.js:add").or(log.getByText("notes:add")).first().waitFor();
  await log.getByText("working").first().click();
  const request = page.getByRole("complementary", { name: /^Request/ });
  await request.locator(".run-tree .run-tree").getByText(/notes(\.js)?:add/).waitFor();
  await assertAccessible(page, "a request");

  await page.getByLabel("What").selectOption("failed");
  await page.getByText("Nothing matches").waitFor();
  await callAsAdmin(server, "notes:fail").catch(() => {});
  await log.getByText("it failed on purpose").first().waitFor();
  await page.getByLabel("What").selectOption("");
  await page.getByLabel("Search").fill("needle");
  await page.getByText("Nothing matches").waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await addNotes(server, "a needle");
  await page.getByText(/paused; [1-9]/).waitFor();
  await page.getByText("Nothing matches").waitFor();
  await page.getByRole("button", { name: "Go on" }).click();
  await log.getByText("needle").first().waitFor();
  assert.equal(await page.evaluate("window.hacked"), undefined);
});

test("files are uploaded, looked at and deleted", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  const { page } = await openDashboard(browser, server, "/files");
  await page.getByText("No files").waitFor();
  const files = [1, 2, 3].map((n) => ({ name: `${n}${SCRIPT.replaceAll("/", "")}.txt`, mimeType: "text/plain", buffer: Buffer.from(`content ${n} ${SCRIPT}`) }));
  await page.getByLabel("Files to upload").setInputFiles(files);
  await page.getByText("3 files").first().waitFor();
  await page.getByRole("region", { name: "Files" }).getByRole("button", { name: /^kg/ }).first().click();
  await page.getByText("content 3").waitFor();
  await assertAccessible(page, "a file");
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: /^Delete kg/ }).first().click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("2 files").first().waitFor();
  await page.getByLabel("Select the loaded files").click();
  await page.getByRole("button", { name: "Delete 2 files" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("No files").waitFor();
  assert.equal(await page.evaluate("window.hacked"), undefined);
});

test("scheduled functions are shown and canceled, crons with their runs", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  for (let n = 0; n < 3; n += 1) await callAsAdmin(server, "notes:later");
  const { page } = await openDashboard(browser, server, "/schedules");
  await until("three jobs", async () => (await page.getByRole("button", { name: "Cancel notes:add" }).count()) === 3);
  await page.getByRole("button", { name: "Arguments" }).first().click();
  await page.getByRole("dialog").getByText('text: "later"').waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Cancel notes:add" }).first().click();
  await until("two jobs", async () => (await page.getByRole("button", { name: "Cancel notes:add" }).count()) === 2);
  await page.getByRole("button", { name: "Cancel all" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel all" }).click();
  await page.getByText("Nothing is scheduled").waitFor();
  await page.getByRole("tab", { name: "Crons" }).click();
  await page.getByRole("cell", { name: "daily at 03:00 UTC" }).waitFor();
  await page.getByRole("button", { name: "Runs of tidy up" }).click();
  await page.getByText("It has not run yet").waitFor();
});

test("everything is exported to a file, and files are imported after what they do was confirmed", async (t) => {
  const [server, browser] = [await startNotes(t), await startBrowser(t)];
  await addNotes(server, "kept");
  const { page } = await openDashboard(browser, server, "/backups");
  await page.getByLabel("With the stored files").check();
  await page.getByRole("button", { name: "Export" }).click();
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
  assert.match(unzipped(await download.path())["notes/documents.jsonl"], /"kept"/);

  const file = path.join(temporaryFolder(), "notes.jsonl");
  writeFileSync(file, '{"text":"imported","n":1.5}\n{"text":"also","n":2.5}\n');
  await page.getByLabel("File", { exact: true }).setInputFiles(file);
  await page.getByLabel("Mode").selectOption("replace");
  assert.equal(await page.getByLabel("Table").inputValue(), "notes");
  await page.getByRole("button", { name: "Upload" }).click();
  await page.getByText("to be confirmed").waitFor();
  await page.getByText("Import change summary:").waitFor();
  await assertAccessible(page, "an import to be confirmed");
  await page.getByRole("button", { name: "Import", exact: true }).click();
  await page.getByText("2 documents").waitFor();
  assert.deepEqual((await callAsAdmin(server, "notes:list")).map(({ text }) => text).sort(), ["also", "imported"]);
});

test("the page says that the server is away, and goes on when it is back", async (t) => {
  const [browser, port] = [await startBrowser(t), await freePort()];
  const first = await startNotes(t, { port });
  await addNotes(first, "before");
  const { page, errors } = await openDashboard(browser, first, "/data/notes");
  await page.getByRole("grid").getByText('"before"').waitFor();
  await first.kill();
  await page.getByText("The connection to the deployment is lost").waitFor();
  await page.getByRole("grid").getByText('"before"').waitFor();
  const second = await startServer(t, { program: "fusion", args: ["serve"], port, data: first.data });
  await page.getByText("The connection to the deployment is lost").waitFor({ state: "detached" });
  await addNotes({ ...first, adminKey: second.adminKey }, "after");
  await page.getByRole("grid").getByText('"after"').waitFor();
  assert.deepEqual(errors, []);
});

test("fusion dashboard prints the link that signs in", async (t) => {
  const server = await startServer(t, { program: "fusion", args: ["serve"] });
  const folder = temporaryFolder();
  const printed = await fusion(folder, "dashboard", "--no-open", "--url", server.url, "--admin-key", server.adminKey);
  assert.equal(printed.stdout.trim(), `${server.url}/_dashboard#key=${encodeURIComponent(server.adminKey)}`, printed.stderr);
  const refused = await fusion(folder, "dashboard", "--no-open", "--url", server.url, "--admin-key", "fusion|wrong");
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /fusion keygen admin-key/);
});
