// The database goes away and comes back: no process ends, no slot is lost, nobody is declared dead, no attempt is counted.
import diagnostics from "node:diagnostics_channel";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { defineTask, executor, Scheduler, StoreUnavailableError } from "../../src/index.ts";
import { type PostgresStore, postgresStore } from "../../src/store/postgres/index.ts";
import { until } from "../kill/worker-process.ts";
import { freshSchema } from "../support/database.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";

const work = defineTask<{ readonly ms: number }>({ type: "work" });

let server: PostgresServer;
const opened: { stop(options?: { graceMs?: number }): Promise<void> }[] = [];
const deaths: unknown[] = [];
const onDeath = (event: unknown): number => deaths.push(event);

beforeAll(async () => {
  server = await startPostgres({ major: 18 });
  diagnostics.subscribe("owed:process.declared-dead", onDeath);
});

afterEach(async () => {
  for (const scheduler of opened.splice(0)) await scheduler.stop({ graceMs: 0 });
  deaths.length = 0;
});

afterAll(async () => {
  diagnostics.unsubscribe("owed:process.declared-dead", onDeath);
  await server[Symbol.asyncDispose]();
});

interface Opened {
  readonly scheduler: Scheduler<unknown, unknown>;
  readonly executed: string[];
}

function open(schema: string, leaseMs = 2_000, pool?: pg.Pool): Opened {
  const executed: string[] = [];
  const store: PostgresStore =
    pool === undefined
      ? postgresStore({ connectionString: server.connectionString, schema })
      : postgresStore({ pool, schema });
  const scheduler = new Scheduler({
    store,
    leaseMs,
    executors: [
      executor(work, async ({ data, taskId }) => {
        await delay(data.ms);
        executed.push(taskId);
      }),
    ],
  }) as unknown as Scheduler<unknown, unknown>;
  opened.push(scheduler);
  return { scheduler, executed };
}

async function expectAllConfirmed(
  scheduler: Scheduler<unknown, unknown>,
  taskIds: readonly string[],
): Promise<void> {
  await until(
    "all are confirmed",
    async () => (await scheduler.count("confirmed")) >= taskIds.length,
    20_000,
  );
  for (const taskId of taskIds) {
    const task = await scheduler.get(taskId);
    expect(task).toMatchObject({ state: "confirmed", failedAttempts: 0, lostAttempts: 0 });
    expect(task?.attempts).toEqual([]);
  }
}

/** Enqueues with delays, so that tasks come due before, during and after the outage. */
async function enqueueOver(scheduler: Scheduler<unknown, unknown>, overMs: number): Promise<string[]> {
  const taskIds: string[] = [];
  for (let delayMs = 0; delayMs <= overMs; delayMs += 100) {
    const receipt = await scheduler.enqueue(work, { ms: 150 }, { delayMs });
    taskIds.push(receipt.taskId);
  }
  return taskIds;
}

describe("outage", () => {
  test("F21, H22: a server that is down for longer than the lease costs nothing but the time", async () => {
    const schema = freshSchema();
    const [first, second] = [open(schema), open(schema)];
    await first.scheduler.start();
    const workers = [first, second].map(({ scheduler }) => scheduler.startWorker({ concurrency: 5 }));
    const taskIds = await enqueueOver(first.scheduler, 7_000);
    await server.stop("immediate");
    await delay(4_000);
    await expect(first.scheduler.enqueue(work, { ms: 0 })).rejects.toThrow(StoreUnavailableError);
    await server.start();
    await expectAllConfirmed(first.scheduler, taskIds);
    expect(deaths).toEqual([]);
    await until("every slot is free again", () =>
      workers.every(({ running, zombies }) => running + zombies === 0),
    );
    expect((await first.scheduler.stats()).processes).toBe(2);
  });

  test("F20: backends terminated all the time end no process and lose no task", async () => {
    const schema = freshSchema();
    const { scheduler } = open(schema, 5_000);
    await scheduler.start();
    scheduler.startWorker({ concurrency: 5 });
    const taskIds = await enqueueOver(scheduler, 4_000);
    const admin = new pg.Client({ connectionString: server.connectionString });
    await admin.connect();
    for (let round = 0; round < 20; round += 1) {
      await admin.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()",
      );
      await delay(200);
    }
    await admin.end();
    await expectAllConfirmed(scheduler, taskIds);
    expect(deaths).toEqual([]);
  });

  test("F25: a database that is read-only for a while fails no task", async () => {
    const schema = freshSchema();
    const { scheduler } = open(schema);
    await scheduler.start();
    scheduler.startWorker({ concurrency: 5 });
    const taskIds = await enqueueOver(scheduler, 5_000);
    const admin = new pg.Client({ connectionString: server.connectionString });
    await admin.connect();
    const setReadOnly = async (value: "on" | "off"): Promise<void> => {
      await admin.query("begin read write");
      await admin.query("commit");
      await admin.query(`alter system set default_transaction_read_only = ${value}`);
      await admin.query("select pg_reload_conf()");
    };
    await setReadOnly("on");
    await delay(3_500);
    await setReadOnly("off");
    await admin.end();
    await expectAllConfirmed(scheduler, taskIds);
    expect(deaths).toEqual([]);
  });

  test("F23: a worker started while the database is down works once it is up", async () => {
    const schema = freshSchema();
    await server.stop("immediate");
    const { scheduler, executed } = open(schema);
    scheduler.startWorker({ concurrency: 5 });
    await expect(scheduler.start()).rejects.toThrow(StoreUnavailableError);
    await delay(500);
    await server.start();
    await until("it enqueues again", async () => {
      const receipt = await scheduler.enqueue(work, { ms: 0 }, { taskId: "first" }).catch(() => null);
      return receipt !== null;
    });
    await until("it executed", () => executed.includes("first"));
  });

  test("F43, G16, H24: a stop is bounded while the database is down, and gives nothing up before", async () => {
    const schema = freshSchema();
    const { scheduler } = open(schema);
    await scheduler.start();
    scheduler.startWorker({ concurrency: 5 });
    await scheduler.enqueue(work, { ms: 300 }, { taskId: "running" });
    await delay(100);
    await server.stop("immediate");
    const stopped = scheduler.stop({ graceMs: 1_000 }).then(() => "stopped");
    // The bound is the promise: grace, a second for the abort, and three steps of at most five seconds.
    expect(await Promise.race([stopped, delay(18_000, "too late")])).toBe("stopped");
    await server.start();
    const other = open(schema);
    await other.scheduler.start();
    other.scheduler.startWorker();
    await until(
      "it is confirmed by another",
      async () => (await other.scheduler.get("running"))?.state === "confirmed",
    );
  });

  test("H20, F68: executors that use the application's only connection do not deadlock with the engine", async () => {
    const schema = freshSchema();
    const pool = new pg.Pool({ connectionString: server.connectionString, max: 1 });
    const followUp = defineTask<null>({ type: "follow-up" });
    const parent = defineTask<null>({ type: "parent" });
    const scheduler = new Scheduler({
      store: postgresStore({ pool, schema }),
      executors: [
        executor(parent, async ({ taskId }) => {
          await scheduler.transaction(async (tx) => {
            await tx.query("select pg_sleep(0.02)");
            await tx.enqueue(followUp, null, { taskId: `${taskId}/follow-up` });
          });
        }),
        executor(followUp, () => undefined),
      ],
    });
    opened.push(scheduler);
    await scheduler.start();
    scheduler.startWorker({ concurrency: 20 });
    for (let index = 0; index < 20; index += 1) await scheduler.enqueue(parent, null);
    await until("all are confirmed", async () => (await scheduler.count("confirmed")) === 40);
    await scheduler.stop();
    await pool.end();
  });
});
