// Stopping: no new claims, the grace, the signal, outcomes written, the unfinished given back; and never for ever.
import { SchedulerStoppedError } from "owed";
import { describe, expect, it } from "vitest";

import { everyMethod, silent, unavailable } from "./faulty-store.ts";
import { gate, ids, job, World } from "./world.ts";

const graceMs = 30_000;
/** What a stop may take beyond its grace: the time to abort, and the time to write outcomes and to deregister. */
const drainMs = 6_000;

/** An executor's promise that heeds its signal. */
function heeding(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
}

async function took(world: World, stopped: Promise<void>): Promise<number> {
  const before = world.ports.clock.monotonicMs();
  await world.ports.until(stopped);
  return world.ports.clock.monotonicMs() - before;
}

/** Locks the row of a task for its first outcomes: they are told to come again. */
function lockFor(world: World, times: number): void {
  let left = times;
  world.fault("settle", (carryOut, [settlements]) => {
    left -= 1;
    const busy = (settlements as readonly unknown[]).map(() => ({ verdict: "busy", state: "pending" }));
    return left < 0 ? carryOut() : Promise.resolve(busy);
  });
}

describe("outcomes whose rows are locked by somebody", () => {
  it("are waited for by a stop", async () => {
    const world = new World();
    lockFor(world, 3);
    await world.leave(["a"]);
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.ports.advance(200);
    await world.ports.until(scheduler.stop());
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("count as waiting to be written: a worker claims no more once there are many", async () => {
    const world = new World();
    lockFor(world, 1_000_000);
    await world.leave(ids("a", 3_000));
    world.scheduler().startWorker({ concurrency: 100 });
    await world.ports.advance(60_000);
    expect(world.runs.length).toBeGreaterThan(1_000);
    expect(world.runs.length).toBeLessThanOrEqual(2_000 + 500 + 100);
  });
});

describe("a worker that stops", () => {
  it("claims nothing any more, from the call on (G16, F41)", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(100))];
    await world.leave(ids("a", 10));
    const worker = world.scheduler({ executors }).startWorker({ concurrency: 2 });
    await world.ports.advance(50);
    const claims = world.callsOf("claim").length;
    expect(await took(world, worker.stop())).toBeLessThan(200);
    await world.ports.advance(60_000);
    expect([world.callsOf("claim").length, world.runs.length]).toEqual([claims, 2]);
  });

  it("lets what runs finish within the grace, and writes its outcome (F41)", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(20_000))];
    await world.leave(["a"]);
    const worker = world.scheduler({ executors }).startWorker();
    await world.ports.advance(100);
    await world.ports.until(worker.stop({ graceMs }));
    expect([await world.stateOf("a"), world.runs[0]?.signal.aborted]).toEqual(["confirmed", false]);
  });

  it("aborts what runs after the grace; the task is given back without cost, due at once (F42)", async () => {
    const world = new World();
    const executors = [world.executor(job, ({ signal }) => heeding(signal))];
    await world.leave(["a"]);
    const worker = world.scheduler({ executors, maxFailedAttempts: 1 }).startWorker();
    await world.ports.advance(100);
    expect(await took(world, worker.stop({ graceMs: 5_000 }))).toBe(5_000);
    const task = await world.inner.get("a");
    expect(task).toMatchObject({ state: "pending", owner: null, failedAttempts: 0, lostAttempts: 0 });
    expect(task?.attempts.map(({ outcome }) => outcome)).toEqual(["abandoned"]);
    expect(task?.nextAttemptAt?.getTime()).toBeLessThanOrEqual(world.ports.nowMs);
  });

  it("keeps an outcome that comes while it aborts: a success confirms, a permanent failure fails", async () => {
    const world = new World();
    const behave = async ({
      signal,
      taskId,
    }: {
      readonly signal: AbortSignal;
      readonly taskId: string;
    }): Promise<void> => {
      await heeding(signal).catch(() => undefined);
      if (taskId === "b") throw Object.assign(new Error("gone"), { code: "OWED_PERMANENT" });
    };
    await world.leave(["a", "b"]);
    const worker = world.scheduler({ executors: [world.executor(job, behave)] }).startWorker();
    await world.ports.advance(100);
    await world.ports.until(worker.stop({ graceMs: 0 }));
    await world.ports.settle();
    expect([await world.stateOf("a"), await world.stateOf("b")]).toEqual(["confirmed", "failed"]);
  });

  it("gives up on an executor that ignores the signal, without cost; its late success still counts (F42, F14)", async () => {
    const world = new World();
    const deaf = gate();
    await world.leave(["a"]);
    const worker = world.scheduler({ executors: [world.executor(job, () => deaf.opened)] }).startWorker();
    await world.ports.advance(100);
    expect(await took(world, worker.stop({ graceMs: 5_000 }))).toBeLessThanOrEqual(6_000);
    await world.ports.settle();
    expect(await world.inner.get("a")).toMatchObject({ state: "pending", owner: null, failedAttempts: 0 });
    deaf.open();
    await world.ports.settle();
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("is told to hurry by a second call: the grace is cut, and both calls end when nothing runs (F44)", async () => {
    const world = new World();
    const executors = [world.executor(job, ({ signal }) => heeding(signal))];
    await world.leave(["a"]);
    const worker = world.scheduler({ executors }).startWorker();
    await world.ports.advance(100);
    const first = worker.stop({ graceMs });
    await world.ports.advance(1_000);
    const second = worker.stop();
    const runningAfter = second.then(() => worker.running);
    expect(await took(world, first)).toBeLessThanOrEqual(1_000);
    expect([await runningAfter, world.running]).toEqual([0, 0]);
    await world.ports.settle();
    expect(await world.inner.get("a")).toMatchObject({ state: "pending", owner: null, failedAttempts: 0 });
  });

  it("gives back what a claim under way brings after the stop (G16)", async () => {
    const world = new World();
    await world.leave(ids("a", 3));
    world.fault("claim", async (carryOut) => {
      await world.sleep(2_000);
      return carryOut();
    });
    const worker = world.scheduler().startWorker();
    await world.ports.advance(1_000);
    await world.ports.until(worker.stop());
    await world.ports.advance(5_000);
    expect(world.runs).toEqual([]);
    expect(await world.inner.get("a-0")).toMatchObject({
      state: "pending",
      owner: null,
      lostAttempts: 0,
      failedAttempts: 0,
    });
  });

  it("cannot be followed by another before it has stopped", async () => {
    const world = new World();
    const scheduler = world.scheduler({ executors: [world.executor(job, () => world.sleep(5_000))] });
    await world.leave(["a"]);
    const worker = scheduler.startWorker();
    await world.ports.advance(100);
    const stopped = worker.stop();
    expect(() => scheduler.startWorker()).toThrow(SchedulerStoppedError);
    await world.ports.until(stopped);
    expect(scheduler.startWorker()).not.toBe(worker);
  });

  it("leaves fast path and enqueue as they are", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    const worker = scheduler.startWorker();
    await world.ports.advance(100);
    await world.ports.until(worker.stop());
    expect(await scheduler.tryExecuteNow(await world.enqueue(scheduler))).toEqual(["confirmed"]);
    expect(world.ports.holdingTimers).toBe(0);
  });

  it("may be started and stopped ever again, and the heartbeat goes on", async () => {
    const world = new World();
    const scheduler = await world.started();
    for (let round = 0; round < 20; round += 1) {
      const worker = scheduler.startWorker();
      await world.ports.advance(2_000);
      await world.ports.until(worker.stop());
      await world.ports.advance(2_000);
    }
    const beats = world.callsOf("beat").map(({ atMs }) => atMs);
    const gaps = beats.map((atMs, index) => atMs - (beats[index - 1] ?? 0));
    expect(beats.length).toBeGreaterThan(5);
    expect(Math.max(...gaps)).toBeLessThan(13_500);
  });
});

describe("a scheduler that stops", () => {
  it("writes outcomes, deregisters, and closes the store last (G16)", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(1_000))];
    await world.leave(["a"]);
    const scheduler = world.scheduler({ executors });
    scheduler.startWorker();
    await world.ports.advance(100);
    await world.ports.until(scheduler.stop());
    const ends = ["settle", "removeProcess", "close"];
    expect(world.calls.map(({ method }) => method).filter((method) => ends.includes(method))).toEqual(ends);
    expect([(await world.inner.statistics()).processes, world.ports.pendingTimers]).toEqual([0, 0]);
  });

  it("waits for the fast path too, aborts it after the grace, and gives back without cost", async () => {
    const world = new World();
    const executors = [world.executor(job, ({ signal }) => heeding(signal))];
    const scheduler = await world.started({ executors });
    const answers = scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "a" }));
    await world.ports.settle();
    expect(await took(world, scheduler.stop({ graceMs: 5_000 }))).toBeLessThanOrEqual(5_000 + drainMs);
    expect(await answers).toEqual(["retrying"]);
    expect(await world.inner.get("a")).toMatchObject({ state: "pending", owner: null, failedAttempts: 0 });
  });

  it("is told to hurry by a second call, on every path (F44)", async () => {
    const world = new World();
    const executors = [world.executor(job, ({ signal }) => heeding(signal))];
    const scheduler = await world.started({ executors });
    scheduler.startWorker();
    await world.leave(["worked"]);
    void scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "fast" }));
    await world.leave(["direct"]);
    void scheduler.executeAndAdvance("direct");
    await world.ports.advance(1_000);
    expect(world.running).toBe(3);
    const first = scheduler.stop({ graceMs });
    await world.ports.advance(1_000);
    const second = scheduler.stop({ graceMs });
    expect(
      await took(
        world,
        Promise.all([first, second]).then(() => undefined),
      ),
    ).toBeLessThanOrEqual(drainMs);
    expect([world.running, await world.balance()]).toEqual([0, { pending: 3, confirmed: 0, failed: 0 }]);
  });

  it("after its worker began to stop still lets that finish, and loses no outcome (G16)", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(10_000))];
    await world.leave(["a"]);
    const scheduler = world.scheduler({ executors });
    const worker = scheduler.startWorker();
    await world.ports.advance(100);
    void worker.stop({ graceMs });
    await world.ports.until(scheduler.stop({ graceMs }));
    const order = world.calls
      .map(({ method }) => method)
      .filter((method) => ["settle", "close"].includes(method));
    expect([world.running, await world.stateOf("a"), order]).toEqual([0, "confirmed", ["settle", "close"]]);
  });

  it("refuses to be started again, and says so", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.ports.until(scheduler.stop());
    await expect(scheduler.start()).rejects.toBeInstanceOf(SchedulerStoppedError);
    expect(() => scheduler.startWorker()).toThrow(SchedulerStoppedError);
    const receipt = await world.enqueue(scheduler, { taskId: "a" });
    expect([receipt.created, (await world.inner.get("a"))?.owner]).toEqual([true, null]);
    expect(await scheduler.tryExecuteNow(receipt)).toEqual(["notClaimed"]);
  });

  it("that was never started has nothing to do", async () => {
    const world = new World();
    await world.ports.until(world.scheduler().stop());
    expect([world.callsOf("removeProcess"), world.ports.pendingTimers]).toEqual([[], 0]);
  });

  it("in the middle of its start leaves neither a heartbeat nor a registration behind", async () => {
    for (const slowMethod of ["migrate", "warnings", "register"] as const) {
      const world = new World();
      world.fault(slowMethod, async (carryOut) => {
        await world.sleep(1_000);
        return carryOut();
      });
      const scheduler = world.scheduler();
      scheduler.startWorker();
      await world.ports.advance(500);
      await world.ports.until(scheduler.stop());
      await world.ports.advance(60_000);
      expect([slowMethod, world.ports.pendingTimers, (await world.inner.statistics()).processes]).toEqual([
        slowMethod,
        0,
        0,
      ]);
    }
  });

  it.each(["migrate", "warnings", "register"] as const)(
    "before its start is over (%s answers last) is not registered by that start, and the start says so",
    async (slowMethod) => {
      const world = new World();
      world.fault(slowMethod, async (carryOut) => {
        await world.sleep(60_000);
        return carryOut();
      });
      const scheduler = world.scheduler();
      const started = scheduler.start();
      const refused = expect(started).rejects.toBeInstanceOf(SchedulerStoppedError);
      await world.ports.advance(500);
      expect(await took(world, scheduler.stop({ graceMs: 1_000 }))).toBeLessThanOrEqual(1_000 + drainMs);
      await world.ports.advance(120_000);
      await refused;
      expect([(await world.inner.statistics()).processes, world.ports.pendingTimers]).toEqual([0, 0]);
      expect(world.callsOf("register").length).toBe(slowMethod === "register" ? 1 : 0);
    },
  );

  it("is disposed of at the end of a block", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.ports.until(scheduler[Symbol.asyncDispose]());
    expect(world.callsOf("close").length).toBe(1);
  });
});

describe("a stop is bounded, whatever the database does (H24, F43, G16)", () => {
  it.each([
    ["is away", unavailable],
    ["never answers", silent],
  ])("when it %s while a task runs", async (_, fault) => {
    const world = new World();
    await world.leave(["a"]);
    const scheduler = world.scheduler({ executors: [world.executor(job, () => world.sleep(1_000))] });
    scheduler.startWorker();
    await world.ports.advance(100);
    world.fault(everyMethod, fault);
    expect(await took(world, scheduler.stop({ graceMs }))).toBeLessThanOrEqual(graceMs + drainMs);
    world.heal();
    await world.ports.advance(120_000);
    expect(world.ports.pendingTimers).toBe(0);
  });

  it("when it never answers while the executor is deaf and a born claim waits", async () => {
    const world = new World();
    await world.leave(["a"]);
    const scheduler = world.scheduler({ executors: [world.executor(job, () => gate().opened)] });
    scheduler.startWorker();
    await world.ports.advance(100);
    await world.enqueue(scheduler);
    world.fault(everyMethod, silent);
    await world.ports.advance(10_000);
    expect(await took(world, scheduler.stop({ graceMs }))).toBeLessThanOrEqual(graceMs + drainMs);
  });

  it.each([
    "claim",
    "claimById",
    "readCommitted",
    "settle",
    "beat",
    "removeProcess",
    "prune",
    "close",
  ] as const)("when %s alone never answers", async (method) => {
    const world = new World();
    const scheduler = world.scheduler({ executors: [world.executor(job, () => world.sleep(10))] });
    scheduler.startWorker();
    await world.ports.advance(100);
    world.fault(method, silent);
    void scheduler.executeAndAdvance("nothing");
    await world.enqueue(scheduler);
    await world.ports.advance(90_000);
    expect(await took(world, scheduler.stop({ graceMs }))).toBeLessThanOrEqual(graceMs + drainMs);
  });

  it("when it never answered the start", async () => {
    const world = new World();
    world.fault(everyMethod, silent);
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.ports.advance(1_000);
    expect(await took(world, scheduler.stop({ graceMs }))).toBeLessThanOrEqual(graceMs + drainMs);
  });
});
