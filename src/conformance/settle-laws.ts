/** Laws of settling: what each outcome does to its task, once, and with an answer of its own. */
import assert from "node:assert/strict";

import type { Settlement } from "../store/contract.ts";
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
  only,
  present,
  processId,
  recordedError,
  register,
  release,
  retry,
  START_MS,
  settle,
  standing,
} from "./scene.ts";

const OWNER = processId(1);
const OTHER = processId(2);

/** Settles, lets another claim the task if it is pending, settles the same again: nothing may change by that. */
async function repeat(harness: ConformanceHarness, settlement: Settlement): Promise<void> {
  const first = await settle(harness, settlement, at(10));
  assert.equal(first.verdict, "applied");
  if (first.state === "pending") await claimOne(harness, OTHER, 1, at(20));
  const before = await standing(harness, "task", at(20));
  const again = await settle(harness, settlement, at(30));
  assert.deepEqual(again, first);
  assert.deepEqual(await standing(harness, "task", at(30)), before);
}

/** The code of the error with which the store refuses a batch; null when it does not. */
async function refusalOf(harness: ConformanceHarness, settlements: readonly Settlement[]): Promise<unknown> {
  try {
    for (const { verdict } of await harness.store.settle(settlements, at(10))) {
      assert.equal(verdict, "applied");
    }
    return null;
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
    return error instanceof Error && "code" in error ? error.code : String(error);
  }
}

/** What settlements do, their repetition, and batches. */
export const settleLaws: readonly Law[] = [
  law("a success confirms its task", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    const answer = await settle(harness, confirmation(claimed), at(70));
    assert.deepEqual(answer, { verdict: "applied", state: "confirmed" });
    const task = await standing(harness, "task", at(70));
    assert.deepEqual([task.state, task.owner, task.nextAttemptAt], ["confirmed", null, null]);
    assert.equal(task.settledAt?.getTime(), START_MS + 70);
    assert.deepEqual([task.failureReason, task.attempts.length], [null, 0]);
  }),

  law("a failed attempt is counted and kept", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    const answer = await settle(harness, retry(claimed, { delayMs: 500, durationMs: 33 }), at(10));
    assert.deepEqual(answer, { verdict: "applied", state: "pending" });
    const task = await standing(harness, "task", at(10));
    assert.deepEqual([task.failedAttempts, task.lostAttempts, task.deferredAttempts], [1, 0, 0]);
    assert.equal(task.owner, null);
    assert.deepEqual(only(task.attempts), {
      outcome: "failed",
      ...claimed.token,
      error: recordedError(),
      accepted: true,
      recordedAt: new Date(START_MS + 10),
      durationMs: 33,
    });
  }),

  law("a deferral is counted apart from failures", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await applied(harness, retry(claimed, { counted: "deferred", delayMs: 500 }), at(10));
    const task = await standing(harness, "task", at(10));
    assert.deepEqual([task.failedAttempts, task.lostAttempts, task.deferredAttempts], [0, 0, 1]);
    assert.equal(only(task.attempts).outcome, "deferred");
  }),

  law("a release costs nothing and shows as abandoned", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    const answer = await settle(harness, release(claimed), at(10));
    assert.deepEqual(answer, { verdict: "applied", state: "pending" });
    const task = await standing(harness, "task", at(10));
    assert.deepEqual([task.failedAttempts, task.lostAttempts, task.deferredAttempts], [0, 0, 0]);
    assert.deepEqual([task.owner, only(task.attempts).outcome], [null, "abandoned"]);
  }),

  law("a failure without another attempt fails its task and keeps why", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await applied(harness, retry(claimed), at(10));
    const again = await claimOne(harness, OWNER, 2, at(10));
    const error = recordedError("the last straw");
    const answer = await settle(harness, failure(again, { reason: "permanent-error", error }), at(20));
    assert.deepEqual(answer, { verdict: "applied", state: "failed" });
    const task = await standing(harness, "task", at(20));
    assert.deepEqual([task.state, task.failureReason, task.failedAttempts], ["failed", "permanent-error", 2]);
    assert.deepEqual([task.lastError, task.owner, task.nextAttemptAt], [error, null, null]);
    assert.equal(task.settledAt?.getTime(), START_MS + 20);
    assert.deepEqual(task.data, newTask("task").data);
    assert.deepEqual(
      task.attempts.map(({ outcome }) => outcome),
      ["failed", "failed"],
    );
  }),

  law("a failure that no attempt caused is not counted as an attempt", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await applied(harness, failure(claimed, { reason: "undecodable", counted: false }), at(10));
    const task = await standing(harness, "task", at(10));
    assert.deepEqual([task.failedAttempts, task.failureReason], [0, "undecodable"]);
  }),

  law("every reason of failure is kept", async (harness) => {
    await register(harness, OWNER);
    const reasons = [
      "attempts-exhausted",
      "permanent-error",
      "time-expired",
      "undecodable",
      "lost-too-often",
    ] as const;
    await enqueue(
      harness,
      reasons.map((reason) => newTask(reason)),
    );
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    const reasonOf = (taskId: string) =>
      present(
        reasons.find((reason) => reason === taskId),
        "the reason",
      );
    await harness.store.settle(
      tasks.map((task) => failure(task, { reason: reasonOf(task.taskId) })),
      at(10),
    );
    for (const reason of reasons) assert.equal((await standing(harness, reason)).failureReason, reason);
  }),

  law("a settled task is never claimed", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("confirmed"), newTask("failed"), newTask("cancelled")]);
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    for (const task of tasks) {
      if (task.taskId === "confirmed") await applied(harness, confirmation(task), at(10));
      if (task.taskId === "failed") await applied(harness, failure(task), at(10));
      if (task.taskId === "cancelled") await harness.store.cancel("cancelled", at(10));
    }
    assert.deepEqual(await claim(harness, OWNER, 2, at(86_400_000)), { tasks: [], aloneDue: false });
  }),

  law("repeating a success is answered as applied and changes nothing", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await repeat(harness, confirmation(claimed));
    assert.equal((await harness.store.balance(at(30))).confirmed, 1);
  }),

  law("repeating a failed attempt is answered as applied and changes nothing", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await register(harness, OTHER);
    await repeat(harness, retry(claimed));
  }),

  law("repeating a deferral is answered as applied and changes nothing", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await register(harness, OTHER);
    await repeat(harness, retry(claimed, { counted: "deferred" }));
  }),

  law("repeating a release is answered as applied and changes nothing", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await register(harness, OTHER);
    await repeat(harness, release(claimed));
  }),

  law("repeating a failure is answered as applied and changes nothing", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await repeat(harness, failure(claimed));
    assert.equal((await harness.store.balance(at(30))).failed, 1);
  }),

  law("repeating a batch is answered as applied, task by task", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("a"), newTask("b"), newTask("c")]);
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    const batch = tasks.map((task) => (task.taskId === "b" ? retry(task) : confirmation(task)));
    const first = await harness.store.settle(batch, at(10));
    assert.deepEqual(await harness.store.settle(batch, at(20)), first);
    assert.equal((await standing(harness, "b", at(20))).failedAttempts, 1);
  }),

  law("a batch mixes outcomes and is answered in its order", async (harness) => {
    await register(harness, OWNER);
    const names = ["confirm", "retry", "defer", "release", "fail", "confirm-too"];
    await enqueue(
      harness,
      names.map((name) => newTask(name)),
    );
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    const named = (name: string) =>
      present(
        tasks.find(({ taskId }) => taskId === name),
        name,
      );
    const batch: Settlement[] = [
      failure(named("fail")),
      confirmation(named("confirm-too")),
      release(named("release")),
      retry(named("defer"), { counted: "deferred", delayMs: 60_000 }),
      { ...retry(named("retry")), token: { ...named("retry").token, claim: 999 } },
      confirmation(named("confirm")),
    ];
    assert.deepEqual(await harness.store.settle(batch, at(10)), [
      { verdict: "applied", state: "failed" },
      { verdict: "applied", state: "confirmed" },
      { verdict: "applied", state: "pending" },
      { verdict: "applied", state: "pending" },
      { verdict: "refused", state: "pending" },
      { verdict: "applied", state: "confirmed" },
    ]);
    const states = await Promise.all(names.map(async (name) => (await standing(harness, name)).state));
    assert.deepEqual(states, ["confirmed", "pending", "pending", "pending", "failed", "confirmed"]);
    assert.equal((await standing(harness, "retry")).owner, OWNER, "the refused one is still held");
  }),

  law("an unknown task in a batch harms nobody", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    const unknown = { ...claimed, id: String(Number(claimed.id) + 1_000_000) };
    const batch = [confirmation(unknown), confirmation(claimed), retry(unknown), failure(unknown)];
    const answers = await harness.store.settle(batch, at(10));
    assert.deepEqual(
      answers.map(({ state }) => state),
      ["gone", "confirmed", "gone", "gone"],
    );
    assert.equal(answers[1]?.verdict, "applied");
    for (const answer of [answers[2], answers[3]]) assert.equal(answer?.verdict, "refused");
    assert.equal((await standing(harness, "task", at(10))).state, "confirmed");
  }),

  law("a success and a failure of one task in one batch end as confirmed", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    const [, late] = await harness.store.settle([failure(claimed), confirmation(claimed)], at(10));
    assert.equal(late?.state, "confirmed");
    assert.equal((await standing(harness, "task", at(10))).state, "confirmed");
    const { confirmed, failed, pending } = await harness.store.balance(at(10));
    assert.deepEqual([confirmed, failed, pending], [1, 0, 0]);
  }),

  law(
    "a value that the store refuses is told as refused, and costs the rest of its batch nothing",
    async (harness) => {
      await register(harness, OWNER);
      await enqueue(harness, [newTask("a-first"), newTask("b-odd"), newTask("c-last")]);
      const [first, odd, last] = (await claim(harness, OWNER, 1, at(0))).tasks;
      assert.ok(first !== undefined && odd !== undefined && last !== undefined);
      // No calendar reaches that far. A store that can keep it all the same has nothing to refuse.
      const beyond = retry(odd, { delayMs: 1e300 });
      const sound = [confirmation(first), failure(last)];
      const [batch, alone] = [[confirmation(first), beyond, failure(last)], [beyond]];
      for (const settlements of [batch, alone]) {
        const refusal = await refusalOf(harness, settlements);
        if (refusal === null) continue;
        assert.equal(refusal, "OWED_STORE_REFUSED");
        for (const { taskId } of [first, odd, last]) {
          const task = await standing(harness, taskId, at(10));
          assert.deepEqual([task.state, task.owner, task.attempts], ["pending", OWNER, []]);
        }
      }
      for (const { verdict } of await harness.store.settle(sound, at(20))) assert.equal(verdict, "applied");
      assert.equal((await standing(harness, "a-first", at(20))).state, "confirmed");
      assert.equal((await standing(harness, "c-last", at(20))).state, "failed");
      const { enqueued, pending, confirmed, failed } = await harness.store.balance(at(20));
      assert.deepEqual([enqueued, pending, confirmed, failed], [3, 1, 1, 1]);
    },
  ),

  law("an empty batch has an empty answer", async (harness) => {
    assert.deepEqual(await harness.store.settle([], at(0)), []);
  }),

  law("many outcomes are settled in one batch", async (harness) => {
    await register(harness, OWNER);
    await enqueue(
      harness,
      Array.from({ length: 500 }, (_, index) => newTask(`task-${index}`)),
    );
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    const answers = await harness.store.settle(tasks.map(confirmation), at(10));
    assert.equal(answers.length, 500);
    assert.ok(answers.every(({ verdict, state }) => verdict === "applied" && state === "confirmed"));
    assert.equal((await harness.store.balance(at(10))).confirmed, 500);
  }),

  law("the same outcome settled twice at the same time is counted once", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    const settlement = retry(claimed, { delayMs: 1_000 });
    const answers = await Promise.all([
      harness.store.settle([settlement], at(10)),
      harness.store.settle([settlement], at(10)),
    ]);
    for (const answer of answers) assert.deepEqual(answer, [{ verdict: "applied", state: "pending" }]);
    const task = await standing(harness, "task", at(10));
    assert.deepEqual([task.failedAttempts, task.attempts.length], [1, 1]);
  }),

  law("a success and a cancellation at the same time leave one end of the task", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    const [cancelled, answer] = await Promise.all([
      harness.store.cancel("task", at(10)),
      settle(harness, confirmation(claimed), at(10)),
    ]);
    const { state } = await standing(harness, "task", at(10));
    assert.equal(state, cancelled.done ? "cancelled" : "confirmed");
    assert.deepEqual(answer, { verdict: cancelled.done ? "recorded" : "applied", state });
    const { pending, confirmed, cancelled: ended } = await harness.store.balance(at(10));
    assert.deepEqual([pending, confirmed + ended], [0, 1]);
  }),
];
