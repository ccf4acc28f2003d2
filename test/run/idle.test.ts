// After two virtual days of everything, nothing is left over: no claim, no birth, no timer.
import { constant, PermanentError, RetryAfterError } from "owed";
import { describe, expect, it } from "vitest";

import { seededRandom } from "../../src/testing/index.ts";
import { answerLost, everyMethod, unavailable } from "./faulty-store.ts";
import { Switchboard } from "./switchboard.ts";
import { ids, job, type MemoryScheduler, World } from "./world.ts";

const dayMs = 24 * 3_600_000;
const roundMs = dayMs / 12;

/** Executes in one of many ways, by chance. */
function mixed(world: World, chance: () => number, isDeaf: boolean): () => Promise<void> {
  return async () => {
    await world.sleep(chance() * 2_000);
    const drawn = chance();
    if (drawn < 0.1) throw new Error("no");
    if (drawn < 0.12) throw new PermanentError("never");
    if (drawn < 0.15) throw new RetryAfterError(chance() * 60_000);
    if (isDeaf && drawn < 0.17) await world.sleep(10_000); // longer than its timeout
  };
}

async function oneRound(
  world: World,
  scheduler: MemoryScheduler,
  round: number,
  chance: () => number,
): Promise<void> {
  await world.leave(ids(`left-${round}`, 20));
  await scheduler.transaction((tx) =>
    tx.enqueueAll(
      job,
      ids(`fast-${round}`, 40).map((taskId) => ({ taskId, data: round })),
    ),
  );
  await world.enqueue(scheduler, { taskId: `unused-${round}` });
  await world.enqueue(scheduler, { taskId: `later-${round}`, delayMs: chance() * roundMs });
  const undone = await world.inner.begin();
  await scheduler.enqueue(undone, job, {}, { taskId: `undone-${round}` });
  const open = await world.inner.begin();
  await scheduler.enqueue(open, job, {}, { taskId: `open-${round}` });
  await undone.rollback();
  await world.ports.advance(60_000);
  if (round % 3 === 0) world.fault(everyMethod, chance() < 0.5 ? unavailable : answerLost);
  await world.ports.advance(chance() * 40_000);
  world.heal();
  await world.ports.advance(30_000);
  await open.commit();
  if (round % 5 === 0) await world.ghost();
  await world.ports.advance(roundMs - 60_000);
}

describe("two days of mixed load", () => {
  it("leave no live claim, no birth, no running attempt, and the timers of an idle process (F62)", async () => {
    const world = new World();
    const random = seededRandom(7);
    const chance = (): number => random.fraction();
    const executors = [world.executor(job, mixed(world, chance, true), { timeoutMs: 5_000 })];
    const options = {
      executors,
      backoff: constant({ delayMs: 30_000 }),
      maxFailedAttempts: 5,
      leaseMs: 60_000,
    };
    const scheduler = await world.started(options);
    const worker = scheduler.startWorker({ concurrency: 10, pollIntervalMs: 20_000 });
    await world.ports.advance(5_000);
    const timersWhenIdle = world.ports.pendingTimers;
    for (let round = 0; round < 24; round += 1) await oneRound(world, scheduler, round, chance);
    await world.ports.advance(dayMs / 8);

    const { pending, confirmed, failed } = await world.balance();
    expect([pending, confirmed + failed]).toEqual([0, 24 * 63]);
    expect(world.runs.filter(({ taskId }) => taskId.startsWith("undone"))).toEqual([]);
    expect([await world.liveClaims(scheduler), worker.running, worker.zombies, world.running]).toEqual([
      0, 0, 0, 0,
    ]);
    expect((await scheduler.stats()).running).toEqual({ worker: 0, fastPath: 0 });
    expect(world.ports.pendingTimers).toBe(timersWhenIdle);
    await world.ports.until(worker.stop());
    const { receipts } = await scheduler.transaction((tx) =>
      tx.enqueueAll(
        job,
        ids("again", 33).map((taskId) => ({ taskId, data: {} })),
      ),
    );
    const born = await Promise.all(
      receipts.map(async ({ taskId }) => (await world.inner.get(taskId))?.owner !== null),
    );
    expect(born.filter(Boolean).length).toBe(32); // every place of the fast path is free again

    await world.ports.until(scheduler.stop());
    await world.ports.advance(60_000);
    expect(world.ports.pendingTimers).toBe(0);
  });

  it("run every task as often as its outcomes explain, and not once more (G8)", async () => {
    const world = new World();
    const random = seededRandom(11);
    const chance = (): number => random.fraction();
    const executors = [world.executor(job, mixed(world, chance, false), { timeoutMs: 5_000 })];
    const options = { executors, backoff: constant({ delayMs: 1_000 }), maxFailedAttempts: 5 };
    for (let number = 0; number < 3; number += 1) world.scheduler(options).startWorker({ concurrency: 5 });
    await world.leave(ids("a", 300));
    await world.ports.advance(1_200_000);
    for (const taskId of ids("a", 300)) {
      const task = await world.inner.get(taskId);
      const retried =
        task?.attempts.filter(({ outcome }) => outcome === "failed" || outcome === "deferred") ?? [];
      const needed = retried.length + (task?.state === "confirmed" ? 1 : 0);
      expect(world.runs.filter((run) => run.taskId === taskId).length).toBe(needed);
    }
  });
});

describe("an idle process", () => {
  it("without a worker holds no process open; with one it does, until it stops", async () => {
    const world = new World();
    const scheduler = await world.started();
    expect([world.ports.holdingTimers, world.ports.pendingTimers > 0]).toEqual([0, true]);
    const worker = scheduler.startWorker();
    await world.ports.advance(10_000);
    expect(world.ports.holdingTimers).toBeGreaterThan(0);
    await world.ports.until(worker.stop());
    await world.ports.advance(10_000);
    expect(world.ports.holdingTimers).toBe(0);
  });

  it("with a worker asks at most three times in two seconds, heartbeats and tests of its listening included", async () => {
    const board = new Switchboard();
    const world = new World({ wakeUps: board });
    const scheduler = await world.started();
    scheduler.startWorker();
    await world.ports.advance(60_000);
    const before = world.calls.length + board.probes;
    await world.ports.advance(600_000);
    expect((world.calls.length + board.probes - before) / 600).toBeLessThanOrEqual(1.5);
    expect(board.probes).toBeGreaterThan(60);
  });

  it("that only enqueues asks the database nothing but to be registered, with a heartbeat every five seconds", async () => {
    const world = new World();
    await world.started();
    await world.ports.advance(60_000);
    const methods = world.calls.map(({ method }) => method);
    expect(methods).toEqual(["migrate", "warnings", "register", ...Array(13).fill("beat")]);
  });
});
