/** Laws of the token: a superseded claim changes nothing, except that a success of the same generation dominates. */
import assert from "node:assert/strict";

import type { Settlement } from "../store/contract.ts";
import type { ClaimedTask } from "../task/task.ts";
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
  release,
  retry,
  type Settleable,
  settle,
  standing,
} from "./scene.ts";

const OWNER = processId(1);
const OTHER = processId(2);

/** Every settlement that is accepted from the current token alone. */
const fenced: readonly [name: string, settlementOf: (task: Settleable) => Settlement][] = [
  ["fail", failure],
  ["retry", retry],
  ["defer", (task) => retry(task, { counted: "deferred" })],
  ["release", release],
];

/** Claims a task that was given back; the first claim is the late worker's. */
async function claimedAnew(
  harness: ConformanceHarness,
): Promise<{ late: ClaimedTask; current: ClaimedTask }> {
  const late = await claimedTask(harness, "task", OWNER);
  await register(harness, OTHER);
  await applied(harness, release(late), at(10));
  return { late, current: await claimOne(harness, OTHER, 1, at(10)) };
}

/** Settles a success of a task that is confirmed by another claim already, twice: the story holds it once. */
async function expectRecorded(harness: ConformanceHarness, task: ClaimedTask): Promise<void> {
  for (let time = 1; time <= 2; time += 1) {
    const answer = await settle(harness, confirmation(task), at(30));
    assert.deepEqual(answer, { verdict: "recorded", state: "confirmed" });
  }
  const { attempts } = await standing(harness, task.taskId, at(30));
  const told = attempts.filter(
    ({ outcome, owner, claim }) =>
      outcome === "late-success" && owner === task.token.owner && claim === task.token.claim,
  );
  assert.equal(only(told).accepted, false);
}

const fencedLaws: readonly Law[] = fenced.flatMap(([name, settlementOf]) => [
  law(`a late worker cannot ${name} a task that was claimed anew`, async (harness) => {
    const first = await claimedTask(harness, "task", OWNER);
    await register(harness, OTHER);
    // Its claim ends by an outcome of another kind, so that this is no repetition.
    await applied(harness, name === "release" ? retry(first) : release(first), at(10));
    await claimOne(harness, OTHER, 1, at(10));
    const before = await standing(harness, "task", at(10));
    const answer = await settle(harness, settlementOf(first), at(20));
    assert.deepEqual(answer, { verdict: "refused", state: "pending" });
    const after = await standing(harness, "task", at(20));
    assert.deepEqual({ ...after, attempts: [] }, { ...before, attempts: [] });
  }),

  law(`a token of another process, claim or generation cannot ${name}`, async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    const before = await standing(harness, "task");
    const { token } = claimed;
    const wrongTokens = [
      { ...token, owner: OTHER },
      { ...token, claim: token.claim + 1 },
      { ...token, generation: token.generation + 1 },
    ];
    for (const wrong of wrongTokens) {
      const answer = await settle(harness, settlementOf({ ...claimed, token: wrong }), at(10));
      assert.deepEqual(answer, { verdict: "refused", state: "pending" });
    }
    const after = await standing(harness, "task", at(10));
    assert.deepEqual({ ...after, attempts: [] }, { ...before, attempts: [] });
    await applied(harness, settlementOf(claimed), at(20));
  }),
]);

/** What superseded claims can and cannot do. */
export const fencingLaws: readonly Law[] = [
  law("H40: a late success under a number that means another task now confirms nothing", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    const before = { ...claimed, taskId: "lost-with-the-backup", token: { ...claimed.token, owner: OTHER } };
    assert.equal((await settle(harness, confirmation(before), at(10))).state, "gone");
    assert.equal((await standing(harness, "task")).state, "pending");
    assert.equal((await settle(harness, failure(before), at(10))).verdict, "refused");
  }),

  ...fencedLaws,

  law("the failure of a superseded claim is kept in the story as not accepted", async (harness) => {
    const { late } = await claimedAnew(harness);
    await settle(harness, retry(late), at(20));
    const { attempts, failedAttempts } = await standing(harness, "task", at(20));
    assert.deepEqual(
      attempts.map(({ outcome, accepted }) => [outcome, accepted]),
      [
        ["abandoned", true],
        ["failed", false],
      ],
    );
    assert.equal(failedAttempts, 0);
  }),

  law("a late success confirms a task that is pending again", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await applied(harness, retry(claimed, { delayMs: 60_000 }), at(10));
    assert.deepEqual(await settle(harness, confirmation(claimed), at(20)), {
      verdict: "late",
      state: "confirmed",
    });
    const task = await standing(harness, "task", at(20));
    assert.deepEqual([task.state, task.nextAttemptAt, task.owner], ["confirmed", null, null]);
    assert.ok(
      task.attempts.some(({ outcome }) => outcome === "late-success"),
      "it is recorded as late",
    );
  }),

  law("a late success confirms a task that another process has claimed", async (harness) => {
    const { late, current } = await claimedAnew(harness);
    assert.deepEqual(await settle(harness, confirmation(late), at(20)), {
      verdict: "late",
      state: "confirmed",
    });
    const failing = await settle(harness, failure(current), at(30));
    assert.deepEqual(failing, { verdict: "refused", state: "confirmed" });
    assert.equal((await settle(harness, release(current), at(30))).verdict, "refused");
    assert.equal((await standing(harness, "task", at(30))).state, "confirmed");
  }),

  law("a late success confirms a task that was failed in the same generation", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await applied(harness, failure(claimed), at(10));
    assert.deepEqual(await settle(harness, confirmation(claimed), at(20)), {
      verdict: "late",
      state: "confirmed",
    });
    const task = await standing(harness, "task", at(20));
    assert.deepEqual([task.state, task.failureReason], ["confirmed", null]);
    assert.ok(
      task.attempts.some(({ outcome }) => outcome === "late-success"),
      "it is recorded as late",
    );
    const { confirmed, failed } = await harness.store.balance(at(20));
    assert.deepEqual([confirmed, failed], [1, 0]);
  }),

  law("two successes of one task confirm it once", async (harness) => {
    const { late, current } = await claimedAnew(harness);
    await applied(harness, confirmation(current), at(20));
    const answer = await settle(harness, confirmation(late), at(30));
    assert.equal(answer.state, "confirmed");
    assert.notEqual(answer.verdict, "refused", "a success is never refused");
    const { enqueued, confirmed } = await harness.store.balance(at(30));
    assert.deepEqual([enqueued, confirmed], [1, 1]);
  }),

  law("a success that comes after another has confirmed the task is recorded, once", async (harness) => {
    const { late, current } = await claimedAnew(harness);
    await applied(harness, confirmation(current), at(20));
    await expectRecorded(harness, late);
  }),

  law("a success that comes after a late one of another process is recorded, once", async (harness) => {
    const { late, current } = await claimedAnew(harness);
    assert.equal((await settle(harness, confirmation(late), at(20))).verdict, "late");
    await expectRecorded(harness, current);
  }),

  law("two claims of one process that both succeed confirm once, whichever comes first", async (harness) => {
    for (const lateFirst of [false, true]) {
      const taskId = `task-${lateFirst}`;
      await enqueue(harness, [newTask(taskId)]);
      await register(harness, OWNER);
      const late = await claimOne(harness, OWNER, 1, at(0));
      await applied(harness, retry(late), at(10));
      const current = await claimOne(harness, OWNER, 2, at(10));
      const [first, second] = lateFirst ? [late, current] : [current, late];
      const { verdict } = await settle(harness, confirmation(first), at(20));
      assert.equal(verdict, lateFirst ? "late" : "applied");
      await expectRecorded(harness, second);
      // The one that confirmed is told so again, however often it asks.
      assert.equal((await settle(harness, confirmation(first), at(40))).verdict, verdict);
    }
  }),

  law("repeating a late success changes nothing more", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await applied(harness, failure(claimed), at(10));
    await settle(harness, confirmation(claimed), at(20));
    const answer = await settle(harness, confirmation(claimed), at(30));
    assert.equal(answer.state, "confirmed");
    assert.notEqual(answer.verdict, "refused");
    const task = await standing(harness, "task", at(30));
    assert.equal(task.settledAt?.getTime(), at(20).now);
    assert.equal((await harness.store.balance(at(30))).confirmed, 1);
  }),

  law("nothing takes a confirmation back", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await applied(harness, confirmation(claimed), at(10));
    for (const [name, settlementOf] of fenced) {
      const answer = await settle(harness, settlementOf(claimed), at(20));
      assert.deepEqual(answer, { verdict: "refused", state: "confirmed" }, name);
    }
    assert.equal((await standing(harness, "task", at(20))).state, "confirmed");
  }),

  law("a cancelled task records a failure and a success, and stays cancelled", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    assert.deepEqual(await harness.store.cancel("task", at(10)), { done: true });
    const failing = await settle(harness, retry(claimed), at(20));
    assert.deepEqual(failing, { verdict: "refused", state: "cancelled" });
    const succeeding = await settle(harness, confirmation(claimed), at(30));
    assert.deepEqual(succeeding, { verdict: "recorded", state: "cancelled" });
    const task = await standing(harness, "task", at(30));
    assert.equal(task.state, "cancelled");
    assert.deepEqual(
      task.attempts.map(({ outcome, accepted }) => [outcome, accepted]),
      [
        ["failed", false],
        ["late-success", false],
      ],
    );
  }),

  law("a late success of an older generation is recorded and changes nothing", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await applied(harness, failure(claimed), at(10));
    assert.deepEqual(await harness.store.redrive("task", at(20)), { done: true });
    assert.deepEqual(await settle(harness, confirmation(claimed), at(30)), {
      verdict: "recorded",
      state: "pending",
    });
    const task = await standing(harness, "task", at(30));
    assert.equal(task.state, "pending");
    const late = only(task.attempts.filter(({ outcome }) => outcome === "late-success"));
    assert.deepEqual([late.accepted, late.generation], [false, claimed.token.generation]);
    const current = await claimOne(harness, OWNER, 2, at(40));
    await applied(harness, failure(current), at(50));
    assert.equal((await settle(harness, confirmation(claimed), at(60))).state, "failed");
  }),

  law("a failure of an older generation is refused", async (harness) => {
    const claimed = await claimedTask(harness, "task", OWNER);
    await harness.store.cancel("task", at(10));
    await harness.store.redrive("task", at(20));
    const current = await claimOne(harness, OWNER, 2, at(30));
    for (const [name, settlementOf] of fenced) {
      const answer = await settle(harness, settlementOf(claimed), at(40));
      assert.deepEqual(answer, { verdict: "refused", state: "pending" }, name);
    }
    await applied(harness, confirmation(current), at(50));
  }),
];
