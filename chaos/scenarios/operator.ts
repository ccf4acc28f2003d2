// Section G of the fault catalogue: hands in the tables, backups, and names; and F40, transactions that lose.
import assert from "node:assert/strict";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { Scheduler } from "../../src/run/scheduler.ts";
import { executor } from "../../src/run/typed-executor.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { definitionOf } from "../process/kinds.ts";
import type { Scenario } from "../scenario.ts";
import { until } from "../until.ts";
import { order, orders } from "./orders.ts";

const byHand: Scenario = {
  id: "F79",
  title: "rows of running tasks are deleted, given to others and made due again by hand",
  expects: "their holders change nothing and do not fall over; other tasks go on",
  // The balance misses the row that a hand has deleted.
  forgives: ["G2"],
  isShort: true,
  async run(stage) {
    const [client, worker] = await Promise.all([stage.client("client"), stage.worker("worker")]);
    const edited = ["deleted", "taken", "freed", "older"];
    await stage.enqueue(
      client,
      edited.map((taskId) => order(taskId, { gate: "open" })),
    );
    await until("all run", async () => (await worker.status()).running === edited.length);
    for (const taskId of edited) stage.nemesis.note({ kind: "operator", operation: "edit", taskId });
    const change = async (taskId: string, set: string): Promise<unknown> =>
      await stage.postgres.sql(
        `update owed.pending p set ${set} from owed.task t where t.id = p.id and t.task_id = $1`,
        [taskId],
      );
    await stage.postgres.sql(
      "delete from owed.pending p using owed.task t where t.id = p.id and t.task_id = 'deleted'",
    );
    await change("taken", "owner = 77, claim = 1");
    await change("freed", "owner = null, claim = null");
    await change("older", "generation = p.generation + 1");
    stage.openGate("open");
    await stage.enqueue(client, orders("beside", 5));
    stage.quiet();
    await stage.rest();
    assert.ok(worker.isAlive, stage.output("worker"));
    const { running, events } = await worker.status();
    assert.deepEqual([running, events["engine.error"] ?? 0], [0, 0]);
  },
};

const restored: Scenario = {
  id: "F79b",
  title: "the database is restored from a backup of some seconds ago, under running workers",
  expects: "workers go on with what the backup holds; old tokens are worth nothing",
  ownServer: {},
  async run(stage) {
    const { server } = stage.postgres;
    const backup = join(stage.folder, "backup");
    const [client, worker] = await Promise.all([stage.client("client"), stage.worker("worker")]);
    await stage.enqueue(client, orders("before", 20, { runMs: 300 }), "transaction");
    await stage.postgres.down("fast");
    cpSync(server.dataFolder, backup, { recursive: true, preserveTimestamps: true });
    await stage.postgres.up();
    await stage.enqueue(client, orders("after", 20, { runMs: 300 }), "transaction");
    await delay(1_500);
    await stage.postgres.down("immediate");
    rmSync(server.dataFolder, { recursive: true });
    cpSync(backup, server.dataFolder, { recursive: true, preserveTimestamps: true });
    stage.chownToServer(server.dataFolder);
    await stage.postgres.up();
    stage.nemesis.note({ kind: "database.restored" });
    stage.quiet();
    await stage.rest();
    assert.ok(worker.isAlive, stage.output("worker"));
    for (const taskId of ["before-1", "before-20"]) {
      assert.equal((await stage.postgres.task(taskId))?.["state"], "confirmed");
    }
  },
};

const names: readonly string[] = [
  "a'b",
  "; drop schema owed cascade; --",
  "select",
  "with.dots",
  "größe 😀 表",
  "$body$ $1 %s \\",
  "x".repeat(48),
];

const strangeNames: Scenario = {
  id: "F80",
  title: "schemas and types with quotes, semicolons, dots, emoji and reserved words in their names",
  expects: "quoted, or refused; nothing else is executed",
  isShort: true,
  unmigrated: true,
  async run(stage) {
    const { postgres } = stage;
    await postgres.sql("create table public.canary as select 1 as alive");
    for (const name of names) await useSchema(postgres.connectionString(), name);
    for (const refused of ["", 'a"b', "x".repeat(49), "pg_owed", "nul\0", "\ud800", "information_schema"]) {
      const open = () => postgresStore({ connectionString: postgres.connectionString(), schema: refused });
      assert.throws(open, { code: "OWED_INVALID_INPUT" });
    }
    const schemas = await postgres.sql<{ name: string }>(
      "select nspname as name from pg_namespace where nspname !~ '^(pg_|information_schema|public)' order by 1",
    );
    assert.deepEqual(new Set(schemas.map(({ name }) => name)), new Set(names));
    const [canary] = await postgres.sql("select alive from public.canary");
    assert.deepEqual(canary, { alive: 1 });
  },
};

/** Enqueues and executes a task of a type with a name like it. */
async function useSchema(connectionString: string, name: string): Promise<void> {
  const definition = { ...definitionOf("work", 5), type: `${name} "quoted"` };
  const executed: string[] = [];
  const scheduler = new Scheduler({
    store: postgresStore({ connectionString, schema: name }),
    executors: [executor(definition, ({ taskId }) => void executed.push(taskId))],
    leaseMs: 5_000,
  });
  try {
    await scheduler.start();
    scheduler.startWorker({ pollIntervalMs: 100 });
    const hostile = "'; drop table task; --";
    await scheduler.enqueue(definition, {}, { taskId: hostile });
    await until(`a task of ${name} has run`, () => executed.length === 1);
    await until("it is confirmed", async () => (await scheduler.get(hostile))?.state === "confirmed");
  } finally {
    await scheduler.stop({ graceMs: 1_000 });
  }
}

const losing: Scenario = {
  id: "F40",
  title: "serialization failures and deadlocks of transactions that enqueue",
  expects: "40001 and 40P01 reach the caller untouched, who runs the transaction again with the same ids",
  isShort: true,
  unmigrated: true,
  async run(stage) {
    const connectionString = stage.postgres.connectionString();
    const pool = new pg.Pool({ connectionString, max: 4 });
    const scheduler = new Scheduler({ store: postgresStore({ pool }), leaseMs: 5_000 });
    await scheduler.start();
    try {
      await serializationFailure(pool, scheduler as unknown as Enqueuer);
      await deadlock(pool, scheduler as unknown as Enqueuer);
      const definition = definitionOf("work", 5);
      await pool.query("create table counter as select 0 as n");
      let rounds = 0;
      const count = async (): Promise<unknown> =>
        await scheduler.transaction(
          async (tx) => {
            rounds += 1;
            const { rows } = await tx.query<{ n: number }>("select n from counter");
            await delay(100);
            await tx.query("update counter set n = $1", [(rows[0]?.n ?? 0) + 1]);
            await tx.enqueue(definition, {}, { taskId: `count-${rows[0]?.n}` });
          },
          { isolationLevel: "serializable", maxRetries: 5 },
        );
      await Promise.all([count(), count(), count()]);
      assert.ok(rounds > 3, "nothing had to be run again: this shows nothing");
      const { rows } = await pool.query<{ n: number }>("select n from counter");
      assert.equal(rows[0]?.n, 3);
    } finally {
      await scheduler.stop({ graceMs: 0 });
      await pool.end();
    }
  },
};

/** What these use of a scheduler on Postgres. */
type Enqueuer = Pick<Scheduler<pg.PoolClient, unknown, false>, "enqueue">;

async function serializationFailure(pool: pg.Pool, scheduler: Enqueuer): Promise<void> {
  const [one, two] = [await pool.connect(), await pool.connect()];
  const definition = definitionOf("work", 5);
  try {
    for (const client of [one, two]) {
      await client.query("begin isolation level repeatable read");
      await client.query("select 1");
    }
    await scheduler.enqueue(one, definition, {}, { taskId: "same" });
    await one.query("commit");
    await assert.rejects(scheduler.enqueue(two, definition, {}, { taskId: "same" }), { code: "40001" });
    await two.query("rollback");
    await two.query("begin isolation level repeatable read");
    const receipt = await scheduler.enqueue(two, definition, {}, { taskId: "same" });
    assert.equal(receipt.created, false);
    await two.query("commit");
  } finally {
    for (const client of [one, two]) client.release();
  }
}

async function deadlock(pool: pg.Pool, scheduler: Enqueuer): Promise<void> {
  const [one, two] = [await pool.connect(), await pool.connect()];
  const definition = definitionOf("work", 5);
  try {
    for (const client of [one, two]) await client.query("begin");
    await scheduler.enqueue(one, definition, {}, { taskId: "left" });
    await scheduler.enqueue(two, definition, {}, { taskId: "right" });
    const answers = await Promise.allSettled([
      scheduler.enqueue(one, definition, {}, { taskId: "right" }),
      scheduler.enqueue(two, definition, {}, { taskId: "left" }),
    ]);
    const codes = answers.flatMap((answer) =>
      answer.status === "rejected" ? [(answer.reason as { readonly code?: string }).code] : [],
    );
    // Whoever waits is answered once the other one is rolled back; here both end.
    assert.deepEqual(codes, ["40P01"]);
    for (const client of [one, two]) await client.query("rollback");
  } finally {
    for (const client of [one, two]) client.release();
  }
}

/** Section G, and F40. */
export const operatorScenarios: readonly Scenario[] = [losing, byHand, restored, strangeNames];
