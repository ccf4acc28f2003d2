// `owed dashboard`, run as it is installed: where it listens, who finds it, what may be done, and how it ends.
import { createServer } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { formWith } from "../dashboard/scene.ts";
import { freePort } from "../support/server-process.ts";
import { type Ending, type InstalledCommand, installCommand } from "./installed-command.ts";
import { kinds, openPlace, type Place } from "./kinds.ts";

let owed: InstalledCommand;
beforeAll(() => void (owed = installCommand()));
afterAll(() => owed[Symbol.dispose]());

/** Starts it, hands its address to `use`, and stops it. */
async function during(
  { env }: Place,
  options: readonly string[],
  use: (url: string) => Promise<void>,
): Promise<Ending> {
  let used: Promise<void> | null = null;
  const ending = await owed.run(["dashboard", "--port", "0", ...options], {
    env,
    watch(output, kill) {
      const [url] = /http:\/\/127\.0\.0\.1:\d+\/[0-9a-f]{32}\//.exec(output) ?? [];
      if (url !== undefined && used === null) used = use(url).finally(() => kill("SIGTERM"));
    },
  });
  expect(used).not.toBeNull();
  await used;
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
    expect(err).toMatch(/a person acted in the dashboard .*"action":"cancel","taskId":"mail:1"/);
  });
});

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
