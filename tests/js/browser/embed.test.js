// The script that puts the widget on the pages of others: a strict page of a foreign origin, the keyboard, phones, and who may
// tell it what to do.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { startBrowser } from "../support/browser.js";
import { until } from "../support/wait.js";
import { assertAccessible, beginChat, openPage, startChat } from "../support/widget.js";

/** Another website, whose pages are strict about what they load: `{url}`; `pages` gives the body of each path. */
async function startSite(t, server, pages) {
  const policy = `default-src 'none'; script-src ${server.url}; frame-src http://127.0.0.1:* http://localhost:*; require-trusted-types-for 'script'; trusted-types 'none'`;
  const site = createServer((request, response) => {
    const body = pages[new URL(request.url, "http://site").pathname];
    if (body === undefined) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": "text/html", "Content-Security-Policy": policy });
    return response.end(`<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width"><title>A site</title></head><body><main><h1>A site</h1><a href="#x">link</a></main>${body}</body></html>`);
  });
  await new Promise((resolve) => site.listen(0, resolve));
  t.after(() => {
    site.closeAllConnections();
    site.close();
  });
  const { port } = site.address();
  // Another port is another origin. Another host is another site, too, whose frames some browsers deny their storage.
  return { url: `http://127.0.0.1:${port}`, elsewhere: `http://localhost:${port}` };
}

const tag = (server, attributes = 'data-organization-id="org_demo"') => `<script src="${server.url}/embed.js" ${attributes}></script>`;

async function begin(t, { pages, options } = {}) {
  const server = await startChat(t);
  const site = await startSite(t, server, pages?.(server) ?? { "/": tag(server) });
  const browser = await startBrowser(t);
  const page = await openPage(t, browser, { viewport: { width: 1024, height: 768 }, ...options });
  await page.goto(site.url);
  const parts = { launcher: page.locator("#fusionchat-widget-button"), container: page.locator("#fusionchat-widget-container"), frame: page.frameLocator("#fusionchat-widget-container iframe") };
  return { server, site, browser, page, ...parts };
}

/** The frame that the widget runs in. */
async function widgetFrame(page, server) {
  return until("the frame", () => page.frames().find((frame) => frame.url().startsWith(`${server.url}/widget`)));
}

test("on a strict page of another origin: opened, used, and closed with the keyboard", async (t) => {
  const { server, page, launcher, container, frame } = await begin(t);
  await launcher.waitFor();
  assert.deepEqual([await launcher.getAttribute("aria-expanded"), await launcher.getAttribute("aria-label"), await container.isVisible()], ["false", "Open chat", false]);
  assert.equal(await page.locator("iframe").count(), 0, "nothing is loaded before it is wanted");
  await assertAccessible(page, "closed");

  await launcher.focus();
  await page.keyboard.press("Enter");
  await frame.getByLabel("Name").waitFor();
  assert.deepEqual([await launcher.getAttribute("aria-expanded"), await launcher.getAttribute("aria-label"), await container.isVisible()], ["true", "Close chat", true]);
  const box = await container.boundingBox();
  assert.deepEqual([box.width, box.height].map(Math.round), [400, 600]);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "IFRAME");
  assert.equal(new URL(await page.locator("iframe").getAttribute("src")).searchParams.get("organizationId"), "org_demo");
  await assertAccessible(page, "open");

  await page.keyboard.press("Tab");
  await frame.getByLabel("Name").fill("Vera Visitor");
  await frame.getByLabel("E-mail").fill("vera@example.com");
  await page.keyboard.press("Enter");
  await frame.getByRole("button", { name: "Start a chat" }).waitFor();
  await beginChat(frame);

  // From inside the frame, and from the page around it.
  await frame.getByLabel("Your message").press("Escape");
  await container.waitFor({ state: "hidden" });
  assert.equal(await launcher.evaluate((button) => button === document.activeElement), true, "the focus is where it came from");
  await launcher.click();
  await frame.getByLabel("Your message").waitFor();
  await page.getByRole("link", { name: "link" }).focus();
  await page.keyboard.press("Escape");
  await container.waitFor({ state: "hidden" });
  await launcher.click();
  await frame.getByRole("button", { name: "Close chat" }).click();
  await container.waitFor({ state: "hidden" });

  // Whoever comes back to the page is where they were.
  await page.reload();
  await launcher.click();
  await frame.getByLabel("Your message").waitFor();
  assert.ok(await widgetFrame(page, server));
});

test("where a browser denies the frames of others their storage, it works for as long as the page is open", async (t) => {
  const { site, page, launcher, container, frame } = await begin(t);
  await page.goto(site.elsewhere);
  await launcher.click();
  await frame.getByLabel("Name").fill("Vera Visitor");
  await frame.getByLabel("E-mail").fill("vera@example.com");
  await frame.getByRole("button", { name: "Continue" }).click();
  await beginChat(frame);
  await launcher.click();
  await container.waitFor({ state: "hidden" });
  await launcher.click();
  await frame.getByLabel("Your message").waitFor();
});

test("twice on a page there is one; without an organization there is none", async (t) => {
  const pages = (server) => ({
    "/": `${tag(server)}${tag(server)}${tag(server, 'data-organization-id="org_demo" data-position="bottom-left" async')}`,
    "/none": tag(server, ""),
    "/left": tag(server, 'data-organization-id="org_demo" data-position="bottom-left"'),
  });
  const { site, page, launcher, container } = await begin(t, { pages });
  const errors = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.waitForLoadState("load");
  assert.deepEqual([await launcher.count(), await container.count()], [1, 1]);
  assert.ok((await launcher.boundingBox()).x > 512);
  await page.goto(`${site.url}/left`);
  assert.ok((await launcher.boundingBox()).x < 512);
  await page.goto(`${site.url}/none`);
  await until("the error", () => errors.some((text) => text.includes("data-organization-id")));
  assert.deepEqual([await launcher.count(), await page.evaluate(() => typeof window.FusionchatWidget)], [0, "undefined"]);
});

test("the page can show, hide, destroy and begin again", async (t) => {
  const { page, launcher, container, frame } = await begin(t);
  await page.evaluate(() => window.FusionchatWidget.show());
  await frame.getByLabel("Name").waitFor();
  await page.evaluate(() => window.FusionchatWidget.hide());
  await container.waitFor({ state: "hidden" });
  await page.evaluate(() => window.FusionchatWidget.init({ organizationId: "org_nobody", position: "bottom-left" }));
  assert.deepEqual([await launcher.count(), await container.count()], [1, 1]);
  assert.ok((await launcher.boundingBox()).x < 512);
  await launcher.click();
  await frame.getByText("Organization not valid").waitFor();
  await page.evaluate(() => window.FusionchatWidget.destroy());
  assert.deepEqual([await launcher.count(), await container.count(), await page.evaluate(() => document.adoptedStyleSheets.length)], [0, 0, 0]);
  await page.evaluate(() => {
    window.FusionchatWidget.show();
    window.FusionchatWidget.init();
  });
  assert.equal(await launcher.count(), 1);
});

test("only the widget itself can close and resize its frame", async (t) => {
  const pages = (server) => ({ "/": tag(server), "/foreign": "a page of somebody else" });
  const { server, site, page, launcher, container, frame } = await begin(t, { pages });
  await launcher.click();
  await frame.getByLabel("Name").waitFor();
  const height = async () => Math.round((await container.boundingBox()).height);
  const attempts = (target) => {
    target.postMessage({ type: "resize", payload: { height: 333 } }, "*");
    target.postMessage({ type: "close" }, "*");
  };
  // The page itself, a frame of another origin, and a frame of the widget's origin that is not the widget.
  await page.evaluate(`(${attempts})(window)`);
  for (const [name, url] of [["foreign", `${site.elsewhere}/foreign`], ["double", `${server.url}/widget`]]) {
    await page.evaluate(({ name, url }) => {
      const other = document.createElement("iframe");
      other.name = name;
      other.src = url;
      document.body.append(other);
    }, { name, url });
    const other = await until(`the frame ${name}`, () => page.frames().find((one) => one.name() === name));
    if (name === "double") await other.getByText("Organization ID is required").waitFor();
    await other.evaluate(`(${attempts})(window.parent)`);
  }
  // What the widget says afterwards is heard after all of these.
  const widget = await widgetFrame(page, server);
  for (const wrong of [undefined, null, "close", 7, { type: "resize" }, { type: "resize", payload: { height: "9" } }, { type: "resize", payload: { height: NaN } }]) {
    await widget.evaluate((message) => window.parent.postMessage(message, "*"), wrong);
  }
  await widget.evaluate(() => window.parent.postMessage({ type: "resize", payload: { height: 480 } }, "*"));
  await until("the height", async () => (await height()) === 480);
  assert.equal(await container.isVisible(), true);
  await widget.evaluate(() => window.parent.postMessage({ type: "resize", payload: { height: 100_000 } }, "*"));
  await until("the whole window", async () => (await height()) === 768 - 116);
  await widget.evaluate(() => window.parent.postMessage({ type: "close" }, "*"));
  await container.waitFor({ state: "hidden" });
});

test("on a phone it fills the screen; who wants no motion sees none", async (t) => {
  const { page, launcher, container, frame } = await begin(t, {
    options: { viewport: { width: 390, height: 780 }, hasTouch: true, isMobile: true, reducedMotion: "reduce", colorScheme: "dark" },
  });
  await launcher.tap();
  await frame.getByLabel("Name").waitFor();
  const box = await container.boundingBox();
  const [width, height] = await page.evaluate(() => [innerWidth, innerHeight]);
  assert.deepEqual([box.x, box.y, box.width, box.height].map(Math.round), [0, 0, width, height]);
  assert.equal(await launcher.isVisible(), false, "it would lie over the widget");
  const motion = await container.evaluate((element) => [getComputedStyle(element).animationName, getComputedStyle(element).transitionDuration]);
  assert.deepEqual(motion, ["none", "0s"]);
  await frame.getByRole("button", { name: "Close chat" }).tap();
  await launcher.waitFor();
  assert.equal(await launcher.evaluate((button) => button === document.activeElement), true);
});

test("the demo page has the widget on it, and says what to try", async (t) => {
  const server = await startChat(t);
  const browser = await startBrowser(t);
  const page = await openPage(t, browser, { viewport: { width: 1024, height: 768 } });
  await page.goto(`${server.url}/demo`);
  const launcher = page.locator("#fusionchat-widget-button");
  await launcher.waitFor();
  await assertAccessible(page, "the demo page");
  assert.match(await page.locator("#snippet").innerText(), /^<script src="http:\/\/127\.0\.0\.1:\d+\/embed\.js" data-organization-id="org_demo" async><\/script>$/);
  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Save it as hours.txt" }).click()]);
  assert.equal(download.suggestedFilename(), "hours.txt");
  await page.getByLabel("left").check();
  await until("the other corner", async () => (await launcher.boundingBox()).x < 512);
  await launcher.click();
  await page.frameLocator("iframe").getByLabel("Name").waitFor();
});

test("the script is small", async (t) => {
  const server = await startChat(t);
  const response = await fetch(`${server.url}/embed.js`);
  assert.match(response.headers.get("content-type"), /javascript/);
  const bytes = gzipSync(Buffer.from(await response.arrayBuffer()), { level: 9 }).length;
  assert.ok(bytes > 500 && bytes <= 4 * 1024, `${bytes} bytes`);
});
