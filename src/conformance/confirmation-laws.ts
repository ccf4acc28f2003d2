/** Laws of confirmation inside a caller's transaction: committed with it or not at all, under the current claim alone. */
import assert from "node:assert/strict";

import type { ClaimedTask } from "../task/task.ts";
import type { ConformanceHarness, Law } from "./harness.ts";
import {
  applied,
  at,
  claim,
  claimedIds,
  claimedTask,
  claimOne,
  concurrentLaw,
  confirmation,
  die,
  enqueue,
  failure,
  law,
  newTask,
  only,
  processId,
  register,
  retry,
  START_MS,
  settle,
  standing,
} from "./scene.ts";

const OWNER = processId(1);
const OTHER = processId(2);

async function standingOf(harness: ConformanceHarness, task: ClaimedTask): Promise<string> {
  return only(await harness.store.readConfirmations([task]));
}

/** Confirms in a transaction of its own that commits; answers whether the claim was accepted. */
async function confirmedAndCommitted(harness: ConformanceHarness, task: ClaimedTask): Promise<boolean> {
  const caller = await harness.begin();
  const isConfirmed = await harness.store.confirmWithin(caller.transaction, task, at(50));
  await caller.commit();
  return isConfirmed;
}

/** Confirmations in callers' transactions, their ends, and who else may touch the task meanwhile. */
export const confirmationLaws: readonly Law[] = [
  law("a confirmation inside a transaction stands once that commits", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    const caller = await harness.begin();
    assert.equal(await harness.store.confirmWithin(caller.transaction, task, at(70)), true);
    assert.equal((await standing(harness, "task")).state, "pending", "nobody sees it before the commit");
    await caller.commit();
    const { state, owner, settledAt, attempts } = await standing(harness, "task");
    assert.deepEqual([state, owner, settledAt?.getTime()], ["confirmed", null, START_MS + 70]);
    assert.equal(attempts.length, 0, "a confirmation leaves nothing in the story");
    assert.equal(await standingOf(harness, task), "confirmed");
    const { enqueued, pending, confirmed } = await harness.store.balance();
    assert.deepEqual([enqueued, pending, confirmed], [1, 0, 1]);
  }),

  law("settling what was confirmed inside a transaction changes nothing", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    assert.equal(await confirmedAndCommitted(harness, task), true);
    const before = await standing(harness, "task");
    assert.deepEqual(await settle(harness, confirmation(task), at(80)), {
      verdict: "applied",
      state: "confirmed",
    });
    assert.deepEqual(await standing(harness, "task"), before);
    assert.deepEqual(await settle(harness, retry(task), at(90)), { verdict: "refused", state: "confirmed" });
  }),

  law("a confirmation in a rolled-back transaction leaves the claim as it was", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    const caller = await harness.begin();
    assert.equal(await harness.store.confirmWithin(caller.transaction, task, at(50)), true);
    await caller.rollback();
    const { state, owner } = await standing(harness, "task");
    assert.deepEqual([state, owner], ["pending", OWNER]);
    assert.equal(await standingOf(harness, task), "held");
    await applied(harness, retry(task), at(60));
    assert.equal(await standingOf(harness, task), "lost");
  }),

  law("a confirmation in a rolled-back savepoint is undone with it", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    const caller = await harness.begin();
    const savepoint = await harness.store.savepoint(caller.transaction);
    assert.equal(await harness.store.confirmWithin(caller.transaction, task, at(50)), true);
    await savepoint.rollback();
    await caller.commit();
    assert.equal((await standing(harness, "task")).state, "pending");
    assert.equal(await standingOf(harness, task), "held");
    assert.equal(await confirmedAndCommitted(harness, task), true, "it can be done again");
  }),

  law("a transaction confirms a task once", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    const caller = await harness.begin();
    assert.equal(await harness.store.confirmWithin(caller.transaction, task, at(50)), true);
    assert.equal(await harness.store.confirmWithin(caller.transaction, task, at(50)), false);
    await caller.commit();
    assert.equal((await harness.store.balance()).confirmed, 1);
  }),

  law("a confirmation and the tasks of its transaction stand together", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    for (const end of ["rollback", "commit"] as const) {
      const caller = await harness.begin();
      await harness.store.insert(caller.transaction, [newTask("next")], null, at(50));
      assert.equal(await harness.store.confirmWithin(caller.transaction, task, at(50)), true);
      await caller[end]();
      const next = await harness.store.get("next", at(50));
      assert.deepEqual(
        [(await standing(harness, "task")).state, next?.state],
        end === "commit" ? ["confirmed", "pending"] : ["pending", undefined],
      );
    }
  }),

  law("a transaction cannot confirm under a claim that another has taken", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    await register(harness, OTHER);
    await die(harness, OWNER, at(10));
    await claimOne(harness, OTHER, 1, at(20));
    assert.equal(await confirmedAndCommitted(harness, task), false);
    const { state, owner, attempts } = await standing(harness, "task");
    assert.deepEqual([state, owner], ["pending", OTHER]);
    assert.deepEqual(
      attempts.map(({ outcome }) => outcome),
      ["lost"],
      "nothing is recorded of it",
    );
    assert.equal(await standingOf(harness, task), "lost");
  }),

  law("a success inside a transaction is never late", async (harness) => {
    const { store } = harness;
    const failed = await claimedTask(harness, "failed", OWNER);
    await applied(harness, failure(failed), at(10));
    assert.equal(await confirmedAndCommitted(harness, failed), false);
    assert.equal((await standing(harness, "failed")).state, "failed");
    await store.redrive("failed", at(20));
    assert.equal(await confirmedAndCommitted(harness, failed), false, "nor in a later generation");
    const again = await claimOne(harness, OWNER, 2, at(30));
    assert.equal(await confirmedAndCommitted(harness, failed), false);
    await store.cancel("failed", at(40));
    assert.equal(await confirmedAndCommitted(harness, again), false);
    assert.equal((await standing(harness, "failed")).state, "cancelled");
    assert.deepEqual(await store.readConfirmations([failed, again]), ["lost", "lost"]);
  }),

  law("a later claim of the same process is told from an earlier one", async (harness) => {
    const first = await claimedTask(harness, "task", OWNER);
    await applied(harness, retry(first), at(10));
    const second = await claimOne(harness, OWNER, 2, at(20));
    assert.equal(await confirmedAndCommitted(harness, first), false);
    assert.deepEqual(await harness.store.readConfirmations([second, first]), ["held", "lost"]);
    assert.equal(await confirmedAndCommitted(harness, second), true);
  }),

  law("confirmations are read in the order given", async (harness) => {
    const confirmed = await claimedTask(harness, "confirmed", OWNER);
    assert.equal(await confirmedAndCommitted(harness, confirmed), true);
    await enqueue(harness, [newTask("held")]);
    const held = await claimOne(harness, OWNER, 2, at(60));
    const never = { ...held, id: "999999", taskId: "never" };
    assert.deepEqual(await harness.store.readConfirmations([held, never, confirmed]), [
      "held",
      "lost",
      "confirmed",
    ]);
    assert.deepEqual(await harness.store.readConfirmations([]), []);
  }),

  concurrentLaw("nobody claims a task that an open transaction has confirmed", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    await register(harness, OTHER);
    await die(harness, OWNER, at(10));
    const caller = await harness.begin();
    assert.equal(await harness.store.confirmWithin(caller.transaction, task, at(10)), true);
    assert.deepEqual(await claimedIds(harness, OTHER, 1, at(20)), []);
    const named = { owner: OTHER, claim: 2, liveClaims: [], taskIds: ["task"], types: "all" } as const;
    assert.deepEqual(await harness.store.claimById(named, at(20)), []);
    await caller.rollback();
    assert.equal(only((await claim(harness, OTHER, 3, at(30))).tasks).lostAttempts, 1);
  }),

  concurrentLaw("nobody settles a task that an open transaction has confirmed", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    const undone = await harness.begin();
    assert.equal(await harness.store.confirmWithin(undone.transaction, task, at(10)), true);
    assert.equal((await settle(harness, retry(task), at(20))).verdict, "busy");
    await undone.rollback();
    assert.equal(await standingOf(harness, task), "held");
    const caller = await harness.begin();
    assert.equal(await harness.store.confirmWithin(caller.transaction, task, at(30)), true);
    assert.equal((await settle(harness, failure(task), at(40))).verdict, "busy");
    await caller.commit();
    assert.deepEqual(await settle(harness, failure(task), at(50)), {
      verdict: "refused",
      state: "confirmed",
    });
  }),

  concurrentLaw("a confirmation is open for as long as its transaction is", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    const caller = await harness.begin();
    assert.equal(await harness.store.confirmWithin(caller.transaction, task, at(10)), true);
    assert.equal(await standingOf(harness, task), "open");
    await caller.commit();
    assert.equal(await standingOf(harness, task), "confirmed");
  }),

  concurrentLaw("of two transactions that confirm under one claim, one does", async (harness) => {
    const task = await claimedTask(harness, "task", OWNER);
    for (const end of ["rollback", "commit"] as const) {
      const [first, second] = [await harness.begin(), await harness.begin()];
      assert.equal(await harness.store.confirmWithin(first.transaction, task, at(10)), true);
      const waiting = harness.store.confirmWithin(second.transaction, task, at(10));
      await first[end]();
      assert.equal(await waiting, end === "rollback");
      await second.rollback();
    }
    assert.equal((await standing(harness, "task")).state, "confirmed");
  }),
];
