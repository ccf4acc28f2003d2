/** Laws of deletion by hand: what has ended badly may be cleared away, and is accounted for. */
import assert from "node:assert/strict";

import type { ConformanceHarness, Law } from "./harness.ts";
import {
  applied,
  at,
  claim,
  claimedTask,
  claimOne,
  confirmation,
  enqueue,
  failure,
  law,
  newTask,
  processId,
  register,
  settle,
  standing,
} from "./scene.ts";

const OWNER = processId(1);

/** A task in each state, settled at 10 ms. */
async function oneOfEach(harness: ConformanceHarness): Promise<void> {
  await register(harness, OWNER);
  await enqueue(harness, [newTask("confirmed"), newTask("failed"), newTask("cancelled")]);
  for (const task of (await claim(harness, OWNER, 1, at(0))).tasks) {
    if (task.taskId === "confirmed") await applied(harness, confirmation(task), at(10));
    if (task.taskId === "failed") await applied(harness, failure(task), at(10));
  }
  await harness.store.cancel("cancelled", at(10));
  await enqueue(harness, [newTask("pending")], at(10));
}

/** Delete. */
export const deleteLaws: readonly Law[] = [
  law("a failed or cancelled task is deleted, and counted as pruned", async (harness) => {
    await oneOfEach(harness);
    for (const taskId of ["failed", "cancelled"]) {
      assert.deepEqual(await harness.store.delete(taskId, at(20)), { done: true });
      assert.equal(await harness.store.get(taskId, at(20)), null);
    }
    assert.deepEqual(await harness.store.balance(at(20)), {
      enqueued: 4,
      pending: 1,
      confirmed: 1,
      failed: 0,
      cancelled: 0,
      pruned: 2,
    });
  }),

  law("a pending, confirmed or unknown task is not deleted", async (harness) => {
    await oneOfEach(harness);
    const { store } = harness;
    for (const state of ["pending", "confirmed"] as const) {
      assert.deepEqual(await store.delete(state, at(20)), { done: false, state });
      assert.equal((await standing(harness, state, at(20))).state, state);
    }
    assert.deepEqual(await store.delete("unheard-of", at(20)), { done: false, state: "gone" });
    assert.equal((await store.balance(at(20))).pruned, 0);
  }),

  law("a deletion in a generation that is over is refused, and changes nothing", async (harness) => {
    const { store } = harness;
    await applied(harness, failure(await claimedTask(harness, "task", OWNER)), at(10));
    await store.redrive("task", at(20));
    await applied(harness, failure(await claimOne(harness, OWNER, 2, at(30))), at(40));
    const seenBefore = { ...at(50), generation: 1 };
    assert.deepEqual(await store.delete("task", seenBefore), { done: false, state: "failed" });
    assert.equal((await standing(harness, "task", at(50))).attempts.length, 2);
    assert.deepEqual(await store.delete("task", { ...at(60), generation: 2 }), { done: true });
  }),

  law("the id of a deleted task is free again, and its story is gone", async (harness) => {
    await applied(harness, failure(await claimedTask(harness, "task", OWNER)), at(10));
    await harness.store.delete("task", at(20));
    await enqueue(harness, [newTask("task")], at(30));
    const task = await standing(harness, "task", at(30));
    assert.deepEqual([task.state, task.generation, task.attempts], ["pending", 1, []]);
    await harness.store.cancel("task", at(40));
    await harness.store.delete("task", at(50));
    const { enqueued, pruned } = await harness.store.balance(at(50));
    assert.deepEqual([enqueued, pruned], [2, 2]);
  }),

  law("a late success of a deleted task changes nothing", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await harness.store.cancel("task", at(10));
    await harness.store.delete("task", at(20));
    assert.equal((await settle(harness, confirmation(claimed), at(30))).state, "gone");
    assert.equal(await harness.store.get("task", at(30)), null);
    assert.equal((await harness.store.balance(at(30))).confirmed, 0);
  }),

  law("a task that is deleted twice at the same time is counted once", async (harness) => {
    await applied(harness, failure(await claimedTask(harness, "task", OWNER)), at(10));
    const answers = await Promise.all([1, 2].map(() => harness.store.delete("task", at(20))));
    assert.equal(answers.filter(({ done }) => done).length, 1);
    assert.equal((await harness.store.balance(at(20))).pruned, 1);
  }),
];
