/** Laws of the record: who did what to which task, when, and what came of it. */
import assert from "node:assert/strict";

import type { Act, ActRequest, Operator, StoreCall } from "../store/contract.ts";
import type { ConformanceHarness, Law } from "./harness.ts";
import {
  applied,
  at,
  claimedTask,
  claimOne,
  confirmation,
  enqueue,
  failure,
  law,
  newTask,
  only,
  processId,
  register,
  START_MS,
} from "./scene.ts";

const OWNER = processId(1);
const ann: Operator = Object.freeze({ actor: "ann@shop.example", via: "dashboard", reason: null });
const bob: Operator = Object.freeze({ actor: "bob", via: "command", reason: "the merchant is back" });

/** All acts, newest first, in pages of `limit`. */
async function acts(
  { store }: ConformanceHarness,
  request: Partial<ActRequest> = {},
  between: () => Promise<void> = async () => {},
): Promise<Act[]> {
  const found: Act[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 100; page += 1) {
    const answer = await store.acts({ limit: 100, ...request, cursor });
    assert.ok(answer.acts.length <= (request.limit ?? 100), "a page is no longer than its limit");
    found.push(...answer.acts);
    if (answer.nextCursor === null) return found;
    cursor = answer.nextCursor;
    await between();
  }
  throw new assert.AssertionError({ message: "the pages do not end" });
}

/** What was done, in which generation, from which state, to which end; oldest first. */
function told(list: readonly Act[]): unknown[] {
  return list.map(({ action, generation, state, outcome }) => [action, generation, state, outcome]).reverse();
}

const by = (operator: Operator, offsetMs: number): StoreCall & { readonly by: Operator } => ({
  ...at(offsetMs),
  by: operator,
});

/** The record of what people do. */
export const actLaws: readonly Law[] = [
  law("an operation is on record with who, what, when, why, and what came of it", async (harness) => {
    await enqueue(harness, [newTask("task", { type: "mail", referenceId: "order-1" })]);
    assert.deepEqual(await harness.store.cancel("task", by(bob, 10)), { done: true });
    const { at: instant, ...act } = only(await acts(harness));
    assert.equal(instant.getTime(), START_MS + 10);
    assert.deepEqual(act, {
      ...bob,
      action: "cancel",
      taskId: "task",
      type: "mail",
      referenceId: "order-1",
      generation: 1,
      state: "pending",
      outcome: "done",
    });
  }),

  law("every operation is on record with the generation and the state before it", async (harness) => {
    const { store } = harness;
    await applied(harness, failure(await claimedTask(harness, "task", OWNER)), at(10));
    await store.redrive("task", by(ann, 20));
    await store.cancel("task", by(ann, 30));
    await store.redrive("task", { ...by(ann, 40), generation: 2 });
    await applied(harness, confirmation(await claimOne(harness, OWNER, 2, at(50))), at(60));
    await store.erase("task", by(ann, 70));
    await enqueue(harness, [newTask("other")], at(80));
    await store.cancel("other", by(ann, 90));
    await store.erase("other", by(ann, 100));
    await store.delete("other", by(ann, 110));
    assert.deepEqual(told(await acts(harness)), [
      ["redrive", 1, "failed", "done"],
      ["cancel", 2, "pending", "done"],
      ["redrive", 2, "cancelled", "done"],
      ["erase", 3, "confirmed", "done"],
      ["cancel", 1, "pending", "done"],
      ["erase", 1, "cancelled", "done"],
      ["delete", 1, "cancelled", "done"],
    ]);
  }),

  law("what was refused is on record with where the task stood", async (harness) => {
    const { store } = harness;
    await applied(harness, failure(await claimedTask(harness, "task", OWNER)), at(10));
    assert.deepEqual(await store.cancel("task", by(ann, 20)), { done: false, state: "failed" });
    await store.redrive("task", at(30));
    for (const action of ["redrive", "erase", "delete"] as const) await store[action]("task", by(ann, 40));
    await store.cancel("task", { ...by(ann, 50), generation: 1 });
    await store.delete("unheard-of", by(ann, 60));
    const list = await acts(harness);
    assert.deepEqual(told(list), [
      ["cancel", 1, "failed", "failed"],
      ["redrive", 2, "pending", "pending"],
      ["erase", 2, "pending", "pending"],
      ["delete", 2, "pending", "pending"],
      ["cancel", 1, "pending", "pending"],
      ["delete", null, null, "gone"],
    ]);
    assert.deepEqual([list[0]?.taskId, list[0]?.type, list[0]?.referenceId], ["unheard-of", null, null]);
  }),

  law("an operation of nobody in particular is not on record", async (harness) => {
    const { store } = harness;
    await enqueue(harness, [newTask("task")]);
    await store.cancel("task", at(10));
    await store.cancel("task", at(20));
    await store.redrive("unheard-of", at(30));
    assert.deepEqual(await acts(harness), []);
  }),

  law("what changes no task is put on record by itself", async (harness) => {
    const act = {
      ...ann,
      action: "reveal",
      taskId: "task",
      type: "mail",
      referenceId: null,
      generation: 3,
      state: "failed",
      outcome: "done",
    } as const;
    await harness.store.recordAct(act, at(10));
    assert.deepEqual(await acts(harness), [{ ...act, at: new Date(START_MS + 10) }]);
  }),

  law(
    "of two who do the same at the same time one is done, and the other on record as refused",
    async (harness) => {
      await applied(harness, failure(await claimedTask(harness, "task", OWNER)), at(10));
      await Promise.all([ann, bob].map((operator) => harness.store.redrive("task", by(operator, 20))));
      const list = await acts(harness);
      assert.deepEqual(list.map(({ outcome }) => outcome).sort(), ["done", "pending"]);
      assert.deepEqual(new Set(list.map(({ actor }) => actor)), new Set([ann.actor, bob.actor]));
    },
  ),

  law("acts are read newest first, of all, of one task, or of one person", async (harness) => {
    const { store } = harness;
    await enqueue(harness, [newTask("a"), newTask("b")]);
    await store.cancel("a", by(ann, 10));
    await store.cancel("b", by(bob, 20));
    await store.redrive("a", by(bob, 30));
    const named = (list: readonly Act[]): unknown => list.map(({ action, taskId }) => [action, taskId]);
    assert.deepEqual(named(await acts(harness)), [
      ["redrive", "a"],
      ["cancel", "b"],
      ["cancel", "a"],
    ]);
    assert.deepEqual(named(await acts(harness, { taskId: "a" })), [
      ["redrive", "a"],
      ["cancel", "a"],
    ]);
    assert.deepEqual(named(await acts(harness, { actor: "bob" })), [
      ["redrive", "a"],
      ["cancel", "b"],
    ]);
    assert.deepEqual(named(await acts(harness, { taskId: "a", actor: ann.actor })), [["cancel", "a"]]);
    assert.deepEqual(await acts(harness, { taskId: "c" }), []);
  }),

  law("pages of acts neither skip nor repeat while more come", async (harness) => {
    const { store } = harness;
    const ids = Array.from({ length: 7 }, (_, index) => `task-${index}`);
    await enqueue(
      harness,
      ids.map((id) => newTask(id)),
    );
    for (const [index, id] of ids.entries()) await store.cancel(id, by(ann, 10 + index));
    let offsetMs = 100;
    const list = await acts(harness, { limit: 3 }, async () => {
      offsetMs += 1;
      await store.redrive("task-0", by(bob, offsetMs));
    });
    assert.deepEqual(
      list.map(({ taskId }) => taskId),
      [...ids].reverse(),
    );
    for (const wrong of [{ limit: 0 }, { limit: 1_001 }, { cursor: "x" }]) {
      await assert.rejects(async () => store.acts({ limit: 1, ...wrong }), { code: "OWED_INVALID_INPUT" });
    }
  }),

  law("acts outlive their task", async (harness) => {
    const { store } = harness;
    await register(harness, OWNER);
    await enqueue(harness, [newTask("pruned"), newTask("deleted")]);
    for (const id of ["pruned", "deleted"]) await store.cancel(id, by(ann, 10));
    await store.delete("deleted", by(ann, 20));
    assert.equal(await store.prune({ olderThanMs: 0, limit: 10 }, at(1_000)), 1);
    assert.deepEqual(told(await acts(harness, { taskId: "pruned" })), [["cancel", 1, "pending", "done"]]);
    assert.equal((await acts(harness, { taskId: "deleted" })).length, 2);
  }),
];
