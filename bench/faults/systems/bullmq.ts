// BullMQ on Redis: it cannot join a transaction of Postgres, so a job is added once the transaction has committed.
import { type Job as BullJob, Queue, Worker } from "bullmq";
import type { Driver, Job, Place } from "../driver.ts";

interface Connection {
  readonly host: string;
  readonly port: number;
  readonly retryStrategy?: () => number;
}

function connectionTo({ redisPort, options }: Place): Connection {
  if (redisPort === null) throw new Error("BullMQ needs Redis");
  const retryMs = options["connection"]?.["retryMs"];
  const retry = typeof retryMs === "number" ? { retryStrategy: () => retryMs } : {};
  return { host: "127.0.0.1", port: redisPort, ...retry };
}

function queueAt(place: Place): Queue<Job> {
  const queue = new Queue<Job>(place.queue, { connection: connectionTo(place) });
  queue.on("error", (error) => console.error(error));
  return queue;
}

const tasksOf = (jobs: readonly BullJob<Job>[]): string[] => jobs.map(({ data }) => data.task);

/** Its driver. */
export const driver: Driver = {
  async prepare(place) {
    const queue = queueAt(place);
    await queue.waitUntilReady();
    await queue.close();
  },
  async work(place, execute) {
    const worker = new Worker<Job>(place.queue, ({ data }) => execute(data), {
      ...place.options["worker"],
      connection: connectionTo(place),
      concurrency: place.concurrency,
    });
    // Its documentation: without a listener an error may end the process.
    worker.on("error", (error) => console.error(error));
    await worker.waitUntilReady();
    return [];
  },
  async enqueuer(place) {
    const queue = queueAt(place);
    await queue.waitUntilReady();
    return {
      async afterCommit(job) {
        // A job with the same id is not added again, as long as it is kept, which is for ever by default.
        await queue.add("work", job, { jobId: job.task });
      },
      async standing() {
        const pending = await queue.getJobs(["waiting", "active", "delayed", "prioritized"]);
        return { pending: tasksOf(pending), failed: tasksOf(await queue.getJobs(["failed"])) };
      },
    };
  },
};
