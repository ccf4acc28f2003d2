// pg-boss: send on the application's transaction, work in each worker process.
import { PgBoss } from "pg-boss";
import { applicationTransaction, poolOf } from "../business.ts";
import { type Driver, type Payload, type Place, payloadOf } from "../port.ts";

const QUEUE = "work";
/** Jobs of one insert: it is one statement, whose parameter is one JSON document. */
const CHUNK = 10_000;

async function started({ connectionString, options }: Place): Promise<PgBoss> {
  const boss = new PgBoss({ ...options["instance"], connectionString });
  // Its documentation: without a listener an error ends the process.
  boss.on("error", (error) => console.error(error));
  await boss.start();
  return boss;
}

const stop = (boss: PgBoss): Promise<void> => boss.stop({ graceful: false });

/** Its driver. */
export const driver: Driver = {
  async prepare(place) {
    const boss = await started(place);
    await boss.createQueue(QUEUE, { ...place.options["queue"] });
    await stop(boss);
  },
  async filler(place) {
    const boss = await started(place);
    return {
      async add(from, count) {
        for (let first = from; first < from + count; first += CHUNK) {
          const length = Math.min(CHUNK, from + count - first);
          await boss.insert(
            QUEUE,
            Array.from({ length }, (_, index) => ({ data: payloadOf(first + index) })),
          );
        }
      },
      close: () => stop(boss),
    };
  },
  async work(place, execute) {
    const boss = await started(place);
    await boss.work<Payload>(QUEUE, { ...place.options["work"] }, async (jobs) => {
      for (const { data } of jobs) execute(data);
    });
  },
  async isDone({ connectionString }) {
    const pool = poolOf(connectionString, 1);
    const { rows } = await pool.query(
      "select from pgboss.job where name = $1 and state < 'completed' limit 1",
      [QUEUE],
    );
    await pool.end();
    return rows.length === 0;
  },
  enqueuers: {
    send: async (place, connections) => {
      const boss = await started(place);
      const pool = poolOf(place.connectionString, connections);
      return {
        commit: (n) =>
          applicationTransaction(pool, n, (client) =>
            boss.send(QUEUE, payloadOf(n), {
              db: { executeSql: (text, values) => client.query(text, values) },
            }),
          ),
        async close() {
          await stop(boss);
          await pool.end();
        },
      };
    },
  },
};
