// What a worker's handle means: it is the handle of that worker, to its end, and a shorter grace wins.
import { describe, expect, it } from "vitest";

import { gate, ids, job, type MemoryScheduler, World } from "./world.ts";

/** A scheduler whose executors do not return before the gate opens. */
async function busy(
  world: World,
  count: number,
): Promise<{ scheduler: MemoryScheduler; door: ReturnType<typeof gate> }> {
  const door = gate();
  const scheduler = world.scheduler({ executors: [world.executor(job, () => door.opened)] });
  await world.leave(ids("a", count));
  return { scheduler, door };
}

async function took(world: World, stopped: Promise<unknown>): Promise<number> {
  const before = world.ports.clock.monotonicMs();
  await world.ports.until(stopped);
  return world.ports.clock.monotonicMs() - before;
}

describe("the handle of a worker that has stopped", () => {
  it.each([1, 2])("stops no other, however often it is asked (%d times)", async (times) => {
    const world = new World();
    const scheduler = world.scheduler();
    const old = scheduler.startWorker();
    await world.ports.until(old.stop());
    const next = scheduler.startWorker();
    expect(next).not.toBe(old);
    for (let time = 0; time < times; time += 1) expect(await took(world, old.stop())).toBe(0);
    await world.leave(["a"]);
    await world.ports.advance(2_000);
    expect(await world.stateOf("a")).toBe("confirmed");
    expect(scheduler.startWorker()).toBe(next);
  });

  it("does not hurry the next one either", async () => {
    const world = new World();
    const { scheduler, door } = await busy(world, 1);
    const old = scheduler.startWorker();
    await world.ports.until(old.stop({ graceMs: 0 }));
    const next = scheduler.startWorker();
    await world.ports.advance(2_000);
    const stopped = next.stop({ graceMs: 30_000 });
    void old.stop();
    void old.stop({ graceMs: 0 });
    await world.ports.advance(5_000);
    door.open();
    await world.ports.until(stopped);
    await world.ports.settle();
    expect([world.runs.at(-1)?.signal.aborted, await world.stateOf("a-0")]).toEqual([false, "confirmed"]);
  });
});

describe("a worker in its grace", () => {
  it("still counts in the statistics with what it runs, and with its zombies", async () => {
    const world = new World();
    const door = gate();
    const late = world.executor(job, () => door.opened, { timeoutMs: 3_000 });
    await world.leave(ids("a", 3));
    const scheduler = world.scheduler({ executors: [late] });
    const worker = scheduler.startWorker();
    await world.ports.advance(1_000);
    const stopped = worker.stop({ graceMs: 30_000 });
    expect((await scheduler.stats()).running).toEqual({ worker: 3, fastPath: 0 });
    await world.ports.advance(3_000);
    await world.ports.until(stopped);
    expect(await scheduler.stats()).toMatchObject({ running: { worker: 0 }, zombies: 3 });
    door.open();
    await world.ports.settle();
    expect((await scheduler.stats()).zombies).toBe(0);
  });

  it.each([
    ["the scheduler's stop", (scheduler: MemoryScheduler) => scheduler.stop({ graceMs: 2_000 })],
    ["no longer one", (scheduler: MemoryScheduler) => scheduler.stop({ graceMs: 90_000 })],
  ])("takes the shorter of its own and %s", async (which, stop) => {
    const world = new World();
    const { scheduler } = await busy(world, 1);
    const worker = scheduler.startWorker();
    await world.ports.advance(1_000);
    const stopped = worker.stop({ graceMs: 60_000 });
    await world.ports.advance(1_000);
    const both = Promise.all([stop(scheduler), stopped]);
    const longest = which === "no longer one" ? 59_000 : 2_000;
    const tookMs = await took(world, both);
    expect([tookMs >= longest, tookMs <= longest + 6_000]).toEqual([true, true]);
    expect([await world.stateOf("a-0"), world.ports.pendingTimers]).toEqual(["pending", 0]);
  });

  it("of the scheduler's stop is cut by a shorter one of the worker's", async () => {
    const world = new World();
    const { scheduler } = await busy(world, 1);
    const worker = scheduler.startWorker();
    await world.ports.advance(1_000);
    void scheduler.stop({ graceMs: 60_000 });
    await world.ports.advance(1_000);
    expect(await took(world, worker.stop({ graceMs: 2_000 }))).toBeLessThanOrEqual(2_000 + 2_000);
  });
});
