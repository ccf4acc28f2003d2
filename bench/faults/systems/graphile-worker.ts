// graphile-worker: add_job on the application's transaction, a runner in each worker process.
import { EventEmitter } from "node:events";
import { makeWorkerUtils, run, type WorkerEvents } from "graphile-worker";
import pg from "pg";
import type { Driver, Job } from "../driver.ts";

/** Its documentation: 10, or the executions at once and two, whichever is larger. */
const poolSize = (concurrency: number): number => Math.max(10, concurrency + 2);

/** Its driver. */
export const driver: Driver = {
  async prepare({ connectionString }) {
    const utilities = await makeWorkerUtils({ connectionString });
    await utilities.migrate();
    await utilities.release();
  },
  async work({ connectionString, concurrency, options }, execute) {
    const workers: string[] = [];
    const events: WorkerEvents = new EventEmitter();
    // Jobs are locked in the name of the pool; what is unlocked by it is called a worker all the same.
    events.on("pool:create", ({ workerPool }) => workers.push(workerPool.id));
    const runner = await run({
      ...options["runner"],
      connectionString,
      concurrency,
      maxPoolSize: poolSize(concurrency),
      events,
      taskList: { work: (payload) => execute(payload as Job) }, // what was enqueued below
    });
    // As its command line does: a runner that ends by itself ends the process, and whoever supervises it starts it anew.
    void runner.promise.then(
      () => process.exit(1),
      () => process.exit(1),
    );
    return workers;
  },
  async enqueuer({ connectionString, options }) {
    const utilities = await makeWorkerUtils({ connectionString });
    const pool = new pg.Pool({ connectionString });
    pool.on("error", () => undefined);
    const mode = options["enqueue"]?.["jobKeyMode"] ?? "replace";
    return {
      async inTransaction(client, job) {
        const { rows } = await client.query<{ id: string | null }>(
          `select id from graphile_worker.add_job(
            'work', payload := cast($1 as json), job_key := $2, job_key_mode := $3)`,
          [JSON.stringify(job), job.task, mode],
        );
        // Its documentation: under contention of a key it may answer null, which the caller must handle.
        if ((rows[0]?.id ?? null) === null) throw new Error("add_job answered null");
      },
      async standing() {
        // By the payload: a job whose key was taken over by a later one has none any more.
        const { rows } = await pool.query<{ task: string; failed: boolean }>(
          `select payload ->> 'task' as task, attempts >= max_attempts and locked_at is null as failed
          from graphile_worker._private_jobs`,
        );
        const tasks = (isFailed: boolean): string[] =>
          rows.filter(({ failed }) => failed === isFailed).map(({ task }) => task);
        return { pending: tasks(false), failed: tasks(true) };
      },
      unlock: (workers) => utilities.forceUnlockWorkers([...workers]),
    };
  },
};
