/** Laws of lost attempts: a process that died costs its tasks little, and one that kills processes is set apart. */
import assert from "node:assert/strict";

import { lostDelayMs } from "../store/contract.ts";
import type { ClaimedTask } from "../task/task.ts";
import type { ConformanceHarness, Law } from "./harness.ts";
import {
  applied,
  at,
  claim,
  claimedIds,
  claimOne,
  confirmation,
  die,
  enqueue,
  law,
  newTask,
  only,
  processId,
  register,
  release,
  retry,
  START_MS,
  settle,
  standing,
  taskIds,
} from "./scene.ts";

const OWNER = processId(1);
const OTHER = processId(2);

/** Lets a process of its own claim all due tasks and die of it. */
async function lose(
  harness: ConformanceHarness,
  number: number,
  offsetMs: number,
): Promise<readonly ClaimedTask[]> {
  const victim = processId(100 + number);
  await register(harness, victim);
  const { tasks } = await claim(harness, victim, 1, at(offsetMs));
  await die(harness, victim, at(offsetMs));
  return tasks;
}

/** Loses a task twice, so that it waits to be claimed alone from `offsetMs + lostDelayMs(2)` on. */
async function loseTwice(harness: ConformanceHarness, offsetMs: number): Promise<void> {
  await lose(harness, offsetMs, offsetMs);
  await lose(harness, offsetMs + 1, offsetMs);
  // The second loss is counted by the next claim that comes along.
  await claim(harness, OWNER, 1, at(offsetMs));
}

/** Counting losses, suspects, and claiming alone. */
export const lossLaws: readonly Law[] = [
  law("a task of a dead process is counted lost once, with an attempt to show it", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("orphan")]);
    const first = only(await lose(harness, 1, 0));
    const claimed = await claimOne(harness, OWNER, 1, at(500));
    assert.deepEqual([claimed.lostAttempts, claimed.failedAttempts], [1, 0]);
    const task = await standing(harness, "orphan", at(500));
    assert.equal(task.lostAttempts, 1);
    const attempt = only(task.attempts);
    assert.deepEqual([attempt.outcome, attempt.owner, attempt.claim], ["lost", processId(101), 1]);
    assert.deepEqual([attempt.error, attempt.durationMs, attempt.accepted], [null, null, true]);
    assert.equal(attempt.generation, first.token.generation);
    assert.equal(attempt.recordedAt.getTime(), START_MS + 500);
    await applied(harness, release(claimed), at(600));
    assert.equal((await claimOne(harness, OWNER, 2, at(600))).lostAttempts, 1);
    assert.equal((await standing(harness, "orphan", at(600))).attempts.length, 2);
  }),

  law("a loss is not a failed attempt, and a failed attempt is no loss", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("task")]);
    await lose(harness, 1, 0);
    await applied(harness, retry(await claimOne(harness, OWNER, 1, at(10))), at(20));
    const task = await standing(harness, "task", at(20));
    assert.deepEqual([task.lostAttempts, task.failedAttempts, task.deferredAttempts], [1, 1, 0]);
  }),

  law("a claim takes no more suspects than asked for", async (harness) => {
    await register(harness, OWNER);
    await enqueue(
      harness,
      Array.from({ length: 6 }, (_, index) => newTask(`suspect-${index}`)),
    );
    assert.equal((await lose(harness, 1, 0)).length, 6);
    const first = await claim(harness, OWNER, 1, at(10), { suspectLimit: 2 });
    assert.equal(first.tasks.length, 2);
    for (const { lostAttempts } of first.tasks) assert.equal(lostAttempts, 1);
    const later = { suspectLimit: 2, liveClaims: [1] };
    assert.equal((await claim(harness, OWNER, 2, at(20), later)).tasks.length, 2);
    assert.deepEqual(
      await claimedIds(harness, OWNER, 3, at(30), { suspectLimit: 0, liveClaims: [1, 2] }),
      [],
    );
  }),

  law("a suspect that is left is neither held nor counted lost again", async (harness) => {
    await register(harness, OWNER, OTHER);
    await enqueue(harness, [newTask("suspect")]);
    await lose(harness, 1, 0);
    for (let number = 1; number <= 3; number += 1) {
      assert.deepEqual(await claimedIds(harness, OWNER, number, at(number), { suspectLimit: 0 }), []);
    }
    const claimed = await claimOne(harness, OTHER, 1, at(10), { suspectLimit: 1 });
    assert.equal(claimed.lostAttempts, 1);
    assert.equal((await standing(harness, "suspect", at(10))).attempts.length, 1);
  }),

  law("suspects never hide the tasks behind them", async (harness) => {
    await register(harness, OWNER);
    await enqueue(
      harness,
      Array.from({ length: 40 }, (_, index) => newTask(`suspect-${index}`)),
    );
    await lose(harness, 1, 0);
    await enqueue(harness, [newTask("healthy-a"), newTask("healthy-b")], at(1_000));
    const bounds = { limit: 3, suspectLimit: 1 };
    const ids = await claimedIds(harness, OWNER, 1, at(2_000), bounds);
    assert.equal(ids.length, 3);
    assert.ok(ids.includes("healthy-a") && ids.includes("healthy-b"), "the healthy ones are found");
    await enqueue(harness, [newTask("healthy-c")], at(3_000));
    const later = { limit: 3, suspectLimit: 0, liveClaims: [1] };
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(3_000), later), ["healthy-c"]);
  }),

  law("suspects count towards the limits of a claim", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("suspect-a"), newTask("suspect-b")]);
    await lose(harness, 1, 0);
    await enqueue(harness, [newTask("healthy-a"), newTask("healthy-b")], at(1_000));
    assert.equal((await claim(harness, OWNER, 1, at(2_000), { limit: 3 })).tasks.length, 3);
  }),

  law("a task lost twice is set aside, with backoff, and not claimed among others", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("poison")]);
    await loseTwice(harness, 0);
    const task = await standing(harness, "poison");
    assert.deepEqual([task.state, task.owner, task.lostAttempts], ["pending", null, 2]);
    assert.equal(task.nextAttemptAt?.getTime(), START_MS + lostDelayMs(2));
    assert.deepEqual(
      task.attempts.map(({ outcome }) => outcome),
      ["lost", "lost"],
    );
    await enqueue(harness, [newTask("healthy")], at(10_000));
    const answer = await claim(harness, OWNER, 2, at(10_000));
    assert.deepEqual(taskIds(answer.tasks), ["healthy"]);
    assert.equal(answer.aloneDue, true);
  }),

  law("a task lost twice is seen to wait by a claim that takes nothing", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("poison")]);
    await loseTwice(harness, 0);
    await enqueue(harness, [newTask("healthy")], at(10_000));
    const type = "conformance.task";
    const full = { limit: 0, suspectLimit: 0, types: [{ type, limit: 0 }] };
    assert.deepEqual(await claim(harness, OWNER, 2, at(10_000), full), { tasks: [], aloneDue: true });
    const asOfAny = { limit: 0, suspectLimit: 0, types: "all" } as const;
    assert.deepEqual(await claim(harness, OWNER, 3, at(10_000), asOfAny), { tasks: [], aloneDue: true });
    const ofOther = { ...full, limit: 5, types: [...full.types, { type: "other", limit: 5 }] };
    assert.deepEqual(await claim(harness, OWNER, 4, at(10_000), ofOther), { tasks: [], aloneDue: true });
    await claimOne(harness, OWNER, 5, at(10_000), { alone: true });
    const after = { ...full, liveClaims: [5] };
    assert.deepEqual(await claim(harness, OWNER, 6, at(10_000), after), { tasks: [], aloneDue: false });
  }),

  law("a task lost twice is claimed alone once its delay is over", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("poison")]);
    await loseTwice(harness, 0);
    await enqueue(harness, [newTask("healthy")], at(0));
    const early = await claim(harness, OWNER, 2, at(lostDelayMs(2) - 1), { alone: true });
    assert.deepEqual([early.tasks.length, early.aloneDue], [0, false]);
    const bounds = { alone: true, limit: 0, suspectLimit: 0 };
    const claimed = await claimOne(harness, OWNER, 3, at(lostDelayMs(2)), bounds);
    assert.deepEqual([claimed.taskId, claimed.lostAttempts, claimed.token.claim], ["poison", 2, 3]);
    assert.equal((await claim(harness, OWNER, 4, at(lostDelayMs(2)), { liveClaims: [3] })).aloneDue, false);
  }),

  law("a claim alone takes one task and no more", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("poison-a"), newTask("poison-b")]);
    await loseTwice(harness, 0);
    const first = await claim(harness, OWNER, 2, at(5_000), { alone: true });
    assert.equal(first.tasks.length, 1);
    const second = await claim(harness, OWNER, 3, at(5_000), { alone: true, liveClaims: [2] });
    assert.equal(second.tasks.length, 1);
    assert.notEqual(first.tasks[0]?.taskId, second.tasks[0]?.taskId);
    const none = await claim(harness, OWNER, 4, at(5_000), { alone: true, liveClaims: [2, 3] });
    assert.deepEqual(none, { tasks: [], aloneDue: false });
  }),

  law("a claim alone leaves tasks of other types and healthy tasks", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("poison", { type: "other" })]);
    await loseTwice(harness, 0);
    await enqueue(harness, [newTask("healthy")], at(5_000));
    const types = [{ type: "conformance.task", limit: 0 }];
    const answer = await claim(harness, OWNER, 2, at(10_000), { alone: true, types });
    assert.deepEqual(answer, { tasks: [], aloneDue: false });
    const asked = [...types, { type: "other", limit: 0 }];
    assert.deepEqual(await claimedIds(harness, OWNER, 3, at(10_000), { alone: true, types: asked }), [
      "poison",
    ]);
  }),

  law("each further loss is counted and doubles the delay", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("poison")]);
    await loseTwice(harness, 0);
    let offsetMs = lostDelayMs(2);
    for (let lostAttempts = 3; lostAttempts <= 5; lostAttempts += 1) {
      const victim = processId(200 + lostAttempts);
      await register(harness, victim);
      await claimOne(harness, victim, 1, at(offsetMs), { alone: true });
      await die(harness, victim, at(offsetMs));
      await claim(harness, OWNER, lostAttempts, at(offsetMs));
      const task = await standing(harness, "poison", at(offsetMs));
      assert.deepEqual([task.lostAttempts, task.owner], [lostAttempts, null]);
      assert.equal(task.attempts.length, lostAttempts);
      assert.equal(task.nextAttemptAt?.getTime(), START_MS + offsetMs + lostDelayMs(lostAttempts));
      offsetMs += lostDelayMs(lostAttempts);
    }
  }),

  law("a task given back while it was run alone is run alone again", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("poison")]);
    await loseTwice(harness, 0);
    const claimed = await claimOne(harness, OWNER, 2, at(5_000), { alone: true });
    await applied(harness, release(claimed), at(6_000));
    const answer = await claim(harness, OWNER, 3, at(6_000));
    assert.deepEqual([answer.tasks.length, answer.aloneDue], [0, true]);
    assert.equal((await claimOne(harness, OWNER, 4, at(6_000), { alone: true })).lostAttempts, 2);
  }),

  law("a claim alone whose answer was lost is taken anew without cost", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("poison")]);
    await loseTwice(harness, 0);
    await claimOne(harness, OWNER, 2, at(5_000), { alone: true });
    assert.equal((await claim(harness, OWNER, 3, at(6_000), { liveClaims: [2] })).aloneDue, false);
    const again = await claimOne(harness, OWNER, 4, at(7_000), { alone: true, liveClaims: [] });
    assert.deepEqual([again.token.claim, again.lostAttempts], [4, 2]);
    assert.equal((await standing(harness, "poison", at(7_000))).attempts.length, 2);
  }),

  law("a lost process can still confirm what it had done", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("done-after-all")]);
    const dead = only(await lose(harness, 1, 0));
    await claimOne(harness, OWNER, 1, at(10));
    assert.deepEqual(await settle(harness, confirmation(dead), at(20)), {
      verdict: "late",
      state: "confirmed",
    });
  }),

  law("a lost process cannot fail, defer or release what it held", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("moved-on")]);
    const dead = only(await lose(harness, 1, 0));
    const holder = await claimOne(harness, OWNER, 1, at(10));
    for (const settlement of [retry(dead), retry(dead, { counted: "deferred" }), release(dead)]) {
      assert.equal((await settle(harness, settlement, at(20))).verdict, "refused");
    }
    assert.equal((await standing(harness, "moved-on", at(20))).owner, OWNER);
    await applied(harness, confirmation(holder), at(30));
  }),
];
