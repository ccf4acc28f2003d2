// What the command does is on record: who ran it, why, and what came of it; and the story of a task tells it.
import { hostname, userInfo } from "node:os";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { type InstalledCommand, installCommand } from "./installed-command.ts";
import { kinds, openPlace } from "./kinds.ts";

let owed: InstalledCommand;
beforeAll(() => void (owed = installCommand()));
afterAll(() => owed[Symbol.dispose]());

describe.each(kinds)("on %s", (kind) => {
  it("one task or many: each act is on record with the account, or whom OWED_ACTOR names", async () => {
    await using place = await openPlace(kind);
    await place.enqueue(
      ["a:1", "a:2", "b"].map((id) => newTask(id, { type: "mail", referenceId: "order-1" })),
    );
    expect((await owed.run(["cancel", "b"], { env: place.env })).code).toBe(0);
    const env = { ...place.env, OWED_ACTOR: "ann of operations" };
    await owed.run(["cancel", "--prefix", "a:", "--yes", "--reason", "the merchant has gone"], { env });
    expect((await owed.run(["cancel", "b"], { env })).code).toBe(6);
    const { acts } = await place.store.acts({ limit: 10 });
    const named = acts.map(({ actor, via, action, taskId, outcome, reason }) => [
      actor,
      via,
      action,
      taskId,
      outcome,
      reason,
    ]);
    const account = `${userInfo().username}@${hostname()}`;
    expect(named[0]).toEqual(["ann of operations", "command", "cancel", "b", "cancelled", null]);
    expect(
      named.slice(1, 3).sort((left, right) => (JSON.stringify(left) < JSON.stringify(right) ? -1 : 1)),
    ).toEqual(
      ["a:1", "a:2"].map((id) => [
        "ann of operations",
        "command",
        "cancel",
        id,
        "done",
        "the merchant has gone",
      ]),
    );
    expect(named.slice(3)).toEqual([[account, "command", "cancel", "b", "done", null]]);
    expect(acts[3]).toMatchObject({ type: "mail", referenceId: "order-1", generation: 1, state: "pending" });
  });

  it("the story of a task tells who redrove and cancelled it, for people and for machines", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([newTask("task")]);
    const env = { ...place.env, OWED_ACTOR: "ann" };
    await owed.run(["cancel", "task", "--reason", "a mistake"], { env });
    await owed.run(["redrive", "task", "--reason", "no mistake"], { env });
    await place.store.cancel("task");
    const { out } = await owed.run(["task", "task"], { env: place.env });
    const [, story = ""] = /enqueued\n([^]*)$/.exec(out) ?? [];
    expect(story.replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC {2}/g, "")).toBe(
      "cancelled by ann (command): a mistake\nredriven by ann (command): no mistake\ngeneration 2:\ncancelled\n",
    );
    const { out: json } = await owed.run(["task", "task", "--json"], { env: place.env });
    expect(JSON.parse(json).acts).toMatchObject([
      { actor: "ann", action: "redrive", outcome: "done", reason: "no mistake" },
      { actor: "ann", action: "cancel", outcome: "done", reason: "a mistake" },
    ]);
  });

  it("looking leaves nothing: --dry-run, and a preview without a yes", async () => {
    await using place = await openPlace(kind);
    await place.enqueue([newTask("task")]);
    await owed.run(["cancel", "task", "--dry-run"], { env: place.env });
    await owed.run(["cancel", "--all"], { env: place.env });
    expect((await place.store.acts({ limit: 10 })).acts).toEqual([]);
  });
});
