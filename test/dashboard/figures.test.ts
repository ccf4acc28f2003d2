// What the pages tell over time: throughput, percentiles, types; and the record of what people did.
import { describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { figuresOf, shownLatency, shownRatio } from "../../src/dashboard/figures.ts";
import type { RollUp, TimedRollUp } from "../../src/store/contract.ts";
import { addRollUps, latencyCell, percentile } from "../../src/store/roll-up.ts";
import { mail, openScene, stores, visitorOf } from "./scene.ts";

function rollUp(type: string, unusual: Partial<RollUp> = {}): RollUp {
  return { type, confirmed: 0, failed: 0, givenUp: 0, waits: [], runs: [], slowest: null, ...unusual };
}

/** A histogram of lengths of time. */
function cells(...lengthsMs: readonly number[]): number[] {
  const counts: number[] = [];
  for (const ms of lengthsMs) {
    while (counts.length <= latencyCell(ms)) counts.push(0);
    counts[latencyCell(ms)] = (counts[latencyCell(ms)] ?? 0) + 1;
  }
  return counts;
}

describe.each(stores)("on %s", (kind) => {
  it("the overview draws throughput and percentiles of the last hour and day", async () => {
    await using scene = await openScene(kind);
    const slow = Array.from({ length: 10 }, () => 3_000);
    const counts = {
      confirmed: 1_200,
      failed: 34,
      waits: cells(...Array.from({ length: 90 }, () => 20), ...slow),
      runs: cells(5, 5, 5, 800),
    };
    await scene.store.recordRollUps([rollUp("mail", counts), rollUp("hook", { failed: 6 })]);
    const visitor = visitorOf(scene);
    for (const path of ["", "?span=day"]) {
      const { text, html } = await visitor.get(path);
      expect(text).toContain("Throughput 1,200 confirmed 40 failed attempts");
      expect(text).toMatch(/Commit to start half within (1\d|2\d) ms 95 % within (2\.[89]|3\.\d) s/);
      expect(text).toMatch(/Run time half within [4-6]\.\d ms/);
      expect(html).toContain('aria-label="Throughput: 1,200 confirmed, 40 failed attempts since');
      expect(html.match(/<g><title>/g)?.length).toBe(path === "" ? 60 : 24);
      expect(html).toMatch(/<rect class="confirmed" [^>]*><rect class="failed"/);
    }
    expect((await visitor.get("?span=day")).html).toMatch(/href="\/\?span=day" aria-current="true">Last day/);
  });

  it("types are told with their rates, failures and percentiles, in the order that was asked for", async () => {
    await using scene = await openScene(kind);
    await scene.store.recordRollUps([
      rollUp("mail", { confirmed: 900, failed: 100, runs: cells(5, 6, 7) }),
      rollUp("hook", { confirmed: 50, failed: 50, givenUp: 9, runs: cells(30_000) }),
      rollUp("crm.sync", { confirmed: 300, runs: cells(90) }),
    ]);
    const visitor = visitorOf(scene);
    const order = async (query: string): Promise<readonly string[]> => {
      const { html } = await visitor.get(`types${query}`);
      return [...html.matchAll(/data-label="Type"><a[^>]*>([^<]*)</g)].map(([, type = ""]) => type);
    };
    expect(await order("")).toEqual(["mail", "crm.sync", "hook"]);
    expect(await order("?order=failing")).toEqual(["hook", "mail", "crm.sync"]);
    expect(await order("?order=slowest&span=day")).toEqual(["hook", "crm.sync", "mail"]);
    expect(await order("?order=name")).toEqual(["crm.sync", "hook", "mail"]);
    expect((await visitor.get("types?order=random")).status).toBe(400);
    const { text } = await visitor.get("types");
    expect(text).toMatch(/hook 50 50 50 % 9 – .* 1 process/);
    expect(text).toMatch(/crm\.sync 300 0 0 % 0 – .* nobody/);
  });

  it("a type is told by itself, with its slowest task and its last errors in groups", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a"), mail("b"), newTask("c", { type: "hook" })]);
    await scene.failAll("no such mailbox");
    await scene.store.recordRollUps([
      rollUp("mail", { confirmed: 7, runs: cells(12), slowest: { taskId: "b", ms: 12_345 } }),
      rollUp("hook", { confirmed: 9_999 }),
    ]);
    const { text, html } = await visitorOf(scene).get("types?type=mail");
    expect(text).toContain("Confirmed 7 Failed attempts 0 (0 % of all)");
    expect(text).toContain("Slowest 12.3 s: b");
    expect(text).not.toContain("9,999");
    expect(text).toMatch(/Last errors Failed for good .* 2 mail no such mailbox/);
    expect(html).toContain('href="/task?id=b"');
  });

  it("what people did is on record, newest first, by person and by task, and in the story of the task", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a"), mail("b")]);
    await scene.failAll();
    const visitor = visitorOf(scene);
    await visitor.press(await visitor.get("task?id=a"), "Redrive");
    const by = { actor: "bob@laptop", via: "command", reason: "the customer has paid otherwise" };
    await scene.store.cancel("a", { by });
    await scene.store.redrive("b", { by: { ...by, actor: "eve" }, generation: 7 });
    const { text } = await visitor.get("audit");
    expect(text).toMatch(
      /eve command redrive b mail failed generation 7 left alone: failed .*bob@laptop command cancel a mail pending generation 2 done the customer has paid otherwise .*ann dashboard redrive a mail failed generation 1 done none/,
    );
    expect((await visitor.get("audit?actor=ann")).text).not.toContain("bob@laptop command");
    expect((await visitor.get("audit?id=b")).text).not.toContain("bob@laptop command");
    const story = (await visitor.get("task?id=a")).text;
    expect(story).toMatch(
      /Failed after .* Redriven by ann \(dashboard\) Generation 2 .*Cancelled by bob@laptop \(command\): the customer has paid otherwise$|Cancelled by bob@laptop \(command\): the customer has paid otherwise /,
    );
    expect(story.match(/Cancelled by/g)?.length).toBe(1);
    expect((await visitor.get("task?id=b")).text).toContain(
      "Not redriven, it was failed, or not as it was seen; tried by eve (command)",
    );
  });

  it("the record goes on page by page", async () => {
    await using scene = await openScene(kind);
    await scene.enqueue([mail("a")]);
    for (let act = 0; act < 120; act += 1) {
      await scene.store.redrive("a", { by: { actor: `person-${act}`, via: "command", reason: null } });
    }
    const visitor = visitorOf(scene);
    const seen: string[] = [];
    for (let path: string | undefined = "audit"; path !== undefined; ) {
      const { html } = await visitor.get(path);
      seen.push(...[...html.matchAll(/>(person-\d+)<\/a>/g)].map(([, actor = ""]) => actor));
      path = /href="\/([^"]*)">Older ones</.exec(html)?.[1]?.replaceAll("&amp;", "&");
    }
    expect(seen).toEqual(Array.from({ length: 120 }, (_, act) => `person-${119 - act}`));
  });
});

it("what cannot be put on record is not shown", async () => {
  await using scene = await openScene();
  await scene.enqueue([mail("a")]);
  const store = { ...scene.store, recordAct: () => Promise.reject(new Error("the disk is full")) };
  const { status, html } = await visitorOf(scene, { store }).get("task?id=a&data=shown");
  expect([status, html.includes("&quot;of&quot;")]).toEqual([500, false]);
});

describe("figures", () => {
  const at = (iso: string): Date => new Date(iso);
  const timed = (beginsAt: string, minutes: 1 | 60, confirmed: number, type = "mail"): TimedRollUp => ({
    ...rollUp(type, { confirmed }),
    beginsAt: at(beginsAt),
    minutes,
  });

  it("of an hour stand in its sixty minutes, the present one last", () => {
    const now = at("2026-11-24T03:12:45Z");
    const found = [
      timed("2026-11-24T03:12:00Z", 1, 5),
      timed("2026-11-24T02:13:00Z", 1, 7),
      timed("2026-11-24T02:12:00Z", 1, 9),
    ];
    const { steps, total } = figuresOf({ now, rollUps: found }, "hour");
    expect([steps.length, steps[0]?.sum.confirmed, steps[59]?.sum.confirmed]).toEqual([60, 7, 5]);
    expect([steps[0]?.beginsAt, total.confirmed]).toEqual([at("2026-11-24T02:13:00Z"), 12]);
  });

  it("of a day stand in its hours, whether they are folded or not", () => {
    const now = at("2026-11-24T03:12:45Z");
    const found = [
      timed("2026-11-23T04:00:00Z", 60, 100),
      timed("2026-11-24T02:59:00Z", 1, 5),
      timed("2026-11-24T02:00:00Z", 1, 6, "hook"),
    ];
    const { steps, types } = figuresOf({ now, rollUps: found }, "day");
    expect([steps.length, steps[0]?.sum.confirmed, steps[22]?.sum.confirmed]).toEqual([24, 100, 11]);
    expect(types.map(({ total }) => [total.type, total.confirmed])).toEqual([
      ["mail", 105],
      ["hook", 6],
    ]);
  });

  it.each([
    [0.4, 0.0, 1.0],
    [1, 1, 1.5],
    [7, 5.6, 8.1],
    [250, 181, 257],
    [60_000, 46_000, 66_000],
    [86_400_000, 23_000_000, 24_000_000],
  ])("a length of %d ms is found again within the width of a cell", (ms, least, most) => {
    const found = percentile(cells(ms, ms, ms), 0.5) ?? -1;
    expect(found).toBeGreaterThanOrEqual(least);
    expect(found).toBeLessThanOrEqual(most);
  });

  it("percentiles lie where the counts say, and of nothing there is none", () => {
    const counts = cells(...Array.from({ length: 98 }, () => 10), 5_000, 5_000);
    expect(percentile(counts, 0.5)).toBeLessThan(12);
    expect(percentile(counts, 0.98)).toBeLessThan(12);
    expect(percentile(counts, 0.99)).toBeGreaterThan(4_000);
    expect(percentile([], 0.5)).toBeNull();
    expect(percentile([0, 0], 0.5)).toBeNull();
  });

  it("are added up, the longer histogram's cells included, and the slower attempt stays", () => {
    const one = rollUp("a", { waits: [1], slowest: { taskId: "x", ms: 3 } });
    const other = rollUp("b", { waits: [1, 2], failed: 2, slowest: { taskId: "y", ms: 2 } });
    const sum = { ...rollUp("a", { waits: [2, 2], failed: 2, slowest: { taskId: "x", ms: 3 } }) };
    expect(addRollUps(one, other)).toEqual(sum);
    expect(addRollUps(rollUp("a"), other).slowest).toEqual({ taskId: "y", ms: 2 });
  });

  it("are told in words that fit their size", () => {
    expect([null, 0.4, 3.21, 140.4, 1_440, 65_000].map(shownLatency)).toEqual([
      "–",
      "under 1 ms",
      "3.2 ms",
      "140 ms",
      "1.4 s",
      "1 min 5 s",
    ]);
    expect([null, 0, 0.0004, 0.012, 0.5, 1].map(shownRatio)).toEqual([
      "–",
      "0 %",
      "under 0.1 %",
      "1.2 %",
      "50 %",
      "100 %",
    ]);
  });
});
