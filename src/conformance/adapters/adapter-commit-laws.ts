/** Laws of atomicity: tasks of the library's transaction stand or fall with its rows. */
import assert from "node:assert/strict";
import { NotATransactionError, TaskConflictError } from "../../errors.ts";
import { type Steps, step } from "../../run/steps.ts";
import { adapterLaw, adapterTask, isOrWraps } from "./adapter-scene.ts";

/** Commit, rollback, savepoints, duplicates, and what may pass as a transaction. */
export const adapterCommitLaws = [
  adapterLaw("a task commits together with the rows of its transaction", async (scene) => {
    const receipt = await scene.transaction(function* (tx) {
      yield* step(scene.harness.write(tx, "row"));
      return yield* step(scene.enqueue(tx, "task"));
    });
    assert.deepEqual(receipt, { taskId: "task", created: true });
    await scene.assertStands(["task"], ["row"]);
  }),

  adapterLaw("a task is confirmed together with the rows of a transaction, or not at all", async (scene) => {
    const { harness } = scene;
    await scene.transaction((tx) => step(scene.enqueue(tx, "task")));
    const task = await scene.claimed("task");
    const complete = function* (tx: unknown): Steps<void> {
      yield* step(harness.write(tx, "effect"));
      const isConfirmed = yield* step(harness.store.confirmWithin(tx, task));
      assert.equal(isConfirmed, true, "the claim is current");
    };
    await scene.rolledBack(complete);
    assert.deepEqual(await harness.store.readConfirmations([task]), ["held"]);
    await scene.assertStands(["task"], []);
    await scene.transaction(complete);
    assert.deepEqual(await harness.store.readConfirmations([task]), ["confirmed"]);
    await scene.assertStands(["task"], ["effect"]);
    const again = await scene.transaction((tx) => step(harness.store.confirmWithin(tx, task)));
    assert.equal(again, false, "the claim is over");
  }),

  adapterLaw("a task is gone with its rows when the callback throws", async (scene) => {
    const failure = new Error("the callback fails");
    const work = scene.transaction(function* (tx) {
      yield* step(scene.enqueue(tx, "task"));
      yield* step(scene.harness.write(tx, "row"));
      throw failure;
    });
    await assert.rejects(work, (error) => isOrWraps(error, failure));
    await scene.assertStands([], []);
  }),

  adapterLaw("a task is gone with its rows when the library rolls back", async (scene) => {
    await scene.rolledBack(function* (tx) {
      yield* step(scene.harness.write(tx, "row"));
      yield* step(scene.enqueue(tx, "task"));
    });
    await scene.assertStands([], []);
  }),

  adapterLaw(
    "a task of a nested transaction that fails is gone, and the outer one commits",
    async (scene) => {
      await scene.transaction(function* (tx) {
        yield* step(scene.enqueue(tx, "before"));
        yield* scene.failedNested(tx, function* (nested) {
          yield* step(scene.harness.write(nested, "inner"));
          yield* step(scene.enqueue(nested, "inner"));
        });
        yield* step(scene.harness.write(tx, "outer"));
        yield* step(scene.enqueue(tx, "after"));
      });
      await scene.assertStands(["before", "after"], ["outer"]);
    },
    "nested",
  ),

  adapterLaw(
    "a task of a nested transaction that succeeds commits with the outer one, or not at all",
    async (scene) => {
      const failure = new Error("the callback fails");
      await scene.transaction(function* (tx) {
        yield* scene.nested(tx, (nested) => step(scene.enqueue(nested, "kept")));
        yield* step(scene.harness.write(tx, "kept"));
      });
      const work = scene.transaction(function* (tx) {
        yield* scene.nested(tx, (nested) => step(scene.enqueue(nested, "lost")));
        yield* step(scene.harness.write(tx, "lost"));
        throw failure;
      });
      await assert.rejects(work, (error) => isOrWraps(error, failure));
      await scene.assertStands(["kept"], ["kept"]);
    },
    "nested",
  ),

  adapterLaw("a task is visible inside its transaction", async (scene) => {
    await scene.transaction(function* (tx) {
      yield* step(scene.enqueueAll(tx, ["a", "b"]));
      assert.deepEqual([...(yield* step(scene.harness.seenTaskIds(tx)))].sort(), ["a", "b"]);
    });
  }),

  adapterLaw(
    "a task is invisible to everybody else before the commit",
    async (scene) => {
      await scene.transaction(function* (tx) {
        yield* step(scene.enqueue(tx, "task"));
        assert.equal(yield* step(scene.harness.store.get("task")), null);
      });
      assert.notEqual(await scene.harness.store.get("task"), null);
    },
    "concurrency",
  ),

  adapterLaw("a duplicate is told, and aborts nothing", async (scene) => {
    await scene.transaction((tx) => step(scene.enqueue(tx, "stands")));
    await scene.transaction(function* (tx) {
      const again = yield* step(scene.enqueue(tx, "stands"));
      assert.deepEqual(again, { taskId: "stands", created: false });
      yield* step(scene.enqueue(tx, "new"));
      assert.equal((yield* step(scene.enqueue(tx, "new"))).created, false, "in its own transaction too");
      yield* step(scene.harness.write(tx, "row"));
    });
    await scene.assertStands(["stands", "new"], ["row"]);
  }),

  adapterLaw("a conflict is thrown, undoes its own call, and aborts nothing", async (scene) => {
    await scene.transaction((tx) => step(scene.enqueue(tx, "stands")));
    await scene.transaction(function* (tx) {
      let told: unknown;
      try {
        yield* step(scene.enqueue(tx, "stands", "other data"));
      } catch (error) {
        told = error;
      }
      assert.ok(told instanceof TaskConflictError, `a conflict is told, not ${String(told)}`);
      yield* step(scene.enqueue(tx, "new"));
      yield* step(scene.harness.write(tx, "row"));
    });
    await scene.assertStands(["stands", "new"], ["row"]);
  }),

  adapterLaw("what is no open transaction is refused, and nothing is written", async (scene) => {
    const candidates = { ...scene.harness.notTransactions, nothing: null, text: "tx", object: {} };
    for (const [name, candidate] of Object.entries(candidates)) {
      const call = scene.scheduler.enqueue(candidate, adapterTask, { text: name });
      await assert.rejects(call, NotATransactionError, `${name} is refused`);
    }
    await scene.assertStands([], []);
  }),

  adapterLaw("a scheduler that has an adapter still runs transactions of its own", async (scene) => {
    await scene.scheduler.start();
    const { taskId } = await scene.scheduler.enqueue(adapterTask, { text: "alone" });
    await scene.whenExecuted(taskId);
  }),
] as const;
