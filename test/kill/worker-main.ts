// A worker process of the kill tests: executes tasks, appends what it does to a file that survives it, dies when told.
import { appendFileSync, existsSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { defineTask, executor, Scheduler, type SchedulerTransaction } from "../../src/index.ts";
import { openStore, type WorkerSettings } from "./worker-settings.ts";

/** Tasks of one transaction: more than the fast path takes at once, so that some of each are left to the workers. */
const ENQUEUED_TOGETHER = 50;

const settings = JSON.parse(process.argv[2] ?? "{}") as WorkerSettings;

function note(event: string, taskId: string): void {
  appendFileSync(settings.effectsFile, `${event} ${taskId} ${process.pid}\n`);
}

const quick = defineTask<null>({ type: "quick" });
const waiting = defineTask<null>({ type: "waiting" });
const steady = defineTask<null>({ type: "steady" });
const poison = defineTask<null>({ type: "poison", maxLostAlone: settings.maxLostAlone });

const scheduler = new Scheduler({
  store: openStore(settings),
  leaseMs: settings.leaseMs,
  executors: [
    executor(quick, ({ taskId }) => note("done", taskId)),
    executor(waiting, async ({ taskId }) => {
      note("start", taskId);
      while (!existsSync(settings.gateFile)) await delay(20);
      note("done", taskId);
    }),
    executor(steady, async ({ taskId }) => {
      await delay(300);
      note("done", taskId);
    }),
    executor(poison, ({ taskId }) => {
      note("start", taskId);
      process.kill(process.pid, "SIGKILL");
    }),
  ],
});
await scheduler.start();
const worker = settings.concurrency > 0 ? scheduler.startWorker({ concurrency: settings.concurrency }) : null;
for (let first = 0; first < settings.enqueueCount; first += ENQUEUED_TOGETHER) {
  const count = Math.min(ENQUEUED_TOGETHER, settings.enqueueCount - first);
  const items = Array.from({ length: count }, (_, index) => ({
    data: null,
    taskId: `${settings.name}-${first + index}`,
  }));
  // One callback serves both kinds of store: a synchronous one is handed no promise.
  await scheduler.transaction(((tx: SchedulerTransaction<unknown, boolean>) => {
    const enqueued = tx.enqueueAll(quick, items);
    return enqueued instanceof Promise ? enqueued : null;
  }) as never);
}
process.on("SIGTERM", () => {
  void scheduler.stop({ graceMs: 5_000 }).then(() => process.exit(0));
});
process.stdout.write(`ready ${process.pid} ${worker === null ? "fast path only" : "working"}\n`);
