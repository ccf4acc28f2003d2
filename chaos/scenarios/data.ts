// Section D of the fault catalogue: data, errors and counts that no sensible application makes.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Scheduler } from "../../src/run/scheduler.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { definitionOf } from "../process/kinds.ts";
import { thrownValues } from "../process/thrown-values.ts";
import type { Scenario } from "../scenario.ts";
import { until } from "../until.ts";
import { order, orders } from "./orders.ts";

const megabyte = 1_024 * 1_024;

const largeData: Scenario = {
  id: "F4",
  title: "many tasks of a megabyte each, in a worker with little memory",
  expects: "claims are bounded in bytes: all are confirmed and the process lives",
  settings: { concurrency: 200 },
  async run(stage) {
    const client = await stage.client("client");
    const padding = "x".repeat(megabyte);
    for (let batch = 0; batch < 15; batch += 1) {
      await stage.enqueue(client, orders(`large-${batch}`, 10, { padding }), "transaction");
    }
    const worker = await stage.worker("worker", { runtimeOptions: ["--max-old-space-size=128"] });
    stage.quiet();
    await stage.rest(60_000);
    assert.ok(worker.isAlive, stage.output("worker"));
    assert.equal((await stage.postgres.counts()).confirmed, 150);
  },
};

const strangeErrors: Scenario = {
  id: "F19",
  title: "executors throw undefined, symbols, proxies, frozen and cyclic errors; hooks throw as well",
  expects: "each is recorded as a failed attempt, and the next attempt is confirmed",
  isShort: true,
  async run(stage) {
    const [client, worker] = await Promise.all([
      stage.client("client"),
      stage.worker("worker", { hooksThrow: true }),
    ]);
    const names = Object.keys(thrownValues);
    const tasks = names.map((thrown) => order(`throws-${thrown}`, { end: "throw", thrown, times: 1 }));
    await stage.enqueue(client, tasks, "transaction");
    stage.quiet();
    await stage.rest();
    for (const name of names)
      assert.deepEqual(await stage.postgres.story(`throws-${name}`), ["failed"], name);
    const { events } = await worker.status();
    assert.equal(events["engine.error"] ?? 0, 0);
    assert.ok((events["hook.error"] ?? 0) >= names.length, "the hooks were called, and threw");
  },
};

const errorZoo: Scenario = {
  id: "F52",
  title: "errors with a stack of 2 MB, cycles of causes and hostile members, until the attempts are used up",
  expects: "stored cut short; the task ends as failed with its last error",
  isShort: true,
  async run(stage) {
    const [client] = await Promise.all([stage.client("client"), stage.worker("worker")]);
    const names = ["huge-stack", "aggregate", "cause-cycle", "nul-text", "proxy"];
    const tasks = names.map((thrown) => order(thrown, { end: "throw", thrown }, "strict"));
    await stage.enqueue(client, tasks);
    stage.quiet();
    await stage.rest();
    assert.equal((await stage.postgres.counts()).failed, names.length);
    for (const name of names) {
      assert.deepEqual(await stage.postgres.story(name), ["failed", "failed", "failed"]);
      const task = await stage.postgres.task(name);
      const size = JSON.stringify(task?.["last_error"]).length;
      assert.ok(size > 2 && size < 64_000, `the error of ${name} takes ${size} bytes`);
    }
  },
};

const usedUp: Scenario = {
  id: "F54",
  title: "pending rows at and above their bounds, as an older version or a hand could leave them",
  expects: "they end as failed when they are claimed; nothing throws, others go on",
  isShort: true,
  async run(stage) {
    const client = await stage.client("client");
    await stage.enqueue(client, [...orders("edited", 5, { end: "fail" }, "strict"), order("healthy")]);
    for (let number = 1; number <= 5; number += 1) {
      const taskId = `edited-${number}`;
      stage.nemesis.note({ kind: "operator", operation: "edit", taskId });
      await stage.postgres.sql(
        `update owed.pending p set failed_attempts = $2, lost_attempts = $3, deferred_attempts = 2147483647
         from owed.task t where t.id = p.id and t.task_id = $1`,
        [taskId, number * 3, number > 3 ? 40 : 0],
      );
    }
    const worker = await stage.worker("worker");
    stage.quiet();
    await stage.rest(60_000);
    const { failed, confirmed } = await stage.postgres.counts();
    assert.deepEqual([failed, confirmed], [5, 1]);
    assert.equal((await worker.status()).events["engine.error"] ?? 0, 0);
  },
};

const sizes: readonly number[] = [1, 7_281, 7_282, 65_536];

/** Enqueues many at once, with a call that fails half-way, and one that names an id twice. */
async function enqueueMany(
  scheduler: Scheduler<unknown, unknown, boolean>,
  count: () => Promise<number>,
): Promise<void> {
  const definition = definitionOf("foreign", 5);
  const items = (prefix: string, size: number) =>
    Array.from({ length: size }, (_, index) => ({ data: {}, taskId: `${prefix}-${index}` }));
  // One callback serves both kinds of store: a synchronous one is handed no promise.
  const inTransaction = async (taken: readonly { readonly data: object; readonly taskId: string }[]) =>
    await scheduler.transaction(((tx: { enqueueAll(...rest: readonly unknown[]): unknown }) =>
      tx.enqueueAll(definition, taken)) as never);
  await assert.rejects(inTransaction([]), { code: "OWED_INVALID_INPUT" });
  let expected = 0;
  for (const size of sizes) {
    const { receipts } = await inTransaction(items(`of-${size}`, size));
    assert.equal(receipts.filter(({ created }) => created).length, size);
    expected += size;
    assert.equal(await count(), expected);
  }
  const twice = [...items("twice", 3_000), { data: {}, taskId: "twice-17" }];
  await assert.rejects(inTransaction(twice), { code: "OWED_DUPLICATE_TASK_ID" });
  const conflicting = [...items("half", 5_000), { data: { runMs: 1 }, taskId: "of-7281-3" }];
  await assert.rejects(inTransaction(conflicting), { code: "OWED_TASK_CONFLICT" });
  assert.equal(await count(), expected);
  const again = await inTransaction(items("of-7282", 7_282));
  assert.equal(again.receipts.filter(({ created }) => created).length, 0);
  assert.equal(await count(), expected);
}

const manyAtOnce: Scenario = {
  id: "F55",
  title: "0, 1, 7,281, 7,282 and 65,536 tasks in one call; an id twice; a conflict behind 5,000 others",
  expects:
    "all of a call or none of it; nothing wraps at the limit of parameters; a call of nothing is refused",
  unmigrated: true,
  async run(stage) {
    const store = postgresStore({ connectionString: stage.postgres.connectionString() });
    const scheduler = new Scheduler({ store, leaseMs: 15_000 });
    await scheduler.start();
    try {
      const count = async (): Promise<number> => (await stage.postgres.counts()).pending;
      await enqueueMany(scheduler as unknown as Scheduler<unknown, unknown, boolean>, count); // its transactions are its own
    } finally {
      await scheduler.stop({ graceMs: 0 });
    }
  },
};

const manyAtOnceSqlite: Scenario = {
  ...manyAtOnce,
  id: "F55q",
  title: `${manyAtOnce.title}, on SQLite`,
  onSqlite: true,
  needs: ["sqlite"],
  async run(stage) {
    const store = sqliteStore({ file: stage.sqlite.file });
    const scheduler = new Scheduler({ store, leaseMs: 15_000 });
    await scheduler.start();
    try {
      const count = (): Promise<number> => scheduler.count("pending");
      await enqueueMany(scheduler as unknown as Scheduler<unknown, unknown, boolean>, count); // its transactions are its own
    } finally {
      await scheduler.stop({ graceMs: 0 });
    }
  },
};

const manyAtOnceKilled: Scenario = {
  id: "F55k",
  title: "kill -9 of a client in the middle of a call of 20,000 tasks",
  expects: "none of them is there, and none runs",
  async run(stage) {
    const [client] = await Promise.all([stage.client("client", { proxied: true }), stage.worker("worker")]);
    const many = orders("many", 20_000);
    const middle = stage.proxyOf(client).when({ text: "many-9", nth: 3, deed: "note" });
    const enqueued = stage.enqueue(client, many, "transaction");
    enqueued.catch(() => undefined);
    await Promise.race([middle, delay(30_000)]);
    await stage.kill(client);
    await assert.rejects(enqueued);
    await delay(2_000);
    assert.equal((await stage.postgres.counts()).pending, 0);
    assert.equal(stage.events().filter(({ event }) => event.kind === "execution.start").length, 0);
  },
};

const payloads: Scenario = {
  id: "F56",
  title: "payloads from nothing to 64 MB",
  expects:
    "what is over the limit is refused with a typed error before the database sees it; memory stays bounded",
  async run(stage) {
    const [client, worker] = await Promise.all([stage.client("client"), stage.worker("worker")]);
    const before = (await client.status()).residentBytes;
    for (const [index, bytes] of [0, 1, 1_000, 250_000, 1_900_000].entries()) {
      await stage.enqueue(client, [order(`fits-${index}`, { padding: "x".repeat(bytes) })]);
    }
    for (const bytes of [2.1 * megabyte, 16 * megabyte, 64 * megabyte]) {
      const padding = "x".repeat(bytes);
      await assert.rejects(
        stage.enqueue(client, [order(`large-${bytes}`, { padding })]),
        /OWED_DATA_TOO_LARGE/,
      );
    }
    stage.quiet();
    await stage.rest();
    await until("memory comes back", async () => {
      return (await client.status()).residentBytes - before < 600 * megabyte;
    });
    assert.ok(worker.isAlive && client.isAlive);
    assert.equal((await stage.postgres.counts()).confirmed, 5);
  },
};

/** Section D. */
export const dataScenarios: readonly Scenario[] = [
  largeData,
  strangeErrors,
  errorZoo,
  usedUp,
  manyAtOnce,
  manyAtOnceSqlite,
  manyAtOnceKilled,
  payloads,
];
