// owed: tasks enqueued on the application's transaction, executed by the workers alone, so that it is like the others.
import pg from "pg";
import { defineTask, executor, Scheduler } from "../../../src/index.ts";
import { postgresStore } from "../../../src/store/postgres/index.ts";
import type { Driver, Job, Place } from "../driver.ts";

const work = defineTask<Job>({ type: "work" });

function store({ connectionString }: Place): ReturnType<typeof postgresStore> {
  return postgresStore({ connectionString });
}

/** Its driver. */
export const driver: Driver = {
  async prepare(place) {
    const created = store(place);
    await created.migrate();
    await created.close();
  },
  async work(place, execute) {
    const scheduler = new Scheduler({
      ...place.options["scheduler"],
      store: store(place),
      executors: [executor(work, ({ data }) => execute(data))],
      logger: console,
    });
    scheduler.startWorker({ concurrency: place.concurrency });
    await scheduler.start();
    return [];
  },
  async enqueuer(place) {
    // Without executors: what is enqueued here is executed in a worker process, and nowhere else.
    const scheduler = new Scheduler({ ...place.options["scheduler"], store: store(place), logger: console });
    await scheduler.start();
    const pool = new pg.Pool({ connectionString: place.connectionString });
    pool.on("error", () => undefined);
    return {
      async inTransaction(client, job) {
        await scheduler.enqueue(client, work, job, { taskId: job.task });
      },
      async standing() {
        const { rows } = await pool.query<{ task_id: string; state: string }>(
          "select task_id, state from owed.task_state where state in ('pending', 'failed')",
        );
        const inState = (state: string): string[] =>
          rows.filter((row) => row.state === state).map(({ task_id }) => task_id);
        return { pending: inState("pending"), failed: inState("failed") };
      },
    };
  },
};
