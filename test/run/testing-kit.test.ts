// owed/testing: virtual time that fires timers in order, and executeAll for an application's own tests.
import fc from "fast-check";
import { constant, executor, Scheduler } from "owed";
import { memoryStore } from "owed/memory";
import { executeAll, seededRandom, virtualPorts } from "owed/testing";
import { describe, expect, it } from "vitest";

import { ids, job, World } from "./world.ts";

describe("virtual time", () => {
  it("stands still until it is advanced", async () => {
    const ports = virtualPorts({ startMs: 1_000 });
    let fired = 0;
    ports.timers.after(10, () => (fired += 1));
    await ports.settle();
    await ports.advance(9);
    expect([fired, ports.clock.monotonicMs(), ports.clock.wallMs(), ports.nowMs]).toEqual([
      0, 9, 1_009, 1_009,
    ]);
    await ports.advance(1);
    expect([fired, ports.pendingTimers]).toEqual([1, 0]);
  });

  it("fires timers by time, then by when they were set, each at its own instant", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: -5, max: 50 }), { maxLength: 30 }), async (delays) => {
        const ports = virtualPorts();
        const fired: { readonly index: number; readonly atMs: number }[] = [];
        for (const [index, delayMs] of delays.entries()) {
          ports.timers.after(delayMs, () => fired.push({ index, atMs: ports.clock.monotonicMs() }));
        }
        await ports.advance(50);
        const expected = delays
          .map((delayMs, index) => ({ index, atMs: Math.max(delayMs, 0) }))
          .sort((left, right) => left.atMs - right.atMs || left.index - right.index);
        expect(fired).toEqual(expected);
      }),
    );
  });

  it("lets every promise go on, however long its chain, before the next timer fires", async () => {
    const ports = virtualPorts();
    const story: string[] = [];
    const chain = async (name: string): Promise<void> => {
      for (let step = 0; step < 1_000; step += 1) await Promise.resolve();
      story.push(name);
    };
    ports.timers.after(1, () => void chain("first"));
    ports.timers.after(1, () => story.push("second"));
    await ports.advance(1);
    expect(story).toEqual(["first", "second"]);
  });

  it("fires timers that timers set, if they are due within the same step", async () => {
    const ports = virtualPorts();
    const fired: number[] = [];
    const again = (): void => {
      fired.push(ports.clock.monotonicMs());
      ports.timers.after(10, again);
    };
    ports.timers.after(10, again);
    await ports.advance(35);
    expect(fired).toEqual([10, 20, 30]);
  });

  it("does not fire what was cancelled, also by another timer of the same instant", async () => {
    const ports = virtualPorts();
    let fired = 0;
    const later = ports.timers.after(5, () => (fired += 1));
    ports.timers.after(4, () => later.cancel());
    const done = ports.timers.after(1, () => (fired += 10));
    await ports.advance(2);
    done.cancel();
    await ports.advance(10);
    expect(fired).toBe(10);
  });

  it("tells which timers would hold a process open", () => {
    const ports = virtualPorts();
    ports.timers.after(1, () => undefined, { keepsProcessAlive: false });
    ports.timers.after(1, () => undefined);
    ports.timers.after(Number.POSITIVE_INFINITY, () => undefined, { keepsProcessAlive: true });
    expect([ports.pendingTimers, ports.holdingTimers]).toEqual([3, 2]);
  });

  it("refuses what a real timer would turn into a hot loop, and a time that goes back (V20)", async () => {
    const ports = virtualPorts();
    expect(() => ports.timers.after(Number.NaN, () => undefined)).toThrow(TypeError);
    for (const step of [-1, Number.NaN, Number.POSITIVE_INFINITY])
      await expect(ports.advance(step)).rejects.toThrow(RangeError);
  });

  it("hands on what a timer's callback throws", async () => {
    const ports = virtualPorts();
    ports.timers.after(1, () => {
      throw new Error("a bug");
    });
    await expect(ports.advance(2)).rejects.toThrow("a bug");
  });

  it("passes until a promise settles, and no further", async () => {
    const ports = virtualPorts();
    const slept = new Promise<string>((resolve) => void ports.timers.after(1_234.5, () => resolve("slept")));
    ports.timers.after(5_000, () => undefined);
    expect([await ports.until(slept), ports.clock.monotonicMs()]).toEqual(["slept", 1_234.5]);
    await expect(ports.until(Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(ports.until(new Promise(() => undefined), 60_000)).rejects.toThrow(
      "did not settle within 60000 virtual ms",
    );
  });

  it("moves the wall clock alone when told to", async () => {
    const ports = virtualPorts({ startMs: 0 });
    await ports.advance(10);
    ports.shiftWallClock(-3_600_000);
    expect([ports.clock.wallMs(), ports.clock.monotonicMs()]).toEqual([-3_599_990, 10]);
  });

  it("is the same again for the same seed, with everything that happens in it", async () => {
    const play = async (seed: number): Promise<string> => {
      const world = new World({}, seed);
      const fails = ({ attempt }: { readonly attempt: number }): void => {
        if (attempt < 4) throw new Error("no");
      };
      world.scheduler({ executors: [world.executor(job, fails)] }).startWorker();
      await world.leave(ids("a", 20));
      await world.ports.advance(60_000);
      return JSON.stringify(world.calls.map(({ method, atMs, call }) => [method, atMs, call]));
    };
    expect(await play(5)).toBe(await play(5));
    expect(await play(5)).not.toBe(await play(6));
  });
});

describe("seeded randomness", () => {
  it("draws fractions from 0 to 1 and bytes, evenly enough, and another row for another seed", () => {
    const random = seededRandom(42);
    const drawn = Array.from({ length: 10_000 }, () => random.fraction());
    expect(drawn.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true);
    expect(drawn.reduce((sum, fraction) => sum + fraction) / drawn.length).toBeCloseTo(0.5, 1);
    const bytes = random.bytes(10_000);
    expect([bytes.length, new Set(bytes).size]).toEqual([10_000, 256]);
    const rows = Array.from({ length: 1_000 }, (_, seed) => seededRandom(seed).bytes(8).join());
    expect(new Set(rows).size).toBe(1_000);
  });
});

describe("executeAll", () => {
  it("executes what is due, and what executors enqueue meanwhile, until nothing is", async () => {
    const ports = virtualPorts();
    const store = memoryStore({ ports });
    const done: string[] = [];
    const scheduler: Scheduler<never> = new Scheduler({
      store: store as never,
      ports,
      fastPath: "off",
      executors: [
        executor(job, async ({ taskId }) => {
          done.push(taskId);
          if (taskId === "a") await scheduler.enqueue(job, {}, { taskId: "follows" });
        }),
      ],
    });
    await scheduler.enqueue(job, {}, { taskId: "a" });
    await scheduler.enqueue(job, {}, { taskId: "b" });
    await scheduler.enqueue(job, {}, { taskId: "later", delayMs: 60_000 });
    expect(await executeAll(scheduler)).toEqual([
      { taskId: "a", answer: "confirmed" },
      { taskId: "b", answer: "confirmed" },
      { taskId: "follows", answer: "confirmed" },
    ]);
    await ports.advance(60_000);
    await executeAll(scheduler);
    expect(done).toEqual(["a", "b", "follows", "later"]);
    expect(await executeAll(scheduler)).toEqual([]);
  });

  it("leaves failed tasks to their backoff, and other types to others", async () => {
    const world = new World();
    const executors = [world.executor(job, () => Promise.reject(new Error("no")))];
    const scheduler = world.scheduler({ executors, backoff: constant({ delayMs: 1_000, jitter: 0 }) });
    await world.leave(ids("strange", 150), { ...job, type: "strange" });
    await world.leave(["a"]);
    expect(await executeAll(scheduler)).toEqual([{ taskId: "a", answer: "retrying" }]);
    await world.ports.advance(1_000);
    expect(await executeAll(scheduler)).toEqual([{ taskId: "a", answer: "retrying" }]);
    expect(await world.inner.get("a")).toMatchObject({ failedAttempts: 2 });
  });

  it("does not go on for ever", async () => {
    const world = new World();
    const executors = [world.executor(job, () => Promise.reject(new Error("no")))];
    const scheduler = world.scheduler({
      executors,
      maxFailedAttempts: 1_000,
      backoff: constant({ delayMs: 0 }),
    });
    await world.leave(["a"]);
    await expect(executeAll(scheduler, { maxExecutions: 10 })).rejects.toThrow("more than 10 tasks");
  });

  it("rejects when the scheduler cannot be started", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.ports.until(scheduler.stop());
    await expect(executeAll(scheduler)).rejects.toMatchObject({ code: "OWED_SCHEDULER_STOPPED" });
  });
});
