// A run of which everything is known: who enqueues what, how often each is attempted, how each ends.
import { defineTask, executor, PermanentError, RetryAfterError, Scheduler } from "owed";
import type { MemoryRows, MemoryTransaction } from "../../src/store/memory/index.ts";
import { memoryStore } from "../../src/store/memory/index.ts";
import { until } from "./sdk.ts";

/** A type that succeeds. */
export const good = defineTask<unknown>({ type: "mail.send" });
/** A type that fails once, is then deferred once, and succeeds at the third attempt. */
export const slow = defineTask<unknown>({ type: "hook.call" });
/** A type that fails for good. */
export const bad = defineTask<unknown>({ type: 'odd"type\\with\nall' });
/** A type that nobody executes. */
export const orphan = defineTask<unknown>({ type: "crm.sync" });

/** What the run leaves: six good tasks, one slow, two bad, one orphan; one duplicate. */
export const expected = {
  sent: { [good.type]: 6, [slow.type]: 1, [bad.type]: 2, [orphan.type]: 1 },
  attempts: { [good.type]: 6, [slow.type]: 3, [bad.type]: 2 },
  states: { pending: 1, confirmed: 7, failed: 2, cancelled: 0 },
} as const;

/** A scheduler in memory that has run it; stop it. */
export async function knownRun(): Promise<Scheduler<MemoryTransaction, MemoryRows, boolean>> {
  const scheduler = new Scheduler({
    store: memoryStore(),
    fastPath: "off",
    backoff: { delayMs: () => 1 },
    executors: [
      executor(good, () => undefined),
      executor(slow, ({ attempt }) => {
        if (attempt === 1) throw new Error("not yet");
        if (attempt === 2) throw new RetryAfterError(1);
      }),
      executor(bad, () => {
        throw new PermanentError("never");
      }),
    ],
  });
  await scheduler.start();
  await scheduler.transaction(async (tx) => {
    await tx.enqueueAll(
      good,
      [1, 2, 3, 4, 5, 6].map((n) => ({ data: {}, taskId: `good:${n}` })),
    );
    await tx.enqueue(good, {}, { taskId: "good:1" });
    await tx.enqueue(slow, {}, { taskId: "slow" });
    await tx.enqueueAll(bad, [{ data: {} }, { data: {} }]);
    await tx.enqueue(orphan, {}, { taskId: "orphan" });
  });
  scheduler.startWorker({ pollIntervalMs: 5, concurrency: 10 });
  const standing = async (): Promise<boolean> =>
    (await scheduler.count("confirmed")) === 7 && (await scheduler.count("failed")) === 2;
  await until(standing, "all have ended");
  return scheduler;
}
