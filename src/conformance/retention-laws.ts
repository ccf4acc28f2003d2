/** Laws of retention and conservation: nothing owed is ever deleted, and every task is accounted for. */
import assert from "node:assert/strict";

import type { ConformanceHarness, Law } from "./harness.ts";
import {
  applied,
  at,
  bytes,
  claim,
  claimOne,
  confirmation,
  enqueue,
  failure,
  law,
  newTask,
  processId,
  register,
  retry,
  settle,
  standing,
} from "./scene.ts";

const OWNER = processId(1);
const DAY_MS = 86_400_000;

/** One task in every state, settled (where it is) at 10 ms. */
async function oneOfEach(harness: ConformanceHarness): Promise<void> {
  await register(harness, OWNER);
  await enqueue(harness, [newTask("confirmed"), newTask("failed"), newTask("cancelled"), newTask("held")]);
  const { tasks } = await claim(harness, OWNER, 1, at(0));
  for (const task of tasks) {
    if (task.taskId === "failed") await applied(harness, failure(task), at(10));
    if (task.taskId === "confirmed") {
      await applied(harness, retry(task), at(5));
      await applied(
        harness,
        confirmation(await claimOne(harness, OWNER, 2, at(5), { liveClaims: [1] })),
        at(10),
      );
    }
  }
  await harness.store.cancel("cancelled", at(10));
  await enqueue(harness, [newTask("pending")], at(10));
}

async function assertBalanced(harness: ConformanceHarness, enqueued: number): Promise<void> {
  const balance = await harness.store.balance(at(0));
  const { pending, confirmed, failed, cancelled, pruned } = balance;
  assert.equal(balance.enqueued, enqueued, "every task ever committed is counted");
  assert.equal(pending + confirmed + failed + cancelled + pruned, enqueued, "every task is accounted for");
}

/** Prune, and the balance. */
export const retentionLaws: readonly Law[] = [
  law("pruning never touches pending or failed tasks", async (harness) => {
    await oneOfEach(harness);
    assert.equal(await harness.store.prune({ olderThanMs: 0, limit: 100 }, at(3_650 * DAY_MS)), 2);
    for (const taskId of ["pending", "held", "failed"]) await standing(harness, taskId);
    assert.equal((await standing(harness, "held")).owner, OWNER);
    assert.equal(await harness.store.get("confirmed", at(0)), null);
    assert.equal(await harness.store.get("cancelled", at(0)), null);
  }),

  law("pruning spares what was settled too recently", async (harness) => {
    await oneOfEach(harness);
    assert.equal(await harness.store.prune({ olderThanMs: DAY_MS, limit: 100 }, at(DAY_MS)), 0);
    await standing(harness, "confirmed");
    assert.equal(await harness.store.prune({ olderThanMs: DAY_MS, limit: 100 }, at(DAY_MS + 11)), 2);
    assert.equal(await harness.store.get("confirmed", at(0)), null);
  }),

  law("pruning goes by when a task was settled, not by when it was enqueued", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("old-but-just-done")], at(0));
    const { tasks } = await claim(harness, OWNER, 1, at(10 * DAY_MS));
    for (const task of tasks) await applied(harness, confirmation(task), at(10 * DAY_MS));
    assert.equal(await harness.store.prune({ olderThanMs: DAY_MS, limit: 10 }, at(10 * DAY_MS + 1)), 0);
    assert.equal((await standing(harness, "old-but-just-done")).state, "confirmed");
  }),

  law("pruning deletes no more than its limit at once, and all in the end", async (harness) => {
    await register(harness, OWNER);
    await enqueue(
      harness,
      Array.from({ length: 10 }, (_, index) => newTask(`task-${index}`)),
    );
    const { tasks } = await claim(harness, OWNER, 1, at(0), { limit: 7 });
    await harness.store.settle(tasks.map(confirmation), at(10));
    let pruned = 0;
    for (let round = 0; round < 20 && pruned < 7; round += 1) {
      const deleted = await harness.store.prune({ olderThanMs: 0, limit: 3 }, at(DAY_MS));
      assert.ok(deleted <= 3, "no more than the limit");
      pruned += deleted;
      await assertBalanced(harness, 10);
    }
    assert.equal(pruned, 7);
    assert.equal(await harness.store.prune({ olderThanMs: 0, limit: 3 }, at(DAY_MS)), 0);
    const balance = await harness.store.balance(at(DAY_MS));
    assert.deepEqual([balance.pruned, balance.pending, balance.confirmed], [7, 3, 0]);
  }),

  law("what would be pruned is counted, up to a limit, and stays", async (harness) => {
    await oneOfEach(harness);
    const countable = (olderThanMs: number, limit: number, now: number) =>
      harness.store.countPrunable({ olderThanMs, limit }, at(now));
    assert.equal(await countable(DAY_MS, 100, DAY_MS), 0);
    assert.equal(await countable(DAY_MS, 100, DAY_MS + 11), 2);
    assert.equal(await countable(DAY_MS, 1, DAY_MS + 11), 1);
    await standing(harness, "confirmed");
    await standing(harness, "cancelled");
    await harness.store.prune({ olderThanMs: DAY_MS, limit: 100 }, at(DAY_MS + 11));
    assert.equal(await countable(DAY_MS, 100, DAY_MS + 11), 0);
  }),

  law("a pruned taskId can be enqueued anew", async (harness) => {
    await oneOfEach(harness);
    await harness.store.prune({ olderThanMs: 0, limit: 100 }, at(DAY_MS));
    await enqueue(harness, [newTask("confirmed", { data: bytes("new") })], at(DAY_MS));
    const task = await standing(harness, "confirmed", at(DAY_MS));
    assert.deepEqual([task.state, task.data], ["pending", bytes("new")]);
    assert.deepEqual(task.attempts, [], "it has no story yet");
    await assertBalanced(harness, 6);
  }),

  law("a settlement of a pruned task is answered as gone", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("task")]);
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    await harness.store.cancel("task", at(10));
    await harness.store.prune({ olderThanMs: 0, limit: 100 }, at(DAY_MS));
    for (const task of tasks) {
      assert.equal((await settle(harness, confirmation(task), at(DAY_MS))).state, "gone");
      const failing = await settle(harness, failure(task), at(DAY_MS));
      assert.deepEqual(failing, { verdict: "refused", state: "gone" });
    }
    await assertBalanced(harness, 1);
  }),

  law("every task is accounted for in every state", async (harness) => {
    await assertBalanced(harness, 0);
    await oneOfEach(harness);
    await assertBalanced(harness, 5);
    assert.deepEqual(await harness.store.balance(at(20)), {
      enqueued: 5,
      pending: 2,
      confirmed: 1,
      failed: 1,
      cancelled: 1,
      pruned: 0,
    });
    await harness.store.redrive("failed", at(30));
    await harness.store.redrive("cancelled", at(30));
    await assertBalanced(harness, 5);
    await harness.store.prune({ olderThanMs: 0, limit: 100 }, at(DAY_MS));
    assert.deepEqual(await harness.store.balance(at(DAY_MS)), {
      enqueued: 5,
      pending: 4,
      confirmed: 0,
      failed: 0,
      cancelled: 0,
      pruned: 1,
    });
  }),

  law("a late success moves its task from failed to confirmed, and the balance holds", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("task")]);
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    for (const task of tasks) {
      await applied(harness, failure(task), at(10));
      await settle(harness, confirmation(task), at(20));
    }
    await assertBalanced(harness, 1);
    assert.equal(await harness.store.prune({ olderThanMs: 0, limit: 100 }, at(DAY_MS)), 1);
    await assertBalanced(harness, 1);
  }),
];
