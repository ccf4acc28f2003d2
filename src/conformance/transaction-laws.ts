/** Laws of atomicity: a task stands if and only if the caller's transaction, and every savepoint around it, commits. */
import assert from "node:assert/strict";

import { InvalidInputError, NotATransactionError } from "../errors.ts";
import type { ConformanceHarness, Law } from "./harness.ts";
import {
  at,
  claim,
  claimedIds,
  concurrentLaw,
  enqueue,
  law,
  newTask,
  only,
  processId,
  register,
  standing,
  TYPE,
  taskIds,
} from "./scene.ts";

const OWNER = processId(1);

async function assertNothingStands(harness: ConformanceHarness, taskId: string): Promise<void> {
  const { store } = harness;
  assert.equal(await store.get(taskId, at(0)), null, "get answers null");
  assert.equal(await store.count("pending", at(0)), 0, "nothing is pending");
  const page = await store.list({ state: "pending", limit: 10, order: "ascending" }, at(0));
  assert.deepEqual(page.tasks, [], "nothing is listed");
  assert.equal((await store.balance(at(0))).enqueued, 0, "nothing was enqueued");
}

/** An assertion function called through a plain variable does not narrow, which is what a law wants. */
function assertion(harness: ConformanceHarness): (candidate: unknown) => void {
  return (candidate) => harness.store.assertTransaction(candidate);
}

/** Atomic insert, savepoints, visibility, and what may pass as a transaction. */
export const transactionLaws: readonly Law[] = [
  law("a task of a committed transaction stands and is claimed", async (harness) => {
    const ids = await enqueue(harness, [newTask("committed")]);
    const task = await standing(harness, "committed");
    assert.equal(task.state, "pending");
    await register(harness, OWNER);
    const claimed = only((await claim(harness, OWNER, 1, at(0))).tasks);
    assert.equal(claimed.taskId, "committed");
    assert.equal(claimed.id, ids.get("committed"), "insert and claim number the task alike");
  }),

  law("a task of a rolled-back transaction is never claimed", async (harness) => {
    await register(harness, OWNER);
    const caller = await harness.begin();
    const answer = await harness.store.insert(caller.transaction, [newTask("phantom")], null, at(0));
    assert.deepEqual(taskIds(answer.created), ["phantom"]);
    await caller.rollback();
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(1_000)), []);
    await assertNothingStands(harness, "phantom");
  }),

  law("the tasks of one call stand all or not at all", async (harness) => {
    const tasks = Array.from({ length: 25 }, (_, index) => newTask(`part-${index}`));
    const refused = await harness.begin();
    await harness.store.insert(refused.transaction, tasks, null, at(0));
    await refused.rollback();
    assert.equal(await harness.store.count("pending", at(0)), 0);
    await enqueue(harness, tasks);
    assert.equal(await harness.store.count("pending", at(0)), 25);
  }),

  law("a task of an open transaction is seen by nobody else", async (harness) => {
    const caller = await harness.begin();
    await harness.store.insert(caller.transaction, [newTask("unseen")], null, at(0));
    await assertNothingStands(harness, "unseen");
    await caller.commit();
    assert.equal((await standing(harness, "unseen")).state, "pending");
  }),

  concurrentLaw("a task of an open transaction is not claimed", async (harness) => {
    await register(harness, OWNER);
    const caller = await harness.begin();
    await harness.store.insert(caller.transaction, [newTask("early")], null, at(0));
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(10)), []);
    const byId = { owner: OWNER, claim: 2, liveClaims: [], taskIds: ["early"], types: "all" as const };
    assert.deepEqual(await harness.store.claimById(byId, at(10)), []);
    await caller.commit();
    assert.deepEqual(await claimedIds(harness, OWNER, 3, at(10)), ["early"]);
  }),

  concurrentLaw("a task that commits late is found although younger ones were claimed", async (harness) => {
    await register(harness, OWNER);
    const slow = await harness.begin();
    await harness.store.insert(slow.transaction, [newTask("slow")], null, at(0));
    await enqueue(harness, [newTask("quick")], at(10_000));
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(20_000)), ["quick"]);
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(30_000), { liveClaims: [1] }), []);
    await slow.commit();
    assert.deepEqual(await claimedIds(harness, OWNER, 3, at(40_000), { liveClaims: [1] }), ["slow"]);
  }),

  law("a savepoint that is rolled back takes its tasks with it and no others", async (harness) => {
    const caller = await harness.begin();
    await harness.store.insert(caller.transaction, [newTask("before")], null, at(0));
    const savepoint = await caller.savepoint();
    await harness.store.insert(caller.transaction, [newTask("inside")], null, at(0));
    await savepoint.rollback();
    await harness.store.insert(caller.transaction, [newTask("after")], null, at(0));
    await caller.commit();
    assert.equal(await harness.store.get("inside", at(0)), null);
    await standing(harness, "before");
    await standing(harness, "after");
    assert.equal((await harness.store.balance(at(0))).enqueued, 2);
  }),

  law("a savepoint that is released keeps its tasks", async (harness) => {
    const caller = await harness.begin();
    const savepoint = await caller.savepoint();
    await harness.store.insert(caller.transaction, [newTask("kept")], null, at(0));
    await savepoint.release();
    await caller.commit();
    await standing(harness, "kept");
  }),

  law("nested savepoints each roll back to where they were set", async (harness) => {
    const caller = await harness.begin();
    const outer = await harness.store.savepoint(caller.transaction);
    await harness.store.insert(caller.transaction, [newTask("outer")], null, at(0));
    const inner = await harness.store.savepoint(caller.transaction);
    await harness.store.insert(caller.transaction, [newTask("inner")], null, at(0));
    await inner.rollback();
    const kept = await harness.store.savepoint(caller.transaction);
    await harness.store.insert(caller.transaction, [newTask("kept")], null, at(0));
    await kept.release();
    await outer.rollback();
    await harness.store.insert(caller.transaction, [newTask("last")], null, at(0));
    await caller.commit();
    const page = await harness.store.list({ state: "pending", limit: 10, order: "ascending" }, at(0));
    assert.deepEqual(taskIds(page.tasks), ["last"]);
  }),

  law("the taskId of a rolled-back savepoint is free again in the same transaction", async (harness) => {
    const caller = await harness.begin();
    const savepoint = await harness.store.savepoint(caller.transaction);
    await harness.store.insert(caller.transaction, [newTask("again", { type: "first" })], null, at(0));
    await savepoint.rollback();
    const answer = await harness.store.insert(caller.transaction, [newTask("again")], null, at(0));
    assert.deepEqual(taskIds(answer.created), ["again"]);
    await caller.commit();
    assert.equal((await standing(harness, "again")).type, TYPE);
  }),

  law("the taskId of a rolled-back transaction is free again", async (harness) => {
    const caller = await harness.begin();
    await harness.store.insert(caller.transaction, [newTask("again", { type: "first" })], null, at(0));
    await caller.rollback();
    await enqueue(harness, [newTask("again")]);
    assert.equal((await standing(harness, "again")).type, TYPE);
  }),

  law("the store's own transaction commits, rolls back and sets savepoints", async (harness) => {
    const { store } = harness;
    const refused = await store.begin();
    await store.insert(refused.transaction, [newTask("refused")], null, at(0));
    await refused.rollback();
    const own = await store.begin({ isolationLevel: null });
    const savepoint = await own.savepoint();
    await store.insert(own.transaction, [newTask("undone")], null, at(0));
    await savepoint.rollback();
    await store.insert(own.transaction, [newTask("done")], null, at(0));
    assert.equal(own.provesCommit(), true);
    await own.commit();
    const page = await store.list({ state: "pending", limit: 10, order: "ascending" }, at(0));
    assert.deepEqual(taskIds(page.tasks), ["done"]);
  }),

  law("an isolation level that is none is refused before anything is begun", async (harness) => {
    // What a caller without types can write.
    const none: readonly unknown[] = ["chaos", "READ COMMITTED", "", 1, true, {}];
    for (const isolationLevel of none) {
      const begun = harness.store.begin({ isolationLevel: isolationLevel as null });
      await assert.rejects(begun, (error: unknown) => {
        assert.ok(error instanceof InvalidInputError, "the error is an InvalidInputError");
        return error.field === "isolationLevel" && error.message.includes("read committed");
      });
    }
    // Nothing was left open: the store's own transactions go on.
    const own = await harness.store.begin();
    await own.rollback();
  }),

  law("an open transaction passes as a transaction", async (harness) => {
    const caller = await harness.begin();
    assertion(harness)(caller.transaction);
    await caller.rollback();
    const own = await harness.store.begin();
    assertion(harness)(own.transaction);
    await own.rollback();
  }),

  law("what is no transaction does not pass as one", async (harness) => {
    for (const candidate of [harness.store, {}, [], null, undefined, "begin", 7, () => undefined]) {
      assert.throws(() => assertion(harness)(candidate), NotATransactionError);
    }
  }),

  law("a transaction that has ended does not pass as one", async (harness) => {
    const committed = await harness.begin();
    await committed.commit();
    assert.throws(() => assertion(harness)(committed.transaction), NotATransactionError);
    const rolledBack = await harness.begin();
    await rolledBack.rollback();
    assert.throws(() => assertion(harness)(rolledBack.transaction), NotATransactionError);
  }),
];
