// Completion in a transaction on a real Postgres: one effect for each task, wherever a connection breaks.
import { setTimeout as delay } from "node:timers/promises";
import { constant, defineTask, executor, Scheduler } from "owed";
import { describe, expect, it } from "vitest";
import { Proxy, type Trigger } from "../../chaos/proxy.ts";
import { type PostgresStoreOptions, postgresStore } from "../../src/store/postgres/index.ts";
import { until } from "../kill/worker-process.ts";
import { freshSchema, sharedDatabase, sharedMajors, testPool } from "../support/database.ts";

const backoff = constant({ delayMs: 50, jitter: 0 });
const transfer = defineTask<unknown>({ type: "transfer", backoff });
const receipt = defineTask<unknown>({ type: "receipt", backoff });

/** A store, and a table of effects without a constraint: one would hide what is to be seen. */
async function openScene(options: Partial<PostgresStoreOptions> & { readonly max?: number } = {}) {
  const { max = 20, connectionString = sharedDatabase() } = options;
  const schema = freshSchema();
  const direct = testPool();
  const pool = testPool({ max, connectionString });
  const store = postgresStore({ pool, schema });
  await store.migrate();
  const effects = `${schema}.effects`;
  await direct.query(`create table ${effects} (task_id text not null)`);
  const elsewhere = new Scheduler({ store: postgresStore({ pool: direct, schema }) });
  return {
    schema,
    direct,
    pool,
    store,
    effects,
    enqueue: (taskIds: readonly string[]) =>
      Promise.all(taskIds.map((taskId) => elsewhere.enqueue(transfer, {}, { taskId }))),
    /** Tasks by their number of effects. */
    async counted() {
      const { rows } = await direct.query<{ task_id: string; n: string }>(
        `select task_id, count(*) as n from ${effects} group by task_id order by task_id`,
      );
      return rows.map(({ task_id, n }) => [task_id, Number(n)] as const);
    },
    async [Symbol.asyncDispose]() {
      await elsewhere.stop();
      await pool.end();
      await direct.end();
    },
  };
}

/** The proxy's own database. */
async function proxied(): Promise<{ readonly proxy: Proxy; readonly connectionString: string }> {
  const url = new URL(sharedDatabase());
  const proxy = await Proxy.before(Number(url.port));
  url.hostname = "127.0.0.1";
  url.port = String(proxy.port);
  return { proxy, connectionString: url.href };
}

describe("a connection that breaks at any statement of the transaction", () => {
  const statements = {
    begin: "begin",
    "the effect": ".effects values",
    "the follow-up": `"task"`,
    "the confirmation": "confirm_within",
    commit: "commit",
  };
  const cases = Object.entries(statements).flatMap(([name, text]) =>
    (["cut", "swallow-reply"] as const).map((deed): [string, Trigger] => [
      `${deed} at ${name}`,
      { text, deed },
    ]),
  );

  it.each(cases)("leaves one effect and one follow-up: %s", async (_, trigger) => {
    const { proxy, connectionString } = await proxied();
    await using _proxy = proxy;
    await using scene = await openScene({ connectionString });
    const { store, effects } = scene;
    const scheduler = new Scheduler({
      store,
      fastPath: "off",
      executors: [
        executor(transfer, { transactional: store }, async ({ tx, taskId }) => {
          await tx.query(`insert into ${effects} values ($1)`, [taskId]);
          await tx.enqueue(receipt, {}, { taskId: `receipt of ${taskId}` });
        }),
        executor(receipt, () => undefined),
      ],
    });
    await scheduler.start();
    await scene.enqueue(["a"]);
    const broken = proxy.when(trigger);
    await scheduler.executeAndAdvance("a");
    await broken;
    scheduler.startWorker({ pollIntervalMs: 50 });
    await until("both are confirmed", async () => (await scheduler.count("confirmed")) === 2);
    await scheduler.stop();
    expect(await scene.counted()).toEqual([["a", 1]]);
  });
});

describe.each(sharedMajors())("many at once on Postgres %i", () => {
  it.each(["read committed", "repeatable read", "serializable"] as const)(
    "have one effect each while heartbeats go on: %s",
    async (isolationLevel) => {
      await using scene = await openScene();
      const { store, effects, direct, schema } = scene;
      const taskIds = Array.from({ length: 60 }, (_, index) => `task ${String(index).padStart(2, "0")}`);
      const scheduler = new Scheduler({
        store,
        leaseMs: 1_000,
        executors: [
          executor(transfer, { transactional: store, isolationLevel }, async ({ tx, taskId }) => {
            await tx.query(`insert into ${effects} values ($1)`, [taskId]);
            await delay(400); // more than one heartbeat
          }),
        ],
      });
      await scene.enqueue(taskIds);
      await direct.query(`analyze ${schema}.pending`);
      scheduler.startWorker({ concurrency: 20, pollIntervalMs: 50 });
      await until("all are confirmed", async () => (await scheduler.count("confirmed")) === taskIds.length);
      await scheduler.stop();
      expect(await scene.counted()).toEqual(taskIds.map((taskId) => [taskId, 1]));
      const { rows } = await direct.query(
        `select outcome from ${schema}.attempt where outcome <> 'abandoned'`,
      );
      expect(rows).toEqual([]);
    },
  );
});

describe("the connection of a transactional executor", () => {
  it("comes back to the pool at the timeout, whatever statement is under way", async () => {
    await using scene = await openScene({ max: 1 });
    const { store, effects, pool } = scene;
    const scheduler = new Scheduler({
      store,
      executors: [
        executor(transfer, { transactional: store, timeoutMs: 300 }, async ({ tx, taskId, attempt }) => {
          await tx.query(`insert into ${effects} values ($1)`, [taskId]);
          if (attempt === 1) await tx.query("select pg_sleep(60)");
        }),
      ],
    });
    await scheduler.start();
    await scene.enqueue(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("retrying");
    await until("the client is back", () => pool.totalCount - pool.idleCount === 0, 2_000);
    await delay(100);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    expect((await scheduler.stats()).zombies).toBe(0);
    await scheduler.stop();
    expect(await scene.counted()).toEqual([["a", 1]]);
  });

  it.each([true, false])(
    "may be ended by hand, and then nothing is confirmed: waited for: %s",
    async (isAwaited) => {
      await using scene = await openScene();
      const { store, effects } = scene;
      const scheduler = new Scheduler({
        store,
        executors: [
          executor(transfer, { transactional: store }, async ({ tx, taskId, attempt }) => {
            await tx.client.query(`insert into ${effects} values ($1)`, [taskId]);
            if (attempt > 1) return;
            const ended = tx.client.query("rollback");
            if (isAwaited) await ended;
          }),
        ],
      });
      await scheduler.start();
      await scene.enqueue(["a"]);
      expect(await scheduler.executeAndAdvance("a")).toBe("retrying");
      await delay(100);
      expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
      await scheduler.stop();
      expect(await scene.counted()).toEqual([["a", 1]]);
    },
  );
});
