// BullMQ on Redis: it cannot join a transaction of Postgres, so a job is added once the transaction has committed.
import { Queue, Worker } from "bullmq";
import { applicationTransaction, poolOf } from "../business.ts";
import { type Driver, type Payload, type Place, payloadOf } from "../port.ts";

const QUEUE = "work";
/** Jobs of one addBulk, which is one round trip. */
const CHUNK = 1_000;

function connectionTo({ redisPort }: Place) {
  if (redisPort === null) throw new Error("BullMQ needs Redis");
  return { host: "127.0.0.1", port: redisPort };
}

async function queueAt(place: Place): Promise<Queue<Payload>> {
  const queue = new Queue<Payload>(QUEUE, { connection: connectionTo(place) });
  queue.on("error", (error) => console.error(error));
  await queue.waitUntilReady();
  return queue;
}

/** Its driver. */
export const driver: Driver = {
  async prepare(place) {
    const queue = await queueAt(place);
    await queue.close();
  },
  async filler(place) {
    const queue = await queueAt(place);
    return {
      async add(from, count) {
        for (let first = from; first < from + count; first += CHUNK) {
          const length = Math.min(CHUNK, from + count - first);
          await queue.addBulk(
            Array.from({ length }, (_, index) => ({ name: "work", data: payloadOf(first + index) })),
          );
        }
      },
      close: () => queue.close(),
    };
  },
  async work(place, execute) {
    const worker = new Worker<Payload>(QUEUE, async ({ data }) => execute(data), {
      ...place.options["worker"],
      connection: connectionTo(place),
    });
    // Its documentation: without a listener an error may end the process.
    worker.on("error", (error) => console.error(error));
    await worker.waitUntilReady();
  },
  async isDone(place) {
    const queue = await queueAt(place);
    const counts = await queue.getJobCounts("waiting", "active", "delayed", "prioritized");
    await queue.close();
    return Object.values(counts).every((count) => count === 0);
  },
  enqueuers: {
    "add after commit": async (place, connections) => {
      const queue = await queueAt(place);
      const pool = poolOf(place.connectionString, connections);
      return {
        async commit(n) {
          const committedNs = await applicationTransaction(pool, n, () => Promise.resolve());
          await queue.add("work", payloadOf(n));
          return committedNs;
        },
        async close() {
          await queue.close();
          await pool.end();
        },
      };
    },
  },
};
