// One process that drains: enqueues, subscribes, executes until nothing is pending, and says how fast it was.
import { setTimeout as delay } from "node:timers/promises";
import { defineTask, executor, postgresStore, Scheduler } from "../speed/built-library.ts";
import { type SetupName, setUp } from "./setups.ts";

const { connectionString, setup, tasks, warmUp } = JSON.parse(process.argv[2] ?? "") as {
  readonly connectionString: string;
  readonly setup: SetupName;
  readonly tasks: number;
  readonly warmUp: number;
};

const job = defineTask<{ readonly n: number }>({ type: "bench.job" });
const CALL = 1_000;

const store = postgresStore({ connectionString, schema: `bench_${process.pid}` });
let executed = 0;
const count = executor(job, () => {
  executed += 1;
});
const scheduler = new Scheduler({ store, fastPath: "off", executors: [count] });
await scheduler.start();
await setUp(setup, store, scheduler);

async function drain(wanted: number): Promise<number> {
  for (let done = 0; done < wanted; done += CALL) {
    const items = Array.from({ length: Math.min(CALL, wanted - done) }, (_, n) => ({ data: { n } }));
    await scheduler.transaction(async (tx) => void (await tx.enqueueAll(job, items)));
  }
  executed = 0;
  const startedMs = performance.now();
  const worker = scheduler.startWorker({ pollIntervalMs: 50 });
  while (executed < wanted) await delay(1);
  while ((await scheduler.count("pending")) > 0) await delay(1);
  const tookMs = performance.now() - startedMs;
  await worker.stop();
  return (wanted / tookMs) * 1_000;
}

await drain(warmUp);
const cpu = process.cpuUsage();
const perSecond = await drain(tasks);
const { user, system } = process.cpuUsage(cpu);
console.log(JSON.stringify({ perSecond, cpuMicroseconds: (user + system) / tasks }));
process.exit(0);
