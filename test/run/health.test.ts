// A process that knows how it is: not started, cut off, stopped, its slots held by executors that heed nothing, its loop blocked.
import { channel } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { everyMethod, unavailable } from "./faulty-store.ts";
import { PausableProcess } from "./pausable-process.ts";
import { ids, job, World } from "./world.ts";

describe("the health of a process", () => {
  it("is good from the start until the stop", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    expect(scheduler.health()).toEqual({ isHealthy: false, problems: ["the scheduler is not started"] });
    await scheduler.start();
    scheduler.startWorker();
    await world.ports.advance(60_000);
    expect(scheduler.health()).toEqual({ isHealthy: true, problems: [] });
    const stopped = scheduler.stop();
    expect(scheduler.health().problems).toEqual(["the scheduler is stopping or stopped"]);
    await world.ports.advance(1_000);
    await stopped;
    expect(scheduler.health().isHealthy).toBe(false);
  });

  it("asks the database nothing", async () => {
    const world = new World();
    const scheduler = await world.started();
    const before = world.calls.length;
    scheduler.health();
    expect(world.calls.length).toBe(before);
  });

  it("is bad while the database is away, says since when, and is good again after it", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.ports.advance(1_000);
    world.fault(everyMethod, unavailable);
    await world.ports.advance(30_000);
    const { isHealthy, problems } = scheduler.health();
    expect(isHealthy).toBe(false);
    expect(problems).toContain(
      "its lease has run out: heartbeats do not come through, so nothing is started",
    );
    expect(problems.join()).toMatch(/heartbeat has been failing for 2\d s, it is tried again/);
    world.heal();
    await world.ports.advance(5_000);
    expect(scheduler.health()).toEqual({ isHealthy: true, problems: [] });
  });

  it("is bad before the first registration was answered", async () => {
    const world = new World();
    world.fault(everyMethod, unavailable);
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.ports.advance(1_000);
    expect(scheduler.health().problems[0]).toBe("the scheduler is not started");
  });

  it("is bad once half of the slots are held by executors that ignored their timeout (F14)", async () => {
    const world = new World();
    const deaf = world.executor(job, () => world.sleep(600_000), { timeoutMs: 1_000 });
    const scheduler = world.scheduler({ executors: [deaf], maxFailedAttempts: 1 });
    scheduler.startWorker({ concurrency: 4 });
    await world.leave(["a"]);
    await world.ports.advance(10_000);
    expect(scheduler.health()).toEqual({ isHealthy: true, problems: [] });
    await world.leave(ids("b", 1));
    await world.ports.advance(10_000);
    expect(scheduler.health().problems).toEqual([
      "2 of the 4 slots of the worker are held by executors that ignored their timeout: they heed no signal",
    ]);
    await world.ports.advance(600_000);
    expect(scheduler.health().isHealthy).toBe(true);
  });
});

describe("a process whose heartbeat comes late", () => {
  it("says so when it wakes, once, and how late it was (F13)", async () => {
    const world = new World();
    const sleeper = new PausableProcess(world.ports, world.wire());
    const late: unknown[] = [];
    const note = (message: unknown): void => void late.push(message);
    channel("owed:process.blocked").subscribe(note);
    try {
      const options = { store: sleeper.wire.store, ports: sleeper.ports };
      world.scheduler(options).startWorker();
      await world.ports.advance(60_000);
      sleeper.pause();
      await world.ports.advance(30_000);
      expect(late).toEqual([]);
      sleeper.resume();
      await world.ports.advance(60_000);
    } finally {
      channel("owed:process.blocked").unsubscribe(note);
    }
    expect(late).toHaveLength(1);
    expect((late[0] as { lateMs: number }).lateMs).toBeGreaterThanOrEqual(25_000);
  });
});
