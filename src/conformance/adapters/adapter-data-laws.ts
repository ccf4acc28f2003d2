/** Laws of what goes through a library unchanged, and of how it stands under stricter isolation. */
import assert from "node:assert/strict";
import { TaskConflictError } from "../../errors.ts";
import { step } from "../../run/steps.ts";
import { type AdapterScene, adapterLaw, RAW_TYPE } from "./adapter-scene.ts";

/** Everything that some library takes for a placeholder, a quote, an escape or an end. */
const ODD_TEXT =
  "?, ??, \\?, $1, $$, $$1, $q$, :name, ::text, @p1, %s, {}, \\, \\\\, ', '', \", `, ;--, /* */, NULL, null, true, \u00e9, \u{1f980}, \u2028, a\tb\r\nc";

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, place) => `task-${String(place).padStart(5, "0")}`);
}

async function tasksOf(scene: AdapterScene): Promise<string[]> {
  const taskIds: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await scene.harness.store.list({
      state: "pending",
      limit: 1_000,
      order: "ascending",
      cursor,
    });
    taskIds.push(...page.tasks.map(({ taskId }) => taskId));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return taskIds.sort();
}

/** Sizes, bytes, texts, isolation levels. */
export const adapterDataLaws = [
  adapterLaw("1,000 tasks are enqueued in one call", async (scene) => {
    const taskIds = numbered(1_000);
    await scene.transaction((tx) => step(scene.enqueueAll(tx, taskIds)));
    assert.deepEqual(await tasksOf(scene), taskIds);
  }),

  adapterLaw("a call of several chunks is undone as a whole, and aborts nothing", async (scene) => {
    const taskIds = numbered(scene.harness.store.chunkTasks + 1);
    const last = taskIds.at(-1) ?? "";
    await scene.transaction((tx) => step(scene.enqueue(tx, last, "other data")));
    await scene.transaction(function* (tx) {
      let told: unknown;
      try {
        yield* step(scene.enqueueAll(tx, taskIds));
      } catch (error) {
        told = error;
      }
      assert.ok(told instanceof TaskConflictError, `a conflict is told, not ${String(told)}`);
      yield* step(scene.enqueue(tx, "after"));
    });
    assert.deepEqual(await tasksOf(scene), ["after", last].sort());
  }),

  adapterLaw("bytes are kept", async (scene) => {
    const data = Uint8Array.from({ length: 1_024 }, (_, place) => (place * 7) % 256);
    const calls: Promise<unknown>[] = [];
    await scene.transaction(function* (tx) {
      // On a synchronous store it has happened before its promise is there, and must not be waited for in here.
      calls.push(scene.scheduler.enqueueAll(tx, [{ type: RAW_TYPE, data, taskId: "bytes" }]));
      if (!scene.harness.synchronous) yield* step(Promise.all(calls));
    });
    await Promise.all(calls);
    assert.deepEqual((await scene.harness.store.get("bytes"))?.data, data);
  }),

  adapterLaw("texts are kept, whatever a library might take them for", async (scene) => {
    await scene.transaction((tx) => step(scene.enqueue(tx, ODD_TEXT, `${ODD_TEXT}"`)));
    const task = await scene.harness.store.get(ODD_TEXT);
    assert.equal(task?.taskId, ODD_TEXT);
    const data: unknown = JSON.parse(new TextDecoder().decode(task.data ?? new Uint8Array()));
    assert.deepEqual(data, { text: `${ODD_TEXT}"` });
    const again = await scene.transaction((tx) => step(scene.enqueue(tx, ODD_TEXT, `${ODD_TEXT}"`)));
    assert.equal(again.created, false, "compared as it was written");
  }),

  ...(["repeatable read", "serializable"] as const).map((isolation) =>
    adapterLaw(
      `a caller's transaction may be ${isolation}`,
      async (scene) => {
        await scene.transaction((tx) => step(scene.enqueue(tx, "stands")));
        await scene.transaction(function* (tx) {
          yield* step(scene.harness.write(tx, "row"));
          yield* step(scene.enqueue(tx, "task"));
          assert.equal((yield* step(scene.enqueue(tx, "stands"))).created, false);
        }, isolation);
        await scene.assertStands(["stands", "task"], ["row"]);
      },
      "isolation",
    ),
  ),

  adapterLaw(
    "a callback that is run again after a serialization failure leaves no ghost of its first run",
    async (scene) => {
      await scene.scheduler.start();
      await scene.transaction((tx) => step(scene.harness.write(tx, "row")));
      let runs = 0;
      const run = (): ReturnType<typeof scene.committedWork> =>
        scene.committedWork(function* (tx) {
          runs += 1;
          yield* step(scene.enqueue(tx, `run-${runs}`));
          if (runs === 1) yield* step(scene.transaction((other) => step(scene.harness.write(other, "row"))));
          yield* step(scene.harness.write(tx, "row"));
        }, "repeatable read");
      await assert.rejects(run(), "the first run meets a row that was changed under it");
      const { receipts } = await run();
      assert.deepEqual(receipts, [{ taskId: "run-2", created: true }]);
      await scene.whenExecuted("run-2");
      await scene.scheduler.stop();
      assert.deepEqual(scene.executed, ["run-2"]);
    },
    "isolation",
    "concurrency",
  ),
] as const;
