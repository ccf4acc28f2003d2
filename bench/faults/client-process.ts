// The application of any system: commits a row of its own and the task with it, and retries with the same key.
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { driverOf, type Job } from "./driver.ts";
import type { Command, Enqueued, Message, ProcessSettings, Request } from "./messages.ts";

const settings = JSON.parse(process.argv[2] ?? "{}") as ProcessSettings; // written by the comparison
process.on("disconnect", () => process.exit(0));

const driver = await driverOf(settings.system);
const enqueuer = await driver.enqueuer(settings.place);
const pool = new pg.Pool({ connectionString: settings.applicationConnectionString });
pool.on("error", () => undefined);
pool.on("connect", (client) => client.on("error", () => undefined));

/** One attempt, the same for all: the only difference is whether the system can join the transaction. */
async function attempt(job: Job, number: number): Promise<void> {
  const client = await pool.connect();
  let isDone = false;
  try {
    await client.query("begin");
    await client.query("insert into business (task) values ($1) on conflict do nothing", [job.task]);
    await enqueuer.inTransaction?.(client, job);
    // The proxy knows a certain commit by this text.
    await client.query(`commit -- ${job.task} attempt ${number}`);
    isDone = true;
  } finally {
    client.release(!isDone);
  }
  await enqueuer.afterCommit?.(job);
}

async function enqueue(job: Job, retryMs: number | null): Promise<Enqueued> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      await attempt(job, attempts);
      return { isAcknowledged: true, attempts };
    } catch (error) {
      console.error(`enqueue of ${job.task}, attempt ${attempts}:`, error);
      if (retryMs === null) return { isAcknowledged: false, attempts };
      await delay(retryMs);
    }
  }
}

async function obey(command: Command): Promise<unknown> {
  if (command.do === "enqueue") return await enqueue(command.job, command.retryMs);
  if (command.do === "standing") return await enqueuer.standing();
  if (command.do === "unlock") return await enqueuer.unlock?.(command.workers);
  return (await pool.query<{ task: string }>("select task from business")).rows.map(({ task }) => task);
}

const send = (message: Message): void => void process.send?.(message, undefined, undefined, () => undefined);
process.on("message", (request) => {
  const { id, command } = request as Request; // the comparison sends nothing else
  obey(command).then(
    (value) => send({ kind: "answer", id, value: value ?? null }),
    (error: unknown) => send({ kind: "refusal", id, reason: String(error) }),
  );
});
send({ kind: "ready", workers: [] });
