// Wake-ups by NOTIFY and LISTEN on a real server: they come, they are few, and wherever they fail polling goes on.

import { defineTask, executor, type Logger, Scheduler } from "owed";
import pg from "pg";
import { afterEach, describe, expect, it, vi } from "vitest";

import {
  type PostgresStore,
  type PostgresStoreOptions,
  postgresStore,
} from "../../src/store/postgres/index.ts";
import { freshSchema, sharedDatabase, testPool } from "../support/database.ts";
import { sharedPooler } from "../support/pooler.ts";
import { wireTo } from "../support/wire.ts";

const job = defineTask<unknown>({ type: "job" });
/** Longer than any test: what is found sooner was not found by polling. */
const POLL_MS = 3_600_000;
const PATIENT = { timeout: 20_000, interval: 5 };

/** What was made by a test and ends with it, last first. */
const made: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of made.splice(0).reverse()) await end();
});

type Scene = ReturnType<typeof scene>;

/** Schedulers on one schema, what they say of wake-ups, and eyes on the server. */
function scene(schema = freshSchema()) {
  const pool = testPool();
  made.push(() => pool.end());
  const said: string[] = [];
  const started: string[] = [];
  const note = (details: object): void => {
    const { event = "", reason } = details as { event?: string; reason?: string };
    if (event.startsWith("wake-ups.")) said.push(reason === undefined ? event : `${event}: ${reason}`);
  };
  const logger: Logger = { debug: note, info: note, warn: note, error: note };
  const open = async (
    executes: boolean,
    options: Partial<PostgresStoreOptions> = {},
    instead: Partial<PostgresStore> = {},
  ) => {
    const place = { connection: { connectionString: sharedDatabase(), application_name: schema } };
    const store = postgresStore({ ...place, schema, ...options } as PostgresStoreOptions);
    const executors = executes ? [executor(job, ({ taskId }) => void started.push(taskId))] : [];
    const scheduler = new Scheduler({ store: { ...store, ...instead }, executors, logger });
    made.push(() => scheduler.stop({ graceMs: 0 }));
    await scheduler.start();
    return scheduler;
  };
  /** Backends whose last statement was a LISTEN: they do nothing else. */
  const listeners = async (): Promise<readonly number[]> => {
    const { rows } = await pool.query<{ pid: number }>(
      "select pid from pg_stat_activity where application_name = $1 and query like 'listen%'",
      [schema],
    );
    return rows.map(({ pid }) => pid);
  };
  return { schema, pool, said, started, open, listeners };
}

/** A worker that has polled for the last time for an hour, and hears itself. */
async function sleepyWorker(one: Scene, options: Partial<PostgresStoreOptions> = {}) {
  const scheduler = await one.open(true, options);
  scheduler.startWorker({ pollIntervalMs: POLL_MS });
  return scheduler;
}

/** Hears every notification of the schema. */
async function ears(schema: string): Promise<{ readonly heard: readonly string[] }> {
  const client = new pg.Client({ connectionString: sharedDatabase() });
  await client.connect();
  made.push(() => client.end());
  const heard: string[] = [];
  client.on("notification", ({ payload }) => heard.push(payload ?? ""));
  await client.query(`listen "owed ${schema}"`);
  return { heard };
}

async function enqueueAlone(scheduler: Awaited<ReturnType<Scene["open"]>>, taskId?: string): Promise<void> {
  await scheduler.transaction((tx) => tx.enqueue(job, {}, taskId === undefined ? {} : { taskId }));
}

describe("a worker on Postgres that polls once an hour", () => {
  it("starts what another process enqueues by scheduler.transaction()", async () => {
    const one = scene();
    await sleepyWorker(one);
    await vi.waitFor(() => expect(one.said).toEqual(["wake-ups.on"]), PATIENT);
    const client = await one.open(false);
    // Its looks are ever rarer: after 3.2 s it sleeps for another three.
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    await enqueueAlone(client, "a");
    await vi.waitFor(() => expect(one.started).toEqual(["a"]), { timeout: 1_000, interval: 5 });
  });

  it("starts what another process enqueues on a client of pg, once that is told of the commit", async () => {
    const one = scene();
    await sleepyWorker(one);
    await vi.waitFor(() => expect(one.said).toEqual(["wake-ups.on"]), PATIENT);
    const { heard } = await ears(one.schema);
    const scheduler = await one.open(false);
    await vi.waitFor(async () => expect(await one.listeners()).toHaveLength(1), PATIENT);
    const client = await one.pool.connect();
    await client.query("begin");
    const receipt = await scheduler.enqueue(client, job, {}, { taskId: "on a client" });
    await client.query("commit");
    client.release();
    expect(heard).toEqual([]);
    await scheduler.tryExecuteNow(receipt);
    await vi.waitFor(() => expect(one.started).toEqual(["on a client"]), PATIENT);
    await vi.waitFor(() => expect(heard).toEqual([""]), PATIENT);
  });

  it("hears nothing of another schema, whatever the name", async () => {
    const one = scene();
    await sleepyWorker(one);
    await vi.waitFor(() => expect(one.said).toEqual(["wake-ups.on"]), PATIENT);
    const odd = scene(`${freshSchema()} 'odd' $$ name`);
    await sleepyWorker(odd);
    await vi.waitFor(() => expect(odd.said).toEqual(["wake-ups.on"]), PATIENT);
    const { heard } = await ears(one.schema);
    await enqueueAlone(await odd.open(false), "odd");
    await vi.waitFor(() => expect(odd.started).toEqual(["odd"]), PATIENT);
    await enqueueAlone(await one.open(false), "even");
    await vi.waitFor(() => expect(one.started).toEqual(["even"]), PATIENT);
    await vi.waitFor(() => expect(heard).toEqual([""]), PATIENT);
  });

  it("says that its listening backend was terminated, goes on, and listens again (F30)", async () => {
    const one = scene();
    await sleepyWorker(one);
    await vi.waitFor(() => expect(one.said).toEqual(["wake-ups.on"]), PATIENT);
    const [listener] = await one.listeners();
    await one.pool.query("select pg_terminate_backend($1, 10000)", [listener]);
    await vi.waitFor(() => expect(one.said).toEqual(["wake-ups.on", "wake-ups.lost"]), PATIENT);
    const client = await one.open(false);
    await enqueueAlone(client, "meanwhile"); // heard by nobody, and looked for as it listens again
    await vi.waitFor(() => expect(one.started).toEqual(["meanwhile"]), PATIENT);
    await vi.waitFor(
      () => expect(one.said).toEqual(["wake-ups.on", "wake-ups.lost", "wake-ups.on"]),
      PATIENT,
    );
    await enqueueAlone(client, "afterwards");
    await vi.waitFor(() => expect(one.started).toEqual(["meanwhile", "afterwards"]), PATIENT);
    expect(await one.listeners()).toHaveLength(1);
  });

  it("does without where it is told so", async () => {
    const one = scene();
    const scheduler = await one.open(true, { listen: false });
    scheduler.startWorker({ pollIntervalMs: 200 });
    const { heard } = await ears(one.schema);
    const client = await one.open(false, { notify: false });
    await enqueueAlone(client, "polled");
    await vi.waitFor(() => expect(one.started).toEqual(["polled"]), PATIENT);
    await enqueueAlone(await one.open(false), "told"); // proves that ears hear
    await vi.waitFor(() => expect(heard).toEqual([""]), PATIENT);
    expect([one.said, await one.listeners()]).toEqual([[], []]);
  });
});

describe("a stop", () => {
  it("closes the connection that listens", async () => {
    const one = scene();
    const scheduler = await sleepyWorker(one);
    await vi.waitFor(() => expect(one.said).toEqual(["wake-ups.on"]), PATIENT);
    expect(await one.listeners()).toHaveLength(1);
    await scheduler.stop();
    await vi.waitFor(async () => expect(await one.listeners()).toEqual([]), { timeout: 5_000 });
  });

  it("closes it even while the network swallows everything, and leaves no socket of it behind", async () => {
    await using wire = await wireTo(sharedDatabase());
    const one = scene();
    const query = vi.spyOn(pg.Client.prototype, "query");
    try {
      const { connectionString } = wire;
      const connection = { connectionString, application_name: one.schema };
      const options = { connection, statementTimeoutMs: 200 } as Partial<PostgresStoreOptions>;
      const scheduler = await sleepyWorker(one, options);
      await vi.waitFor(() => expect(one.said).toEqual(["wake-ups.on"]), PATIENT);
      const isListen = (call: unknown[]): boolean => String(call[0]).startsWith("listen");
      const listening = query.mock.contexts.filter((_, place) => isListen(query.mock.calls[place] ?? []));
      wire.setHole(true);
      await scheduler.stop({ graceMs: 0 });
      const closed = listening.map((client) => (client as pg.Client).connection.stream.destroyed);
      expect(closed).toEqual([true]);
    } finally {
      query.mockRestore();
    }
    expect(one.said).toEqual(["wake-ups.on"]);
  });
});

describe("NOTIFY", () => {
  it("is sent at most once every 20 ms but for a few, however much is enqueued", async () => {
    const one = scene();
    const { heard } = await ears(one.schema);
    const client = await one.open(false);
    const startMs = performance.now();
    for (let number = 0; number < 1_000; number += 1) await enqueueAlone(client);
    await client.stop();
    const ticks = Math.ceil((performance.now() - startMs) / 20);
    await vi.waitFor(() => expect(heard.length).toBeGreaterThan(0), PATIENT);
    expect(heard.length).toBeLessThanOrEqual(ticks + 6); // the first, four ahead, and the one at the stop
    expect(heard.length).toBeLessThan(1_000);
    expect(new Set(heard)).toEqual(new Set([""]));
  });

  it("is not sent when the enqueuing process executes the task itself", async () => {
    const one = scene();
    const { heard } = await ears(one.schema);
    const both = await sleepyWorker(one);
    await vi.waitFor(() => expect(one.said).toEqual(["wake-ups.on"]), PATIENT);
    for (let number = 0; number < 20; number += 1) await enqueueAlone(both, `own ${number}`);
    await vi.waitFor(() => expect(one.started).toHaveLength(20), PATIENT);
    await enqueueAlone(await one.open(false), "left");
    await vi.waitFor(() => expect(heard).toEqual([""]), PATIENT);
  });

  it("never stands in a caller's transaction, nor in one of ours that does anything else", async () => {
    const one = scene();
    await sleepyWorker(one);
    await vi.waitFor(() => expect(one.said).toEqual(["wake-ups.on"]), PATIENT);
    const query = vi.spyOn(pg.Client.prototype, "query");
    const texts = new Map<unknown, string[]>();
    try {
      const scheduler = await one.open(false);
      await enqueueAlone(scheduler, "by transaction()");
      const client = await one.pool.connect();
      await client.query("begin");
      const receipt = await scheduler.enqueue(client, job, {}, { taskId: "on a client" });
      await client.query("commit");
      client.release();
      await scheduler.tryExecuteNow(receipt);
      await vi.waitFor(() => expect(one.started).toHaveLength(2), PATIENT);
      for (const [place, [sent]] of query.mock.calls.entries()) {
        const text = typeof sent === "string" ? sent : String((sent as { text?: string }).text);
        const on = query.mock.contexts[place];
        texts.set(on, [...(texts.get(on) ?? []), text]);
      }
    } finally {
      query.mockRestore();
    }
    const notifying = [...texts.values()].filter((list) => list.some((text) => /notify/i.test(text)));
    const enqueuing = [...texts.values()].filter((list) => list.some((text) => /^begin/i.test(text)));
    expect(notifying.length).toBeGreaterThan(0);
    expect(enqueuing.length).toBeGreaterThan(1);
    for (const list of enqueuing) expect(inTransactions(list)).not.toMatch(/notify/i);
  });
});

/** What was sent between each begin and its end, on one connection. */
function inTransactions(texts: readonly string[]): string {
  let isInside = false;
  return texts
    .filter((text) => {
      if (/^begin/i.test(text)) isInside = true;
      const wasInside = isInside;
      if (/^(?:commit|rollback)$/i.test(text)) isInside = false;
      return wasInside;
    })
    .join("\n");
}

describe("behind pgbouncer in transaction mode", () => {
  /** It swallows what the store pins: nobody is warned that it stands there. */
  const pooler = sharedPooler([
    "ignore_startup_parameters = options,statement_timeout,lock_timeout,idle_in_transaction_session_timeout",
  ]);
  const hasPooler = "start" in pooler;

  // skipped: pgbouncer is not installed
  it.skipIf(!hasPooler).each([
    ["since it is told of the pooler", true],
    ["since it does not hear itself", false],
  ])("a worker gives way to polling, says so once, and finds its work, %s (F33)", async (_, isTold) => {
    if (!hasPooler) return;
    const one = scene();
    const through = { connection: { connectionString: await pooler.start() } } as object;
    // Without being told, prepared statements may fail there as well: those of the wake-ups alone go through untold.
    const untold = postgresStore({ ...through, schema: one.schema } as PostgresStoreOptions);
    made.push(() => untold.close());
    const wakeUps = isTold ? {} : { wakeUps: untold.wakeUps };
    const scheduler = await one.open(true, { ...through, pooler: true }, wakeUps);
    scheduler.startWorker({ pollIntervalMs: 200 });
    const off = `wake-ups.off: ${isTold ? "pooler" : "unheard"}`;
    await vi.waitFor(() => expect(one.said).toEqual([off]), PATIENT);
    const { heard } = await ears(one.schema);
    const client = await one.open(false, { ...through, pooler: true });
    await enqueueAlone(client, "polled");
    await vi.waitFor(() => expect(one.started).toEqual(["polled"]), PATIENT);
    await vi.waitFor(() => expect(heard).toEqual([""]), PATIENT); // NOTIFY passes, for workers that are connected directly
    expect(one.said).toEqual([off]);
  });
});
