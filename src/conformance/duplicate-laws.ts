/** Laws of duplicates: a taskId is enqueued once, whoever enqueues it again is told, and its transaction stays usable. */
import assert from "node:assert/strict";

import type { BirthClaim, NewTask, ResolvedDuplicate } from "../store/contract.ts";
import type { ConformanceHarness, ConformanceTransaction, Law } from "./harness.ts";
import {
  applied,
  at,
  bytes,
  claimOne,
  confirmation,
  enqueue,
  failure,
  law,
  newTask,
  only,
  present,
  processId,
  register,
  standing,
  taskIds,
} from "./scene.ts";

const OWNER = processId(1);

/** Inserts, resolves what is missing from the answer, and answers the verdicts. The transaction stays open. */
async function insertAgain(
  harness: ConformanceHarness,
  caller: ConformanceTransaction,
  tasks: readonly NewTask[],
  birth: BirthClaim | null = null,
): Promise<ReadonlyMap<string, ResolvedDuplicate>> {
  const { created } = await harness.store.insert(caller.transaction, tasks, birth, at(0));
  const isNew = new Set(taskIds(created));
  const missing = tasks.filter(({ taskId }) => !isNew.has(taskId));
  const createdIds = created.map(({ id }) => id);
  const resolved = await harness.store.resolveDuplicates(
    caller.transaction,
    missing,
    birth,
    createdIds,
    at(0),
  );
  assert.equal(resolved.length, missing.length, "every missing task is answered");
  return new Map(resolved.map((duplicate) => [duplicate.taskId, duplicate]));
}

/** The verdict on one duplicate, in a transaction that is committed. */
async function verdictOn(harness: ConformanceHarness, task: NewTask): Promise<ResolvedDuplicate> {
  const caller = await harness.begin();
  const resolved = await insertAgain(harness, caller, [task]);
  await caller.commit();
  return present(resolved.get(task.taskId), "the verdict");
}

/** The three policies, conflicts, and originals that end, vanish or lose their data. */
export const duplicateLaws: readonly Law[] = [
  law(
    "a task that stands is missing from the answer of insert, and the new ones are not",
    async (harness) => {
      await enqueue(harness, [newTask("stands")]);
      const caller = await harness.begin();
      const tasks = [newTask("new-a"), newTask("stands"), newTask("new-b")];
      const answer = await harness.store.insert(caller.transaction, tasks, null, at(0));
      assert.deepEqual(taskIds(answer.created).sort(), ["new-a", "new-b"]);
      await caller.commit();
      assert.equal((await harness.store.balance(at(0))).enqueued, 3);
    },
  ),

  law("a duplicate of the same content is the same task", async (harness) => {
    const ids = await enqueue(harness, [newTask("twice")]);
    const verdict = await verdictOn(harness, newTask("twice", { referenceId: "other", delayMs: 9 }));
    assert.deepEqual(verdict, { taskId: "twice", verdict: "same", id: ids.get("twice") });
    assert.equal((await harness.store.balance(at(0))).enqueued, 1);
  }),

  law("a duplicate of other data is different", async (harness) => {
    await enqueue(harness, [newTask("twice")]);
    const verdict = await verdictOn(harness, newTask("twice", { data: bytes("other") }));
    assert.deepEqual(verdict, { taskId: "twice", verdict: "different", id: null });
  }),

  law("a duplicate of another type is different", async (harness) => {
    await enqueue(harness, [newTask("twice")]);
    const verdict = await verdictOn(harness, newTask("twice", { type: "another.type" }));
    assert.deepEqual(verdict, { taskId: "twice", verdict: "different", id: null });
  }),

  law("the policy throw refuses every duplicate", async (harness) => {
    await enqueue(harness, [newTask("twice")]);
    const verdict = await verdictOn(harness, newTask("twice", { onDuplicate: "throw" }));
    assert.deepEqual(verdict, { taskId: "twice", verdict: "exists", id: null });
  }),

  law("the policy keep takes what stands whatever its content", async (harness) => {
    const ids = await enqueue(harness, [newTask("twice")]);
    const other = newTask("twice", { type: "another.type", data: bytes("other"), onDuplicate: "keep" });
    assert.deepEqual(await verdictOn(harness, other), {
      taskId: "twice",
      verdict: "same",
      id: ids.get("twice"),
    });
  }),

  law("one call may mix policies", async (harness) => {
    await enqueue(harness, [newTask("a"), newTask("b")]);
    const caller = await harness.begin();
    const kept = newTask("b", { data: bytes("other"), onDuplicate: "keep" });
    const resolved = await insertAgain(harness, caller, [newTask("a"), kept, newTask("c")]);
    await caller.commit();
    assert.deepEqual([resolved.get("a")?.verdict, resolved.get("b")?.verdict], ["same", "same"]);
    await standing(harness, "c");
  }),

  law("a duplicate never changes the task that stands", async (harness) => {
    await enqueue(harness, [newTask("twice", { delayMs: 5_000, referenceId: "first" })]);
    const before = await standing(harness, "twice");
    const caller = await harness.begin();
    const birth = { owner: OWNER, claim: 1 };
    const again = newTask("twice", { bornClaimed: true, referenceId: "second", onDuplicate: "keep" });
    await insertAgain(harness, caller, [again], birth);
    await caller.commit();
    assert.deepEqual(await standing(harness, "twice"), before);
  }),

  law("a duplicate of a settled task is recognised", async (harness) => {
    await enqueue(harness, [newTask("confirmed"), newTask("failed"), newTask("cancelled")]);
    await register(harness, OWNER);
    const claimNamed = async (taskId: string, claim: number) => {
      const request = { owner: OWNER, claim, liveClaims: [1, 2], taskIds: [taskId], types: "all" as const };
      return only(await harness.store.claimById(request, at(0)));
    };
    await applied(harness, confirmation(await claimNamed("confirmed", 1)), at(0));
    await applied(harness, failure(await claimNamed("failed", 2)), at(0));
    await harness.store.cancel("cancelled", at(0));
    for (const taskId of ["confirmed", "failed", "cancelled"]) {
      assert.equal((await verdictOn(harness, newTask(taskId))).verdict, "same", taskId);
      const other = newTask(taskId, { data: bytes("other") });
      assert.equal((await verdictOn(harness, other)).verdict, "different", taskId);
      assert.equal((await standing(harness, taskId)).state, taskId);
    }
  }),

  law("a duplicate within one transaction is recognised before the commit", async (harness) => {
    const caller = await harness.begin();
    const { created } = await harness.store.insert(caller.transaction, [newTask("twice")], null, at(0));
    const same = await insertAgain(harness, caller, [newTask("twice")]);
    assert.equal(same.get("twice")?.verdict, "same");
    assert.equal(same.get("twice")?.id, only(created).id);
    const different = await insertAgain(harness, caller, [newTask("twice", { data: bytes("other") })]);
    assert.equal(different.get("twice")?.verdict, "different");
    await caller.commit();
    assert.deepEqual((await standing(harness, "twice")).data, newTask("twice").data);
  }),

  law("a conflict undoes what its call inserted and leaves the transaction usable", async (harness) => {
    await enqueue(harness, [newTask("stands")]);
    const caller = await harness.begin();
    await harness.store.insert(caller.transaction, [newTask("before")], null, at(0));
    const conflict = newTask("stands", { data: bytes("other") });
    await insertAgain(harness, caller, [newTask("with-conflict"), conflict]);
    await harness.store.insert(caller.transaction, [newTask("after")], null, at(0));
    await caller.commit();
    assert.equal(await harness.store.get("with-conflict", at(0)), null);
    await standing(harness, "before");
    await standing(harness, "after");
    assert.equal((await harness.store.balance(at(0))).enqueued, 3);
    assert.equal(await harness.store.count("pending", at(0)), 3);
  }),

  law("a task undone by a conflict can be inserted again in the same transaction", async (harness) => {
    await enqueue(harness, [newTask("stands")]);
    const caller = await harness.begin();
    const conflict = newTask("stands", { onDuplicate: "throw" });
    await insertAgain(harness, caller, [newTask("second-try"), conflict]);
    const answer = await harness.store.insert(caller.transaction, [newTask("second-try")], null, at(0));
    assert.deepEqual(taskIds(answer.created), ["second-try"]);
    await caller.commit();
    assert.equal((await standing(harness, "second-try")).state, "pending");
  }),

  law("one refused duplicate among accepted ones undoes the whole call", async (harness) => {
    await enqueue(harness, [newTask("same"), newTask("stands")]);
    const caller = await harness.begin();
    const conflict = newTask("stands", { onDuplicate: "throw" });
    const resolved = await insertAgain(harness, caller, [newTask("new"), newTask("same"), conflict]);
    assert.equal(resolved.get("stands")?.verdict, "exists");
    await caller.commit();
    assert.equal(await harness.store.get("new", at(0)), null);
    assert.equal((await harness.store.balance(at(0))).enqueued, 2);
  }),

  law("an original that vanished before it was compared is inserted after all", async (harness) => {
    const caller = await harness.begin();
    const missing = [newTask("vanished", { delayMs: 700 })];
    const verdicts = await harness.store.resolveDuplicates(caller.transaction, missing, null, [], at(0));
    const { verdict, id } = only(verdicts);
    assert.equal(verdict, "created");
    await caller.commit();
    const task = await standing(harness, "vanished");
    assert.equal(task.nextAttemptAt?.getTime(), at(700).now);
    await register(harness, OWNER);
    assert.equal((await claimOne(harness, OWNER, 1, at(700))).id, id);
  }),

  law("a task inserted while duplicates are resolved is undone by a conflict too", async (harness) => {
    await enqueue(harness, [newTask("stands")]);
    const caller = await harness.begin();
    const missing = [newTask("vanished"), newTask("stands", { data: bytes("other") })];
    await harness.store.resolveDuplicates(caller.transaction, missing, null, [], at(0));
    await caller.commit();
    assert.equal(await harness.store.get("vanished", at(0)), null);
    assert.equal((await harness.store.balance(at(0))).enqueued, 1);
  }),

  law("a conflict inside a savepoint leaves the savepoint usable", async (harness) => {
    await enqueue(harness, [newTask("stands")]);
    const caller = await harness.begin();
    const savepoint = await harness.store.savepoint(caller.transaction);
    const conflict = newTask("stands", { onDuplicate: "throw" });
    await insertAgain(harness, caller, [newTask("undone"), conflict]);
    await savepoint.rollback();
    await harness.store.insert(caller.transaction, [newTask("after")], null, at(0));
    await caller.commit();
    assert.equal(await harness.store.get("undone", at(0)), null);
    await standing(harness, "after");
  }),

  law("a conflict inside a savepoint that is kept undoes what its call inserted there", async (harness) => {
    await enqueue(harness, [newTask("stands")]);
    const caller = await harness.begin();
    const outer = await harness.store.savepoint(caller.transaction);
    const inner = await harness.store.savepoint(caller.transaction);
    const conflict = newTask("stands", { data: bytes("other") });
    await insertAgain(harness, caller, [newTask("undone"), conflict]);
    await inner.release();
    await outer.release();
    await caller.commit();
    assert.equal(await harness.store.get("undone", at(0)), null);
    assert.equal((await harness.store.balance(at(0))).enqueued, 1);
  }),

  law("a duplicate of an erased task is compared by type alone", async (harness) => {
    await enqueue(harness, [newTask("erased")]);
    await harness.store.cancel("erased", at(0));
    assert.deepEqual(await harness.store.erase("erased", at(0)), { done: true });
    const sameType = newTask("erased", { data: bytes("other") });
    assert.equal((await verdictOn(harness, sameType)).verdict, "same");
    const otherType = newTask("erased", { type: "another.type" });
    assert.equal((await verdictOn(harness, otherType)).verdict, "different");
  }),
];
