// `owed dashboard`, run as it is installed: where it listens, who finds it, what may be done, and how it ends.
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { formWith, mail, openScene } from "../dashboard/scene.ts";
import { freePort } from "../support/server-process.ts";
import { type Ending, type InstalledCommand, installCommand } from "./installed-command.ts";
import { kinds, openPlace, type Place } from "./kinds.ts";

let owed: InstalledCommand;
beforeAll(() => void (owed = installCommand()));
afterAll(() => owed[Symbol.dispose]());

/** Starts it, hands its address to `use`, and stops it. */
async function during(
  { env }: Pick<Place, "env">,
  options: readonly string[],
  use: (url: string) => Promise<void>,
  signal: NodeJS.Signals = "SIGTERM",
): Promise<Ending> {
  const used: Promise<void>[] = [];
  const ending = await owed.run(["dashboard", "--port", "0", ...options], {
    env,
    watch(output, kill) {
      const [url] = /http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\//.exec(output) ?? [];
      if (url !== undefined && used.length === 0) used.push(use(url).finally(() => kill(signal)));
    },
  });
  expect(used).toHaveLength(1);
  await Promise.all(used);
  return ending;
}

async function page(url: string): Promise<{ readonly status: number; readonly html: string }> {
  const response = await fetch(url);
  return { status: response.status, html: await response.text() };
}

describe.each(kinds)("on %s", (kind) => {
  it("shows what is there to whoever has the address, does what they press, and puts it on record", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([newTask("mail:1", { type: "mail" })]);
    const { code, err, out } = await during(place, [], async (url) => {
      const { origin } = new URL(url);
      expect((await page(url)).html).toContain("<h1>Overview</h1>");
      for (const other of ["/", "/tasks", `/${"0".repeat(32)}/`]) {
        expect([other, (await page(origin + other)).status]).toEqual([other, 404]);
      }
      const { html } = await page(`${url}task?id=mail:1`);
      expect(html).not.toContain("Show the data");
      const { action, fields } = formWith(html, "Cancel the task");
      const post = { method: "POST", body: fields, redirect: "manual", headers: { origin } } as const;
      expect((await fetch(origin + action, post)).status).toBe(303);
      expect((await place.store.get("mail:1"))?.state).toBe("cancelled");
    });
    expect([code, out]).toEqual([0, expect.stringContaining("the dashboard is at http://127.0.0.1:")]);
    expect(err).toMatch(/a person acted on a task .*"action":"cancel","taskId":"mail:1"/);
  });
});

it("killed in the middle of long work it leaves nothing half done, and the same form goes on with the rest", async () => {
  await using scene = await openScene("Postgres");
  const ids = Array.from({ length: 1_000 }, (_, index) => `t:${index}`);
  await scene.enqueue(ids.map((id) => mail(id)));
  await scene.failAll("the merchant is dead");
  await new Promise((resolve) => setTimeout(resolve, 5)); // what failed in the very millisecond of the preview is left alone
  const generations = async () =>
    await Promise.all(ids.map(async (id) => (await scene.store.get(id))?.generation ?? 0));
  const press = async (url: string, html: string, label: string): Promise<string> => {
    const { action, fields } = formWith(html, label);
    const { origin } = new URL(url);
    return await (await fetch(origin + action, { method: "POST", body: fields, headers: { origin } })).text();
  };
  const begun = await during(
    scene,
    [],
    async (url) => {
      const preview = await press(url, (await page(`${url}failed`)).html, "Redrive all failed…");
      const first = await press(url, preview, "Redrive 1,000 tasks");
      expect(first).toContain("data-go-on");
      const cut = press(url, first, "Go on").catch(() => "cut");
      await new Promise((resolve) => setTimeout(resolve, 60));
      void cut;
    },
    "SIGKILL",
  );
  expect(begun.code).toBeNull();
  const half = await generations();
  expect(half.filter((generation) => generation === 2).length).toBeGreaterThanOrEqual(100);
  expect(half.filter((generation) => generation === 1).length).toBeGreaterThan(0);
  await during(scene, [], async (url) => {
    let html = await press(url, (await page(`${url}failed`)).html, "Redrive all failed…");
    html = await press(url, html, /<button class="">(Redrive [\d,]+ tasks)/.exec(html)?.[1] ?? "");
    while (html.includes("data-go-on")) html = await press(url, html, "Go on");
    expect(html).toMatch(/[\d,]+ tasks redriven/);
  });
  expect(new Set(await generations())).toEqual(new Set([2]));
  expect(await scene.store.count("failed")).toBe(0);
}, 120_000);

it("read-only it changes nothing, and with --reveal it shows data", async () => {
  await using place = await openPlace("SQLite");
  await place.enqueue([newTask("mail:1", { type: "mail" })]);
  const { code } = await during(place, ["--read-only", "--reveal", "--json"], async (url) => {
    const { html } = await page(`${url}task?id=mail:1&data=shown`);
    expect([html.includes("&quot;of&quot;"), html.includes("<form method")]).toEqual([true, false]);
  });
  expect(code).toBe(0);
});

it("a port that is taken is told, with what to do", async () => {
  await using place = await openPlace("SQLite");
  const port = await freePort();
  const holder = createServer();
  await new Promise<void>((resolve) => void holder.listen(port, "127.0.0.1", resolve));
  const { code, err } = await owed.run(["dashboard", "--port", String(port)], { env: place.env });
  holder.close();
  expect([code, err]).toEqual([2, expect.stringContaining(`port ${port} cannot be used (EADDRINUSE)`)]);
  expect(err).toContain("--port 0 takes a free one");
});
