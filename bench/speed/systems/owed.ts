// owed, as it is built: enqueued on the application's transaction or by its own, executed by workers or on the fast path.
import type pg from "pg";
import { defineTask, executor, postgresStore, Scheduler } from "../built-library.ts";
import { applicationTransaction, insertBusiness, poolOf, watchCommits } from "../business.ts";
import { type Driver, type FastPath, nowNs, type Payload, payloadOf } from "../port.ts";

const work = defineTask<Payload>({ type: "work" });

/** A scheduler that only enqueues: nothing is born claimed. */
async function enqueuingOn(pool: pg.Pool) {
  const scheduler = new Scheduler({ store: postgresStore({ pool }), logger: console });
  await scheduler.start();
  const close = async (): Promise<void> => {
    await scheduler.stop();
    await pool.end();
  };
  return { scheduler, close };
}

/** A scheduler that executes what it enqueues; `commit` answers the moment of its commit, or null: that of the last COMMIT. */
async function fastPathOf(
  connectionString: string,
  commit: (scheduler: Executing, pool: pg.Pool, n: number) => Promise<bigint | null>,
): Promise<FastPath> {
  const pool = poolOf(connectionString, 4, { pipeline: true });
  const lastCommitNs = watchCommits(pool);
  let started: (atNs: bigint) => void = () => undefined;
  const scheduler: Executing = new Scheduler({
    store: postgresStore({ pool }),
    executors: [executor(work, () => started(nowNs()))],
    logger: console,
  });
  await scheduler.start();
  return {
    async commit(n) {
      const execution = new Promise<bigint>((resolve) => {
        started = resolve;
      });
      const committedNs = (await commit(scheduler, pool, n)) ?? lastCommitNs();
      return { committedNs, startedNs: await execution };
    },
    async close() {
      await scheduler.stop();
      await pool.end();
    },
  };
}

type Executing = Awaited<ReturnType<typeof enqueuingOn>>["scheduler"];

/** Its driver. */
export const driver: Driver = {
  async prepare({ connectionString }) {
    const store = postgresStore({ connectionString });
    await store.migrate();
    await store.close();
  },
  async filler({ connectionString }) {
    const pool = poolOf(connectionString, 1);
    const { scheduler, close } = await enqueuingOn(pool);
    return {
      async add(from, count) {
        const client = await pool.connect();
        await client.query("begin");
        const items = Array.from({ length: count }, (_, index) => ({ data: payloadOf(from + index) }));
        await scheduler.enqueueAll(client, work, items);
        await client.query("commit");
        client.release();
      },
      close,
    };
  },
  async work({ connectionString, options }, execute) {
    const scheduler = new Scheduler({
      store: postgresStore({ connectionString, ...options["store"] }),
      executors: [executor(work, ({ data }) => execute(data))],
      logger: console,
    });
    scheduler.startWorker({ ...options["worker"] });
    await scheduler.start();
  },
  async isDone({ connectionString }) {
    const pool = poolOf(connectionString, 1);
    const { rows } = await pool.query("select from owed.pending limit 1");
    await pool.end();
    return rows.length === 0;
  },
  enqueuers: {
    "enqueue(tx)": async ({ connectionString }, connections) => {
      const pool = poolOf(connectionString, connections);
      const { scheduler, close } = await enqueuingOn(pool);
      return {
        commit: (n) =>
          applicationTransaction(pool, n, (client) => scheduler.enqueue(client, work, payloadOf(n))),
        close,
      };
    },
    "enqueue(tx), tryExecuteNow": async ({ connectionString }, connections) => {
      const pool = poolOf(connectionString, connections);
      const { scheduler, close } = await enqueuingOn(pool);
      return {
        async commit(n) {
          const receipts: Awaited<ReturnType<typeof scheduler.enqueue>>[] = [];
          const committedNs = await applicationTransaction(pool, n, async (client) => {
            receipts.push(await scheduler.enqueue(client, work, payloadOf(n)));
          });
          void scheduler.tryExecuteNow(receipts);
          return committedNs;
        },
        close,
      };
    },
    "transaction()": async ({ connectionString }, connections) => {
      const pool = poolOf(connectionString, connections, { pipeline: true });
      const { scheduler, close } = await enqueuingOn(pool);
      return {
        async commit(n) {
          await scheduler.transaction(async (tx) => {
            await tx.query(insertBusiness, [n, 4200]);
            await tx.enqueue(work, payloadOf(n));
          });
          return nowNs();
        },
        close,
      };
    },
  },
  fastPaths: {
    "transaction()": ({ connectionString }) =>
      fastPathOf(connectionString, async (scheduler, _, n) => {
        await scheduler.transaction(async (tx) => {
          await tx.query(insertBusiness, [n, 4200]);
          await tx.enqueue(work, payloadOf(n));
        });
        return null;
      }),
    tryExecuteNow: ({ connectionString }) =>
      fastPathOf(connectionString, async (scheduler, pool, n) => {
        const receipts: Awaited<ReturnType<typeof scheduler.enqueue>>[] = [];
        const committedNs = await applicationTransaction(pool, n, async (client) => {
          receipts.push(await scheduler.enqueue(client, work, payloadOf(n)));
        });
        void scheduler.tryExecuteNow(receipts);
        return committedNs;
      }),
  },
};
