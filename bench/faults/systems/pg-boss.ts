// pg-boss: send on the application's transaction, work in each worker process.
import { createHash } from "node:crypto";
import pg from "pg";
import { PgBoss } from "pg-boss";
import type { Driver, Job, Place } from "../driver.ts";

const QUEUE = "work";

function instance({ connectionString, options }: Place): PgBoss {
  const boss = new PgBoss({ ...options["instance"], connectionString });
  // Its documentation: without a listener an error ends the process.
  boss.on("error", (error) => console.error(error));
  return boss;
}

/** The id of a job must be a UUID, so that of a task is made of its name. */
function jobId(task: string): string {
  const hex = createHash("sha256").update(task).digest("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Its driver. */
export const driver: Driver = {
  async prepare(place) {
    const boss = instance(place);
    await boss.start();
    await boss.createQueue(QUEUE, { ...place.options["queue"] });
    await boss.stop({ graceful: false });
  },
  async work(place, execute) {
    const boss = instance(place);
    await boss.start();
    await boss.work<Job>(
      QUEUE,
      { ...place.options["work"], localConcurrency: place.concurrency },
      async (jobs) => {
        for (const { data } of jobs) await execute(data);
      },
    );
    return [];
  },
  async enqueuer(place) {
    const boss = instance(place);
    await boss.start();
    const pool = new pg.Pool({ connectionString: place.connectionString });
    pool.on("error", () => undefined);
    return {
      async inTransaction(client, job) {
        // It answers null when the id is there already.
        await boss.send(QUEUE, job, {
          id: jobId(job.task),
          db: { executeSql: (text, values) => client.query(text, values) },
        });
      },
      async standing() {
        const { rows } = await pool.query<{ task: string; state: string }>(
          `select data ->> 'task' as task, cast(state as text) as state
          from pgboss.job
          where name = $1 and state <> 'completed'`,
          [QUEUE],
        );
        const ended = new Set(["failed", "cancelled"]);
        const tasks = (isFailed: boolean): string[] =>
          rows.filter(({ state }) => ended.has(state) === isFailed).map(({ task }) => task);
        return { pending: tasks(false), failed: tasks(true) };
      },
    };
  },
};
