// Keys on Postgres: whichever statement writes a task, its key is kept, and its number is the same wherever it is made.
import { defineTask, Scheduler, TaskConflictError } from "owed";
import { expect, it } from "vitest";
import { keyHash } from "../../src/task/type-hash.ts";
import { openHarness } from "./harness.ts";

const call = defineTask<{ readonly merchant: string }>({
  type: "merchant.call ünïcode",
  key: ({ merchant }) => merchant,
});

it("a key is kept by a task that travels with the COMMIT, alone or among others, and by one that is redriven", async () => {
  await using harness = await openHarness();
  const { store, pool, schema } = harness;
  const scheduler = new Scheduler({ store, executors: [] });
  await scheduler.start();
  await scheduler.transaction((tx) => tx.enqueue(call, { merchant: "Müller & Söhne" }, { taskId: "one" }));
  await scheduler.transaction(async (tx) => {
    await tx.enqueueAll(call, [
      { data: { merchant: "a" }, taskId: "two" },
      { data: { merchant: "b" }, taskId: "three", delayMs: 5 },
    ]);
  });
  await expect(
    scheduler.transaction(async (tx) => {
      await tx.enqueue(call, { merchant: "new" }, { taskId: "four" });
      await tx.enqueue(call, { merchant: "other" }, { taskId: "two" });
    }),
  ).rejects.toThrow(TaskConflictError);
  await scheduler.transaction((tx) => tx.enqueue(call, { merchant: "a" }, { taskId: "two" }));
  await scheduler.cancel("one");
  await scheduler.redrive("one");
  const { rows } = await pool.query(
    `select t.task_id, t.key, p.key as number from ${schema}.task t join ${schema}.pending p on p.id = t.id order by t.task_id`,
  );
  const of = (taskId: string, key: string) => ({ task_id: taskId, key, number: keyHash(call.type, key) });
  expect(rows).toEqual([of("one", "Müller & Söhne"), of("three", "b"), of("two", "a")]);
  await scheduler.stop();
});

it("a task without a key stands in no index of keys", async () => {
  await using harness = await openHarness();
  const { store, pool, schema } = harness;
  const scheduler = new Scheduler({ store, executors: [] });
  await scheduler.start();
  const keyless = defineTask({ type: "keyless" });
  await scheduler.transaction(async (tx) => {
    await tx.enqueueAll(
      keyless,
      Array.from({ length: 5_000 }, () => ({ data: {} })),
    );
  });
  const { rows } = await pool.query(
    "select pg_relation_size(cast($1 as regclass)) <= 8192 as is_empty, pg_relation_size(cast($2 as regclass)) > 8192 as is_full",
    [`${schema}.pending_keyed`, `${schema}.pending_ready`],
  );
  expect(rows).toEqual([{ is_empty: true, is_full: true }]);
  await scheduler.stop();
});
