// The dashboard as people meet it: in a browser, on real databases.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { kinds } from "../cli/kinds.ts";
import { missingChromium, startChromium } from "../support/chromium.ts";
import { openShop, openTab, type Shop } from "./browser-scene.ts";
import { corpus } from "./corpus.ts";

const missing = missingChromium();
if (missing !== null) console.warn(`the dashboard is not looked at in a browser: ${missing}`);

const allPages = [
  "/",
  "/tasks",
  "/tasks?state=pending",
  "/task?id=hook:4",
  "/task?id=crm:1&data=shown",
  "/failed",
  "/processes",
  "/find?q=hook",
];

// skipped: there is no Chromium here, and the reason is printed above
describe.skipIf(missing !== null)("in a browser", () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await startChromium();
  }, 60_000);
  afterAll(() => browser?.close());

  async function openFullShop(kind: (typeof kinds)[number] = "SQLite"): Promise<Shop> {
    const shop = await openShop(kind);
    await shop.enqueue("receipt", "receipt", 1, 12);
    await shop.enqueue("webhook", "hook", 1, 6);
    await shop.enqueue("crm", "crm", 1, 2);
    await shop.quiet();
    return shop;
  }

  describe.each(kinds)("on %s", (kind) => {
    it.each([true, false])(
      "a failed task is found by its order, read, redriven and seen confirmed (scripts: %s)",
      async (javaScriptEnabled) => {
        await using shop = await openFullShop(kind);
        await using tab = await openTab(browser, shop.url, { javaScriptEnabled });
        const { page } = tab;
        await shop.enqueue("webhook", "pay", 77, 77);
        await shop.quiet();
        await page.goto(`${shop.url}/`);
        await page.getByLabel("Find a task by its id or reference").fill("order-77");
        await page.keyboard.press("Enter");
        await page.getByRole("heading", { name: "pay:77" }).waitFor();
        const text = await page.locator("main").innerText();
        expect(text).toContain("It has failed for good: 2 attempts failed, and no more are allowed.");
        expect(text).toContain("connect ECONNREFUSED 10.0.0.7:443");
        shop.mend();
        await page.getByRole("button", { name: "Redrive" }).click();
        await page.getByText("Redriven: it is pending again").waitFor();
        if (!javaScriptEnabled) {
          await shop.quiet();
          await page.reload();
        }
        await page.getByText("It is done. There is nothing left to run.").waitFor();
        expect(await page.locator(".verdict .badge").innerText()).toBe("confirmed");
        expect(tab.troubles).toEqual([]);
      },
    );

    it("a group of 5,000 is redriven to its end after one press", async () => {
      await using shop = await openShop(kind);
      await shop.enqueue("webhook", "hook", 1, 5_000);
      await shop.quiet();
      await using tab = await openTab(browser, shop.url);
      const { page } = tab;
      await page.goto(`${shop.url}/failed`);
      shop.mend();
      await page.getByRole("button", { name: "Redrive…" }).click();
      await page.getByText("Tasks that come into this state from now on are left alone.").waitFor();
      await page.getByRole("button", { name: /^Redrive [\d,]+/ }).click();
      await page.getByRole("heading", { name: "5,000 tasks redriven" }).waitFor({ timeout: 150_000 });
      await shop.quiet();
      expect(await shop.place.store.count("confirmed")).toBe(5_000);
      expect(tab.troubles).toEqual([]);
    }, 240_000);
  });

  it("tasks are ticked one by one or all at once, and stay ticked while the page is kept up to date", async () => {
    await using shop = await openFullShop();
    await using tab = await openTab(browser, shop.url);
    const { page } = tab;
    await page.goto(`${shop.url}/tasks?type=webhook.deliver`);
    await page.getByLabel("Select hook:2", { exact: true }).check();
    await page.waitForTimeout(2_600);
    expect(await page.getByLabel("Select hook:2", { exact: true }).isChecked()).toBe(true);
    await page.getByText("1 selected").waitFor();
    await page.getByLabel("Select all on this page").check();
    await page.getByText("6 selected").waitFor();
    await page.getByRole("button", { name: "Redrive selected…" }).click();
    await page.getByRole("heading", { name: "Redrive 6 tasks?" }).waitFor();
    expect(tab.troubles).toEqual([]);
  });

  it("an overview stays up to date, says when it cannot, and recovers by itself", async () => {
    await using shop = await openFullShop();
    await using tab = await openTab(browser, shop.url);
    const { page } = tab;
    await page.goto(`${shop.url}/`);
    const failed = page.locator(".tile", { hasText: "failed" }).locator(".count");
    expect(await failed.innerText()).toBe("7");
    await page.getByRole("status").getByText("live").waitFor();
    await shop.enqueue("webhook", "later", 1, 3);
    await expect.poll(() => failed.innerText(), { timeout: 10_000 }).toBe("10");
    await page.route("**/*", (route) => route.abort());
    await page.getByText("not up to date: trying again in 4 s").waitFor();
    await page.unroute("**/*");
    await page.getByRole("status").getByText("live").waitFor();
  });

  it("hostile text runs no script, loads nothing, and breaks no policy", async () => {
    await using shop = await openShop("SQLite");
    const fields = (text: string) => ({ type: text.slice(0, 100), referenceId: text, headers: { x: text } });
    const encode = (text: string) => new TextEncoder().encode(text);
    await shop.place.enqueue(
      corpus.map((text) => newTask(text, { ...fields(text), data: encode(text), codec: "raw" })),
    );
    await using tab = await openTab(browser, shop.url);
    const { page } = tab;
    await page.goto(`${shop.url}/tasks?state=pending`);
    await page.goto(`${shop.url}/`);
    for (const text of corpus) {
      const query = new URLSearchParams({ id: text, data: "shown" }).toString();
      await page.goto(`${shop.url}/task?${query}`);
      expect(await page.evaluate("document.querySelector('main pre').textContent.length")).toBeGreaterThan(0);
      const address = new URLSearchParams({
        type: text,
        reference: text,
        error: text,
        state: "pending",
      }).toString();
      await page.goto(`${shop.url}/tasks?${address}`);
    }
    expect(tab.troubles).toEqual([]);
  }, 120_000);

  it("cannot be put into a frame", async () => {
    await using shop = await openFullShop();
    await using tab = await openTab(browser, shop.url);
    await tab.page.setContent(`<iframe src="${shop.url}/" width="600" height="400"></iframe>`);
    await expect.poll(() => tab.troubles.join("\n")).toMatch(/frame-ancestors/);
  });

  it.each([360, 1_600])("is readable at %d px: nothing is wider than the screen", async (width) => {
    await using shop = await openFullShop();
    await shop.enqueue("crm", `${"a-very-long-id-without-any-gap".repeat(8)}`, 1, 1);
    await shop.place.enqueue([newTask("long", { type: "x".repeat(150), referenceId: "y".repeat(300) })]);
    await using tab = await openTab(browser, shop.url, { viewport: { width, height: 780 } });
    for (const path of allPages) {
      await tab.page.goto(shop.url + path);
      expect([path, await tab.page.evaluate("document.documentElement.scrollWidth")]).toEqual([path, width]);
    }
  });

  it("is worked by the keyboard alone", async () => {
    await using shop = await openFullShop();
    await using tab = await openTab(browser, shop.url);
    const { page } = tab;
    const focused = () => page.evaluate<string>("document.activeElement.textContent.trim()");
    await page.goto(`${shop.url}/task?id=hook:1`);
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("Redrive");
    shop.mend();
    await page.keyboard.press("Enter");
    await page.getByText("Redriven: it is pending again").waitFor();
  });

  it.each(["light", "dark"] as const)(
    "is accessible, in %s colours: axe finds nothing",
    async (colorScheme) => {
      const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
      await using shop = await openFullShop();
      // The policy of the page would not let the checker in.
      await using tab = await openTab(browser, shop.url, { colorScheme, bypassCSP: true });
      const { page } = tab;
      for (const path of allPages) {
        await page.goto(shop.url + path);
        await page.addScriptTag({ content: axe });
        const found = await page.evaluate<string[]>(
          "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + ': ' + nodes[0].html))",
        );
        expect([path, found]).toEqual([path, []]);
      }
      await page.goto(`${shop.url}/`);
      const ground = await page.evaluate<string>("getComputedStyle(document.body).backgroundColor");
      expect(ground).toBe(colorScheme === "dark" ? "rgb(19, 20, 22)" : "rgb(247, 247, 245)");
    },
  );
});
