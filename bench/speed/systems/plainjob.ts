// plainjob on better-sqlite3: jobs on the application's own connection.
import Database from "better-sqlite3";
import { better, defineQueue, defineWorker, JobStatus } from "plainjob";
import { type Driver, nowNs, type Payload, type Place, payloadOf } from "../port.ts";

const TYPE = "work";
/** Its default logger prints every step of every job. */
const silent = { error: console.error, warn: () => undefined, info: () => undefined, debug: () => undefined };
/**
 * Its worker never lets go of the event loop while there are jobs and their handlers do not; handlers that do something
 * would. Without this the process could not tell of its progress.
 */
const PAUSE_AFTER = 50;

function open({ file, options }: Place) {
  const database = new Database(file);
  const queue = defineQueue({ connection: better(database), logger: silent });
  // After its own settings: they are WAL and synchronous NORMAL.
  const synchronous = options["file"]?.["synchronous"];
  if (typeof synchronous === "string") database.pragma(`synchronous = ${synchronous}`);
  return { database, queue };
}

/** Its driver. */
export const driver: Driver = {
  async prepare(place) {
    const { database, queue } = open(place);
    database.exec("create table business (id integer primary key, amount integer not null) strict");
    queue.close();
    database.close();
  },
  async filler(place) {
    const { queue, database } = open(place);
    return {
      async add(from, count) {
        queue.addMany(
          TYPE,
          Array.from({ length: count }, (_, index) => payloadOf(from + index)),
        );
      },
      async close() {
        queue.close();
        database.close();
      },
    };
  },
  async work(place, execute) {
    const { queue } = open(place);
    let done = 0;
    const worker = defineWorker(
      TYPE,
      async ({ data }) => {
        execute(JSON.parse(data) as Payload); // as it was added
        done += 1;
        if (done % PAUSE_AFTER === 0) await new Promise((resolve) => setImmediate(resolve));
      },
      { queue, logger: silent },
    );
    void worker.start().catch((error: unknown) => {
      console.error(error);
      process.exit(1);
    });
  },
  async isDone(place) {
    const { queue, database } = open(place);
    const left =
      queue.countJobs({ status: JobStatus.Pending }) + queue.countJobs({ status: JobStatus.Processing });
    queue.close();
    database.close();
    return left === 0;
  },
  enqueuers: {
    add: async (place) => {
      const { queue, database } = open(place);
      const business = database.prepare("insert into business (id, amount) values (?, ?)");
      const both = database.transaction((n: number) => {
        business.run(n, 4200);
        queue.add(TYPE, payloadOf(n));
      });
      return {
        async commit(n) {
          both.immediate(n);
          return nowNs();
        },
        async close() {
          queue.close();
          database.close();
        },
      };
    },
  },
};
