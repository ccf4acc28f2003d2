// One process that drains the same number of tasks again and again, with telemetry subscribed and without, in pairs.
import { setTimeout as delay } from "node:timers/promises";
import { defineTask, executor, postgresStore, Scheduler } from "../speed/built-library.ts";
import { type SetupName, subscriber } from "./setups.ts";

const { connectionString, setup, tasks, pairs } = JSON.parse(process.argv[2] ?? "") as {
  readonly connectionString: string;
  readonly setup: SetupName;
  readonly tasks: number;
  readonly pairs: number;
};

/** One drain. */
interface Drain {
  readonly perSecond: number;
  /** CPU of this process. */
  readonly cpuMicroseconds: number;
}

const CALL = 1_000;
const WARM_UP = 3;

const job = defineTask<{ readonly n: number }>({ type: "bench.job" });
const store = postgresStore({ connectionString, schema: `bench_${process.pid}` });
let executed = 0;
const count = executor(job, () => {
  executed += 1;
});
const scheduler = new Scheduler({ store, fastPath: "off", executors: [count] });
await scheduler.start();
const subscribe = subscriber(setup, scheduler);

/** Also what is enqueued for it is enqueued with telemetry, or without: headers are part of the cost. */
async function drain(isSubscribed: boolean): Promise<Drain> {
  const end = isSubscribed ? subscribe() : () => undefined;
  for (let done = 0; done < tasks; done += CALL) {
    const items = Array.from({ length: Math.min(CALL, tasks - done) }, (_, n) => ({ data: { n } }));
    await scheduler.transaction(async (tx) => void (await tx.enqueueAll(job, items)));
  }
  executed = 0;
  const cpu = process.cpuUsage();
  const startedMs = performance.now();
  const worker = scheduler.startWorker({ pollIntervalMs: 50 });
  while (executed < tasks) await delay(1);
  while ((await scheduler.count("pending")) > 0) await delay(1);
  const tookMs = performance.now() - startedMs;
  const { user, system } = process.cpuUsage(cpu);
  await worker.stop();
  end();
  return { perSecond: (tasks / tookMs) * 1_000, cpuMicroseconds: (user + system) / tasks };
}

const found: { readonly without: Drain; readonly subscribed: Drain }[] = [];
for (let pair = -WARM_UP; pair < pairs; pair += 1) {
  // Each is first as often as the other.
  const isFirst = pair % 2 === 0;
  const first = await drain(isFirst);
  const second = await drain(!isFirst);
  if (pair >= 0)
    found.push(isFirst ? { without: second, subscribed: first } : { without: first, subscribed: second });
}
console.log(JSON.stringify(found));
process.exit(0);
