/** Laws of the fast path: it fires after the commit of the library's transaction, and never otherwise. */
import assert from "node:assert/strict";
import type { Receipt } from "../../run/enqueue.ts";
import { type Steps, step } from "../../run/steps.ts";
import { type AdapterScene, adapterLaw, isOrWraps } from "./adapter-scene.ts";

/** Nothing else was executed: asked once a task that was committed later has been, and all has been stopped. */
async function assertExecutedOnly(scene: AdapterScene, ...taskIds: readonly string[]): Promise<void> {
  const { receipts } = await scene.committedWork((tx) => step(scene.enqueue(tx, "last")));
  assert.equal(receipts.length, 1);
  await scene.whenExecuted("last");
  await scene.scheduler.stop();
  assert.deepEqual([...scene.executed].sort(), [...taskIds, "last"].sort());
}

/** Asked for, done by `transaction`, and by the library's own hook. */
export const adapterFastPathLaws = [
  adapterLaw("a receipt is executed when asked for after the commit", async (scene) => {
    await scene.scheduler.start();
    const receipt = await scene.transaction((tx) => step(scene.enqueue(tx, "task")));
    await scene.tryExecuteNow(receipt);
    await scene.whenExecuted("task");
    await scene.scheduler.stop();
    assert.deepEqual(scene.executed, ["task"], "once");
  }),

  adapterLaw(
    "a receipt that is asked for before the commit is not executed before it",
    async (scene) => {
      await scene.scheduler.start();
      const receipt = await scene.transaction(function* (tx) {
        const early = yield* step(scene.enqueue(tx, "task"));
        assert.deepEqual(yield* step(scene.tryExecuteNow(early)), ["notClaimed"]);
        assert.deepEqual(scene.executed, []);
        return early;
      });
      await scene.tryExecuteNow(receipt);
      await scene.whenExecuted("task");
    },
    "concurrency",
  ),

  adapterLaw("a receipt of a rolled-back transaction is never executed", async (scene) => {
    await scene.scheduler.start();
    const receipts: Receipt[] = [];
    await scene.rolledBack(function* (tx) {
      receipts.push(yield* step(scene.enqueue(tx, "ghost")));
    });
    assert.equal(receipts.length, 1);
    assert.deepEqual(await scene.tryExecuteNow(...receipts), ["notClaimed"]);
    await assertExecutedOnly(scene);
  }),

  adapterLaw(
    "transaction() commits, answers value and receipts, and executes what was enqueued",
    async (scene) => {
      await scene.scheduler.start();
      const { value, receipts } = await scene.committedWork(function* (tx) {
        yield* step(scene.harness.write(tx, "row"));
        yield* step(scene.enqueueAll(tx, ["a", "b"]));
        yield* step(scene.enqueue(tx, "c"));
        return "value";
      });
      assert.equal(value, "value");
      assert.deepEqual(
        receipts.map(({ taskId, created }) => [taskId, created]),
        [
          ["a", true],
          ["b", true],
          ["c", true],
        ],
      );
      for (const taskId of ["a", "b", "c"]) await scene.whenExecuted(taskId);
      await scene.assertStands(["a", "b", "c"], ["row"]);
      await scene.scheduler.stop();
      assert.deepEqual([...scene.executed].sort(), ["a", "b", "c"], "once each");
    },
  ),

  adapterLaw("transaction() rejects with what the callback threw, and executes nothing", async (scene) => {
    await scene.scheduler.start();
    const failure = new Error("the callback fails");
    const work = scene.committedWork(function* (tx) {
      yield* step(scene.enqueue(tx, "ghost"));
      throw failure;
    });
    await assert.rejects(work, (error) => isOrWraps(error, failure));
    await assertExecutedOnly(scene);
  }),

  adapterLaw(
    "a COMMIT that fails is told, and nothing of it is executed",
    async (scene) => {
      await scene.scheduler.start();
      const receipts: Receipt[] = [];
      function* doomed(tx: unknown, taskId: string): Steps<void> {
        receipts.push(yield* step(scene.enqueue(tx, taskId)));
        yield* step(scene.harness.write(tx, "doomed"));
      }
      await assert.rejects(scene.transaction((tx) => doomed(tx, "ghost")));
      await assert.rejects(scene.committedWork((tx) => doomed(tx, "ghost-too")));
      assert.deepEqual(await scene.tryExecuteNow(...receipts), ["notClaimed", "notClaimed"]);
      await assertExecutedOnly(scene);
    },
    "failing-commit",
  ),

  adapterLaw(
    "transaction() executes nothing of a nested transaction that failed",
    async (scene) => {
      await scene.scheduler.start();
      await scene.committedWork(function* (tx) {
        yield* step(scene.enqueue(tx, "outer"));
        yield* scene.failedNested(tx, (nested) => step(scene.enqueue(nested, "ghost")));
        yield* scene.nested(tx, (nested) => step(scene.enqueue(nested, "inner")));
      });
      await scene.whenExecuted("outer");
      await scene.whenExecuted("inner");
      await assertExecutedOnly(scene, "outer", "inner");
    },
    "nested",
  ),

  adapterLaw(
    "a receipt starts by itself after the commit that the library tells of, and not before it",
    async (scene) => {
      await scene.scheduler.start();
      await scene.transaction(function* (tx) {
        const outer = yield* step(scene.enqueue(tx, "outer"));
        yield* step(scene.enqueue(tx, "outer-too"));
        yield* step(scene.harness.write(tx, "row"));
        // Whatever was started too early has read, and found no commit, once these are answered.
        assert.deepEqual(yield* step(scene.tryExecuteNow(outer)), ["notClaimed"]);
        assert.deepEqual(yield* step(scene.tryExecuteNow(outer)), ["notClaimed"]);
        assert.deepEqual(scene.executed, []);
      });
      await scene.whenExecuted("outer");
      await scene.whenExecuted("outer-too");
      await assertExecutedOnly(scene, "outer", "outer-too");
    },
    "after-commit",
  ),

  adapterLaw(
    "a receipt of a nested transaction starts by itself after the whole has committed, unless it was rolled back",
    async (scene) => {
      await scene.scheduler.start();
      await scene.rolledBack((tx) => step(scene.enqueue(tx, "ghost")));
      await scene.transaction(function* (tx) {
        yield* scene.failedNested(tx, (nested) => step(scene.enqueue(nested, "inner-ghost")));
        const inner = yield* scene.nested(tx, (nested) => step(scene.enqueue(nested, "inner")));
        // Whatever took the end of the nested transaction for a commit has read, and found none, once this is answered.
        assert.deepEqual(yield* step(scene.tryExecuteNow(inner)), ["notClaimed"]);
        yield* step(scene.enqueue(tx, "outer"));
      });
      await scene.whenExecuted("inner");
      await scene.whenExecuted("outer");
      await assertExecutedOnly(scene, "inner", "outer");
    },
    "after-commit",
    "nested",
    "concurrency",
  ),
] as const;
