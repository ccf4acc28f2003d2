// Somebody who may see some of the tasks: of the others nothing is told anywhere, and nothing is done to them.
import type { Authorize } from "owed/dashboard";
import { describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { boxOf, formWith, openScene, type Scene, stores, type Visitor, visitorOf } from "./scene.ts";

/** Sees and touches what is of the shop "ours", and no figures over all shops. */
const ofOurs: Authorize = ({ right, task }) => {
  if (right === "survey") return null;
  return task === null || task.referenceId?.startsWith("ours-") === true ? "bob" : null;
};

/** Three tasks of ours and three of theirs, failed; and one pending of each. Theirs is known by what it says. */
async function openShops(kind: (typeof stores)[number]): Promise<Scene> {
  const scene = await openScene(kind);
  const of = (shop: string, number: number) =>
    newTask(`pay:${shop}:${number}`, { type: `mail`, referenceId: `${shop}-order-${number}` });
  await scene.enqueue([1, 2, 3].map((number) => of("ours", number)));
  await scene.failAll("our mailbox is full");
  await scene.enqueue([1, 2, 3].map((number) => of("theirs", number)));
  await scene.failAll("SECRET their mailbox is full");
  await scene.enqueue([of("ours", 4), of("theirs", 4)]);
  await scene.store.recordRollUps([
    {
      type: "theirs.only",
      confirmed: 777,
      failed: 0,
      givenUp: 0,
      waits: [],
      runs: [],
      slowest: { taskId: "pay:theirs:1", ms: 9 },
    },
  ]);
  const by = { actor: "eve", via: "command", reason: "SECRET reason" };
  await scene.store.cancel("pay:theirs:4", { by });
  await scene.store.redrive("unheard-of", { by });
  await scene.store.cancel("pay:ours:4", { by: { ...by, reason: "our reason" } });
  await new Promise((resolve) => setTimeout(resolve, 5)); // what came in the very millisecond of a preview is left alone
  return scene;
}

const everywhere = [
  "",
  "?span=day",
  "tasks",
  "tasks?state=cancelled",
  "tasks?id=pay",
  "tasks?text=mailbox",
  "tasks?state=failed&type=mail&order=oldest",
  "failed",
  "types",
  "types?type=theirs.only",
  "processes",
  "audit",
  "audit?actor=eve",
  "audit?id=pay:theirs:4",
  "find?q=pay",
  "find?q=pay:theirs:1",
  "find?q=theirs-order-1",
  "task?id=pay:theirs:1",
  "task?id=pay:ours:1",
];

async function theirStates({ store }: Scene): Promise<readonly unknown[]> {
  const tasks = await Promise.all([1, 2, 3].map((number) => store.get(`pay:theirs:${number}`)));
  return tasks.map((task) => [task?.state, task?.generation, task?.data === null]);
}

const untouched = [1, 2, 3].map(() => ["failed", 1, false]);

/** Sends a form of an own task about another's. */
async function forged(visitor: Visitor, path: string, change: Record<string, string>): Promise<number> {
  const { fields } = formWith((await visitor.get("task?id=pay:ours:1")).html, "Redrive");
  for (const [name, value] of Object.entries(change)) fields.set(name, value);
  return (await visitor.post(path, fields)).status;
}

describe.each(stores)("on %s", (kind) => {
  it("no page tells of a task of another, by name, by number or by what it says", async () => {
    await using scene = await openShops(kind);
    const visitor = visitorOf(scene, { authorize: ofOurs });
    for (const path of everywhere) {
      const { html, text } = await visitor.get(path);
      const asked = /[?&](?:q|id|type)=([^&]*)/.exec(path)?.[1];
      // What was asked for stands in the page again, and nothing else of it does.
      const told =
        asked === undefined ? html : html.replaceAll(asked, "").replaceAll(encodeURIComponent(asked), "");
      expect([path, /theirs|SECRET|777/.exec(told)?.[0]]).toEqual([path, undefined]);
      expect([path, /\b[6-8] (?:tasks?|failed|acts?)\b/.exec(text)?.[0]]).toEqual([path, undefined]);
    }
    expect((await visitor.get("failed")).text).toContain("3 tasks that failed for good, in 1 group");
    expect((await visitor.get("tasks")).text).toContain("3 tasks · the end");
    expect((await visitor.get("audit")).text).toMatch(/1 act · the end/);
  });

  it("a task of another is like one that does not exist", async () => {
    await using scene = await openShops(kind);
    const visitor = visitorOf(scene, { authorize: ofOurs });
    const [theirs, absent] = [await visitor.get("task?id=pay:theirs:1"), await visitor.get("task?id=absent")];
    expect([theirs.status, theirs.text]).toEqual([404, absent.text]);
    const [found, nothing] = [
      await visitor.get("find?q=pay:theirs:1"),
      await visitor.get("find?q=pay:nobody:1"),
    ];
    expect(found.text.replaceAll("pay:theirs:1", "X")).toBe(nothing.text.replaceAll("pay:nobody:1", "X"));
    expect((await visitor.get("find?q=ours-order-2")).headers.get("location")).toBe(
      "/task?id=pay%3Aours%3A2",
    );
  });

  it("figures over all tasks are for whoever has the right to them", async () => {
    await using scene = await openShops(kind);
    const visitor = visitorOf(scene, { authorize: ofOurs });
    for (const path of ["types", "types?type=mail", "processes"]) {
      expect([path, (await visitor.get(path)).status]).toEqual([path, 403]);
    }
    const { text, html } = await visitor.get("");
    expect(text).toContain("You may see some of the tasks; figures over all of them are for others.");
    expect(html).not.toMatch(/href="\/(?:types|processes)"/);
    const surveyor = visitorOf(scene, {
      authorize: ({ right, task }) =>
        right === "survey" ? "eve" : (ofOurs({ right, task } as never) as string | null),
    });
    expect((await surveyor.get("types")).text).toContain("theirs.only");
    // The figures do not open the tasks behind them.
    const type = await surveyor.get("types?type=theirs.only");
    expect([type.text.includes("Slowest 9.0 ms"), type.html.includes("pay:theirs:1")]).toEqual([true, false]);
    expect((await surveyor.get("types")).text).not.toContain("SECRET");
  });

  it("whatever is done to all that match is done to the own tasks alone, and the preview counts no others", async () => {
    await using scene = await openShops(kind);
    const visitor = visitorOf(scene, { authorize: ofOurs });
    const preview = await visitor.press(await visitor.get("failed"), "Redrive all failed…");
    expect(preview.text).toContain("Redrive 3 tasks?");
    expect(preview.text).not.toMatch(/theirs|SECRET/);
    const end = await visitor.press(preview, "Redrive 3 tasks");
    expect([end.text.includes("3 tasks redriven"), end.text.includes("left alone")]).toEqual([true, false]);
    expect(await theirStates(scene)).toEqual(untouched);
    expect((await scene.store.get("pay:ours:1"))?.generation).toBe(2);
  });

  it("what was tried on a task that is not there is for whoever may see everything", async () => {
    await using scene = await openShops(kind);
    const hidesTheirs: Authorize = ({ right, task }) =>
      right === "survey" || task?.referenceId?.startsWith("theirs-") === true ? null : "bob";
    const { text } = await visitorOf(scene, { authorize: hidesTheirs }).get("audit");
    expect([text.includes("our reason"), text.includes("unheard-of")]).toEqual([true, false]);
    expect((await visitorOf(scene).get("audit")).text).toContain("unheard-of");
  });

  it("a forged form reaches no task of another", async () => {
    await using scene = await openShops(kind);
    const visitor = visitorOf(scene, { authorize: ofOurs });
    const seen = boxOf("pay:theirs:1");
    for (const action of ["redrive", "erase", "delete", "cancel"]) {
      expect(await forged(visitor, "act", { action, seen })).toBe(404);
      await forged(visitor, "preview", { action, seen, scope: "selected" });
      await forged(visitor, "apply", { action, seen, scope: "selected" });
      const before = new Date(4e12).toISOString();
      const matching = { action, scope: "matching", state: "failed", before, reference: "theirs-order-1" };
      await forged(visitor, "apply", matching);
    }
    expect(await theirStates(scene)).toEqual(untouched);
    expect((await scene.store.acts({ actor: "bob", limit: 10 })).acts).toEqual([]);
  });
});
