// graphile-worker: add_job on the application's transaction, a runner in each worker process.
import { makeWorkerUtils, run } from "graphile-worker";
import { applicationTransaction, poolOf } from "../business.ts";
import { type Driver, type Payload, payloadOf } from "../port.ts";

/** It names and locks rows by this. */
const TASK = "work";

/** Its driver. */
export const driver: Driver = {
  async prepare({ connectionString }) {
    const utilities = await makeWorkerUtils({ connectionString });
    await utilities.migrate();
    await utilities.release();
  },
  async filler({ connectionString }) {
    const utilities = await makeWorkerUtils({ connectionString });
    return {
      async add(from, count) {
        const jobs = Array.from({ length: count }, (_, index) => ({
          identifier: TASK,
          payload: payloadOf(from + index),
        }));
        await utilities.addJobs(jobs);
      },
      close: async () => {
        await utilities.release();
      },
    };
  },
  async work({ connectionString, options }, execute) {
    const runner = await run({
      preset: { worker: { ...options["worker"] } },
      connectionString,
      noHandleSignals: true,
      taskList: {
        [TASK]: (payload) => execute(payload as Payload), // what was enqueued here
      },
    });
    void runner.promise.catch((error: unknown) => console.error(error));
  },
  async isDone({ connectionString }) {
    const pool = poolOf(connectionString, 1);
    const { rows } = await pool.query("select from graphile_worker._private_jobs limit 1");
    await pool.end();
    return rows.length === 0;
  },
  enqueuers: {
    add_job: async ({ connectionString }, connections) => {
      const pool = poolOf(connectionString, connections);
      return {
        commit: (n) =>
          applicationTransaction(pool, n, (client) =>
            client.query({
              name: "add_job",
              text: `select from graphile_worker.add_job('${TASK}', payload := $1::json)`,
              values: [JSON.stringify(payloadOf(n))],
            }),
          ),
        close: () => pool.end(),
      };
    },
  },
};
