// owed on a SQLite file, as it is built.
import { defineTask, executor, Scheduler, sqliteStore } from "../built-library.ts";
import { type Driver, nowNs, type Payload, payloadOf } from "../port.ts";

const work = defineTask<Payload>({ type: "work" });

/** A scheduler that only enqueues. */
async function enqueuingIn(file: string) {
  const scheduler = new Scheduler({ store: sqliteStore({ file }), logger: console });
  await scheduler.start();
  return scheduler;
}

/** Its driver. */
export const driver: Driver = {
  async prepare({ file }) {
    const scheduler = await enqueuingIn(file);
    await scheduler.transaction((tx) => {
      tx.run("create table business (id integer primary key, amount integer not null) strict");
    });
    await scheduler.stop();
  },
  async filler({ file }) {
    const scheduler = await enqueuingIn(file);
    return {
      async add(from, count) {
        const items = Array.from({ length: count }, (_, index) => ({ data: payloadOf(from + index) }));
        await scheduler.transaction((tx) => {
          tx.enqueueAll(work, items);
        });
      },
      close: () => scheduler.stop(),
    };
  },
  async work({ file, options }, execute) {
    const scheduler = new Scheduler({
      store: sqliteStore({ file }),
      executors: [executor(work, ({ data }) => execute(data))],
      logger: console,
    });
    scheduler.startWorker({ ...options["worker"] });
    await scheduler.start();
  },
  async isDone({ file }) {
    const store = sqliteStore({ file });
    const { pending } = await store.balance();
    await store.close();
    return pending === 0;
  },
  enqueuers: {
    "transaction()": async ({ file }) => {
      const scheduler = await enqueuingIn(file);
      return {
        async commit(n) {
          await scheduler.transaction((tx) => {
            tx.run("insert into business (id, amount) values (?, ?)", n, 4200);
            tx.enqueue(work, payloadOf(n));
          });
          return nowNs();
        },
        close: () => scheduler.stop(),
      };
    },
  },
};
