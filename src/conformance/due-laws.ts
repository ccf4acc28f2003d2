/** Laws of time: when a task is due, in which order, and how long it has been. */
import assert from "node:assert/strict";

import type { Law } from "./harness.ts";
import {
  applied,
  at,
  claim,
  claimedIds,
  claimedTask,
  claimOne,
  enqueue,
  law,
  newTask,
  processId,
  register,
  release,
  retry,
  START_MS,
  standing,
  taskIds,
} from "./scene.ts";

const OWNER = processId(1);

/** Delays, runAt, due order, ages. */
export const dueLaws: readonly Law[] = [
  law("a delayed task is not claimed before its time", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("delayed", { delayMs: 1_000 })]);
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(999)), []);
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(1_000)), ["delayed"]);
  }),

  law("a task with an instant is due at it, whatever its delay", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("timed", { delayMs: 9_000, dueAtMs: START_MS + 500 })]);
    assert.equal((await standing(harness, "timed")).nextAttemptAt?.getTime(), START_MS + 500);
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(499)), []);
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(500)), ["timed"]);
  }),

  law("an instant in the past counts as now and overtakes nobody", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("older")], at(0));
    await enqueue(harness, [newTask("backdated", { dueAtMs: 0 })], at(1_000));
    const { nextAttemptAt } = await standing(harness, "backdated", at(1_000));
    assert.equal(nextAttemptAt?.getTime(), START_MS + 1_000);
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(2_000)), ["older", "backdated"]);
  }),

  law("due tasks are claimed in due order, not in the order of their arrival", async (harness) => {
    await register(harness, OWNER);
    const delays = [40, 10, 50, 20, 30];
    for (const delayMs of delays) await enqueue(harness, [newTask(`after-${delayMs}`, { delayMs })]);
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(45)), [
      "after-10",
      "after-20",
      "after-30",
      "after-40",
    ]);
  }),

  law("the longest due task comes first through many small claims", async (harness) => {
    await register(harness, OWNER);
    for (let index = 9; index >= 0; index -= 1) {
      await enqueue(harness, [newTask(`task-${index}`, { delayMs: index })]);
    }
    const order: string[] = [];
    const liveClaims: number[] = [];
    for (let number = 1; number <= 5; number += 1) {
      const answer = await claim(harness, OWNER, number, at(100 + number), { limit: 2, liveClaims });
      order.push(...taskIds(answer.tasks));
      liveClaims.push(number);
    }
    assert.deepEqual(
      order,
      Array.from({ length: 10 }, (_, index) => `task-${index}`),
    );
  }),

  law("a task is created at the database's now", async (harness) => {
    await enqueue(harness, [newTask("dated", { delayMs: 700 })], at(250));
    const task = await standing(harness, "dated", at(300));
    assert.equal(task.createdAt.getTime(), START_MS + 250);
    assert.equal(task.nextAttemptAt?.getTime(), START_MS + 950);
    assert.equal(task.settledAt, null);
  }),

  law("a retry is due its delay after the settling", async (harness) => {
    const claimed = await claimedTask(harness, "retried", OWNER);
    await applied(harness, retry(claimed, { delayMs: 2_000 }), at(500));
    const { nextAttemptAt } = await standing(harness, "retried", at(500));
    assert.equal(nextAttemptAt?.getTime(), START_MS + 2_500);
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(2_499)), []);
    assert.deepEqual(await claimedIds(harness, OWNER, 3, at(2_500)), ["retried"]);
  }),

  law("the age of a task counts from when it was first due, through its retries", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("aging", { delayMs: 1_000 })]);
    const first = await claimOne(harness, OWNER, 1, at(1_250));
    assert.equal(first.ageMs, 250);
    await applied(harness, retry(first, { delayMs: 3_000 }), at(2_000));
    assert.equal((await claimOne(harness, OWNER, 2, at(5_000))).ageMs, 4_000);
  }),

  law("deferrals are timed from the first", async (harness) => {
    const first = await claimedTask(harness, "deferred", OWNER);
    assert.equal(first.deferredForMs, 0);
    await applied(harness, retry(first, { counted: "deferred" }), at(1_000));
    const second = await claimOne(harness, OWNER, 2, at(1_500));
    assert.equal(second.deferredForMs, 500);
    await applied(harness, retry(second, { counted: "deferred" }), at(2_000));
    const third = await claimOne(harness, OWNER, 3, at(4_000));
    assert.equal(third.deferredForMs, 3_000);
    assert.deepEqual([third.failedAttempts, third.deferredAttempts], [0, 2]);
  }),

  law("neither a failure nor a release lets the time of the deferrals start anew", async (harness) => {
    const first = await claimedTask(harness, "deferred", OWNER);
    await applied(harness, retry(first, { counted: "deferred" }), at(1_000));
    const second = await claimOne(harness, OWNER, 2, at(1_000));
    await applied(harness, retry(second, { counted: "failed" }), at(2_000));
    const third = await claimOne(harness, OWNER, 3, at(3_000));
    assert.equal(third.deferredForMs, 2_000);
    assert.deepEqual([third.failedAttempts, third.deferredAttempts], [1, 1]);
    await applied(harness, release(third), at(3_500));
    const fourth = await claimOne(harness, OWNER, 4, at(4_000));
    await applied(harness, retry(fourth, { counted: "deferred" }), at(4_000));
    assert.equal((await claimOne(harness, OWNER, 5, at(4_600))).deferredForMs, 3_600);
  }),

  law("a released task is due at once and behind those due before", async (harness) => {
    const claimed = await claimedTask(harness, "released", OWNER);
    await enqueue(harness, [newTask("waiting")], at(100));
    await applied(harness, release(claimed), at(200));
    assert.equal((await standing(harness, "released", at(200))).nextAttemptAt?.getTime(), START_MS + 200);
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(200)), ["waiting", "released"]);
  }),

  law("without a given now the store's own clock decides", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("due"), newTask("later", { delayMs: 3_600_000 })], {});
    assert.deepEqual(await claimedIds(harness, OWNER, 1, {}), ["due"]);
    const task = await standing(harness, "later", {});
    assert.equal(Number(task.nextAttemptAt) - task.createdAt.getTime(), 3_600_000);
  }),
];
