/** Laws of what people do to tasks: cancel, redrive, erase. */
import assert from "node:assert/strict";

import type { Law } from "./harness.ts";
import {
  applied,
  at,
  claim,
  claimedIds,
  claimedTask,
  claimOne,
  confirmation,
  die,
  enqueue,
  failure,
  law,
  newTask,
  processId,
  register,
  retry,
  START_MS,
  standing,
} from "./scene.ts";

const OWNER = processId(1);

/** Cancel, redrive and erase, and the states that refuse them. */
export const operatorLaws: readonly Law[] = [
  law("a cancelled task is not claimed and stays visible", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("task")]);
    assert.deepEqual(await harness.store.cancel("task", at(10)), { done: true });
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(20)), []);
    const task = await standing(harness, "task", at(20));
    assert.deepEqual([task.state, task.owner, task.nextAttemptAt], ["cancelled", null, null]);
    assert.equal(task.settledAt?.getTime(), START_MS + 10);
    assert.deepEqual(task.data, newTask("task").data);
  }),

  law("a task under a live claim can be cancelled", async (harness) => {
    await claimedTask(harness, "task", OWNER);
    assert.deepEqual(await harness.store.cancel("task", at(10)), { done: true });
    assert.equal((await standing(harness, "task", at(10))).state, "cancelled");
  }),

  law("only a pending task can be cancelled", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("confirmed"), newTask("failed"), newTask("cancelled")]);
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    for (const task of tasks) {
      if (task.taskId === "confirmed") await applied(harness, confirmation(task), at(10));
      if (task.taskId === "failed") await applied(harness, failure(task), at(10));
    }
    await harness.store.cancel("cancelled", at(10));
    for (const state of ["confirmed", "failed", "cancelled"] as const) {
      assert.deepEqual(await harness.store.cancel(state, at(20)), { done: false, state });
    }
    assert.deepEqual(await harness.store.cancel("unheard-of", at(20)), { done: false, state: "gone" });
  }),

  law("a redriven task is due now in a new generation with its counters at zero", async (harness) => {
    const first = await claimedTask(harness, "task", OWNER);
    await applied(harness, retry(first), at(10));
    await applied(harness, retry(await claimOne(harness, OWNER, 2, at(20)), { counted: "deferred" }), at(30));
    await applied(harness, failure(await claimOne(harness, OWNER, 3, at(40))), at(50));
    assert.deepEqual(await harness.store.redrive("task", at(60_000)), { done: true });
    const task = await standing(harness, "task", at(60_000));
    assert.deepEqual([task.state, task.owner, task.failureReason], ["pending", null, null]);
    assert.ok(task.generation > first.token.generation, "the generation went up");
    assert.deepEqual([task.failedAttempts, task.lostAttempts, task.deferredAttempts], [0, 0, 0]);
    assert.deepEqual([task.nextAttemptAt?.getTime(), task.settledAt], [START_MS + 60_000, null]);
    const claimed = await claimOne(harness, OWNER, 4, at(60_500));
    assert.equal(claimed.token.generation, task.generation);
    assert.deepEqual([claimed.ageMs, claimed.deferredForMs, claimed.failedAttempts], [500, 0, 0]);
  }),

  law("a redriven task keeps its story", async (harness) => {
    const first = await claimedTask(harness, "task", OWNER);
    await applied(harness, failure(first), at(10));
    await harness.store.redrive("task", at(20));
    await applied(harness, failure(await claimOne(harness, OWNER, 2, at(30))), at(40));
    const task = await standing(harness, "task", at(40));
    assert.deepEqual(
      task.attempts.map(({ outcome, generation }) => [outcome, generation]),
      [
        ["failed", first.token.generation],
        ["failed", task.generation],
      ],
    );
    assert.equal(task.failedAttempts, 1);
  }),

  law("a cancelled task can be redriven, and losses are forgiven", async (harness) => {
    await claimedTask(harness, "task", OWNER);
    await die(harness, OWNER, at(10));
    const other = processId(2);
    await register(harness, other);
    await claimOne(harness, other, 1, at(20));
    await harness.store.cancel("task", at(30));
    assert.deepEqual(await harness.store.redrive("task", at(40)), { done: true });
    const claimed = await claimOne(harness, other, 2, at(50), { suspectLimit: 0, liveClaims: [] });
    assert.equal(claimed.lostAttempts, 0);
  }),

  law("a pending, confirmed or unknown task is not redriven", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("confirmed")]);
    await applied(harness, confirmation(await claimOne(harness, OWNER, 1, at(0))), at(10));
    await enqueue(harness, [newTask("pending")]);
    const { generation } = await standing(harness, "pending");
    assert.deepEqual(await harness.store.redrive("confirmed", at(20)), { done: false, state: "confirmed" });
    assert.deepEqual(await harness.store.redrive("pending", at(20)), { done: false, state: "pending" });
    assert.deepEqual(await harness.store.redrive("unheard-of", at(20)), { done: false, state: "gone" });
    assert.equal((await standing(harness, "pending")).generation, generation);
    assert.equal((await standing(harness, "confirmed")).state, "confirmed");
  }),

  law("erasing removes the data of a settled task and keeps the record", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("confirmed"), newTask("failed"), newTask("cancelled")]);
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    for (const task of tasks) {
      if (task.taskId === "confirmed") await applied(harness, confirmation(task), at(10));
      if (task.taskId === "failed") await applied(harness, failure(task), at(10));
    }
    await harness.store.cancel("cancelled", at(10));
    for (const state of ["confirmed", "failed", "cancelled"] as const) {
      assert.deepEqual(await harness.store.erase(state, at(20)), { done: true });
      const task = await standing(harness, state, at(20));
      assert.deepEqual([task.data, task.state], [null, state]);
    }
    const { enqueued } = await harness.store.balance(at(20));
    assert.equal(enqueued, 3);
  }),

  law("the data of a pending task is not erased", async (harness) => {
    await enqueue(harness, [newTask("pending")]);
    assert.deepEqual(await harness.store.erase("pending", at(0)), { done: false, state: "pending" });
    assert.deepEqual((await standing(harness, "pending")).data, newTask("pending").data);
    assert.deepEqual(await harness.store.erase("unheard-of", at(0)), { done: false, state: "gone" });
  }),

  law("a task redriven twice at the same time is redriven once", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await applied(harness, failure(claimed), at(10));
    const answers = await Promise.all([
      harness.store.redrive("task", at(20)),
      harness.store.redrive("task", at(20)),
    ]);
    assert.equal(answers.filter(({ done }) => done).length, 1);
    assert.equal((await standing(harness, "task", at(20))).generation, claimed.token.generation + 1);
  }),

  law("an operation on a generation that is over is refused, and changes nothing", async (harness) => {
    const { store } = harness;
    await applied(harness, failure(await claimedTask(harness, "task", OWNER)), at(10));
    assert.deepEqual(await store.redrive("task", { ...at(20), generation: 1 }), { done: true });
    await applied(harness, failure(await claimOne(harness, OWNER, 2, at(30))), at(40));
    const seenBefore = { ...at(50), generation: 1 };
    assert.deepEqual(await store.redrive("task", seenBefore), { done: false, state: "failed" });
    assert.deepEqual(await store.erase("task", seenBefore), { done: false, state: "failed" });
    const standsStill = await standing(harness, "task", at(50));
    assert.deepEqual([standsStill.state, standsStill.generation], ["failed", 2]);
    assert.deepEqual(standsStill.data, newTask("task").data);
    assert.deepEqual(await store.redrive("task", { ...at(60), generation: 2 }), { done: true });
    assert.deepEqual(await store.cancel("task", { ...at(70), generation: 2 }), {
      done: false,
      state: "pending",
    });
    assert.deepEqual(await store.cancel("task", { ...at(80), generation: 3 }), { done: true });
    assert.deepEqual(await store.erase("task", { ...at(90), generation: 3 }), { done: true });
    assert.equal((await standing(harness, "task", at(90))).data, null);
  }),

  law("the data of a confirmed task is erased in the generation that was seen alone", async (harness) => {
    const { store } = harness;
    await register(harness, OWNER);
    await enqueue(harness, [newTask("first"), newTask("second")]);
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    for (const task of tasks) {
      await applied(harness, task.taskId === "first" ? confirmation(task) : failure(task), at(10));
    }
    await store.redrive("second", at(20));
    await applied(harness, confirmation(await claimOne(harness, OWNER, 2, at(30))), at(40));
    for (const [taskId, wrong, right] of [
      ["first", 2, 1],
      ["second", 1, 2],
    ] as const) {
      const refused = await store.erase(taskId, { ...at(50), generation: wrong });
      assert.deepEqual(refused, { done: false, state: "confirmed" });
      assert.deepEqual((await standing(harness, taskId, at(50))).data, newTask(taskId).data);
      assert.deepEqual(await store.erase(taskId, { ...at(60), generation: right }), { done: true });
      assert.equal((await standing(harness, taskId, at(60))).data, null);
    }
  }),
];
