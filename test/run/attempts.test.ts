// One attempt: its timeout, its signal, and what its end means for the task.
import { binaryExponential, constant, defineTask, PermanentError, RetryAfterError } from "owed";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { encodeJson } from "../../src/task/json-codec.ts";
import { gate, ids, job, World } from "./world.ts";

const hour = 3_600_000;
const noJitter = { backoff: binaryExponential({ baseMs: 1_000, jitter: 0 }) };

describe("an attempt that fails", () => {
  it("is tried again after its backoff, and is recorded with its error (G9)", async () => {
    const world = new World();
    const fails = (): never => {
      throw new TypeError("the printer is on fire");
    };
    world.scheduler({ executors: [world.executor(job, fails)], ...noJitter }).startWorker();
    await world.leave(["a"]);
    await world.ports.advance(20_000);
    const gaps = world.runs
      .slice(1)
      .map(({ startedMs }, index) => startedMs - (world.runs[index]?.startedMs ?? 0));
    for (const [index, gap] of gaps.entries()) {
      expect(gap).toBeGreaterThanOrEqual(1_000 * 2 ** index);
      expect(gap).toBeLessThanOrEqual(1_000 * 2 ** index + 1_000);
    }
    expect(world.runs.map(({ attempt }) => attempt)).toEqual([1, 2, 3, 4, 5]);
    const task = await world.inner.get("a");
    expect(task).toMatchObject({ state: "pending", failedAttempts: 5, lostAttempts: 0, owner: null });
    expect(task?.attempts.map(({ outcome, accepted }) => [outcome, accepted])).toEqual(
      Array(5).fill(["failed", true]),
    );
    expect(task?.lastError).toMatchObject({ name: "TypeError", message: "the printer is on fire" });
  });

  it("for the last time allowed ends the task as failed, which keeps its data and error (G14)", async () => {
    const world = new World();
    const executors = [world.executor(job, () => Promise.reject(new Error("no")))];
    world
      .scheduler({ executors, maxFailedAttempts: 3, backoff: constant({ delayMs: 10, jitter: 0 }) })
      .startWorker();
    await world.leave(["a"]);
    await world.ports.advance(60_000);
    const task = await world.inner.get("a");
    expect(world.runs.length).toBe(3);
    expect(task).toMatchObject({ state: "failed", failureReason: "attempts-exhausted", failedAttempts: 3 });
    expect([task?.lastError?.message, task?.data]).toEqual(["no", encodeJson({})]);
  });

  it("after retryForMs since it was first due is its last", async () => {
    const world = new World();
    const patient = defineTask<unknown>({
      type: "job",
      retryForMs: 5_000,
      backoff: constant({ delayMs: 900, jitter: 0 }),
    });
    world
      .scheduler({ executors: [world.executor(patient, () => Promise.reject(new Error("no")))] })
      .startWorker();
    await world.leave(["a"]);
    await world.ports.advance(60_000);
    expect(await world.inner.get("a")).toMatchObject({ state: "failed", failureReason: "time-expired" });
    expect(world.runs.length).toBeGreaterThan(3);
    expect(world.runs.at(-1)?.startedMs).toBeLessThan(7_000);
  });

  it("with a PermanentError ends the task at once", async () => {
    const world = new World();
    const executors = [world.executor(job, () => Promise.reject(new PermanentError("the mailbox is gone")))];
    const scheduler = await world.started({ executors });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("failed");
    expect(await world.inner.get("a")).toMatchObject({ failureReason: "permanent-error", failedAttempts: 1 });
  });

  it("with a PermanentError of another copy of this package ends it too", async () => {
    const world = new World();
    const thrown = Object.assign(new Error("gone"), { code: "OWED_PERMANENT" });
    const scheduler = await world.started({ executors: [world.executor(job, () => Promise.reject(thrown))] });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("failed");
  });

  it("by throwing synchronously fails like any other", async () => {
    const world = new World();
    const throws = (): never => {
      throw new Error("at once");
    };
    const scheduler = await world.started({ executors: [world.executor(job, throws)] });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("retrying");
  });

  const strategies: readonly [string, () => number][] = [
    ["answers NaN", () => Number.NaN],
    ["answers more than a date can hold", () => 1e300],
    ["answers text", () => "60000" as never],
    [
      "throws",
      () => {
        throw new Error("a bug");
      },
    ],
  ];

  it.each(strategies)(
    "under a user's own backoff that %s is recorded all the same, and not tried in a loop (G20, H26)",
    async (_, delayMs) => {
      const world = new World();
      const executors = [world.executor(job, () => Promise.reject(new Error("no")))];
      world.scheduler({ executors, backoff: { delayMs } }).startWorker();
      await world.leave(["a"]);
      await world.ports.advance(200);
      const task = await world.inner.get("a");
      expect(task).toMatchObject({ state: "pending", owner: null, failedAttempts: 1 });
      expect(task?.nextAttemptAt?.getTime()).toBeLessThan(world.ports.nowMs + 10 * 366 * 24 * hour);
    },
  );
});

describe("whatever an executor throws", () => {
  const throwing = {
    get: () => {
      throw new Error("hands off");
    },
    getPrototypeOf: () => {
      throw new Error("hands off");
    },
  };
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const zoo: readonly [string, unknown][] = [
    ["undefined", undefined],
    ["null", null],
    ["a symbol", Symbol("s")],
    ["a function", () => 1],
    ["a bigint", 1n],
    ["a proxy that throws at every touch", new Proxy({}, throwing)],
    ["a revoked proxy", revoked.proxy],
    ["a frozen error", Object.freeze(new Error("frozen"))],
    [
      "an error whose message throws",
      Object.defineProperty(new Error("x"), "message", { get: throwing.get }),
    ],
    [
      "an error whose delay throws",
      Object.defineProperty(new RetryAfterError(1), "delayMs", { get: throwing.get }),
    ],
    ["an error with NUL and half a character", new Error("a\0b\ud800c")],
  ];

  it.each(zoo)(
    "%s: the failure is recorded, and the task is tried again (F19, F52, G20)",
    async (_, thrown) => {
      const world = new World();
      const rejects = async (): Promise<never> => {
        throw thrown; // eslint-disable-line typescript/only-throw-error -- that is the test
      };
      world.scheduler({ executors: [world.executor(job, rejects)] }).startWorker();
      await world.leave(["a"]);
      await world.ports.advance(500);
      expect(await world.inner.get("a")).toMatchObject({ state: "pending", owner: null, failedAttempts: 1 });
    },
  );

  it("also a promise that is rejected with a thenable", async () => {
    const world = new World();
    const rejects = (): Promise<never> =>
      // oxlint-disable-next-line unicorn/no-thenable -- that is the test
      Promise.reject(Object.fromEntries([["then", (resolve: () => void) => resolve()]]));
    world.scheduler({ executors: [world.executor(job, rejects)] }).startWorker();
    await world.leave(["a"]);
    await world.ports.advance(500);
    expect(await world.inner.get("a")).toMatchObject({ state: "pending", failedAttempts: 1 });
  });
});

describe("an attempt that takes too long", () => {
  const deaf = (world: World, durationMs: number) =>
    world.executor(job, () => world.sleep(durationMs), { timeoutMs: 1_000 });

  it("is told by its signal at the timeout, and counts as failed", async () => {
    const world = new World();
    const listens = (attempt: { readonly signal: AbortSignal }): Promise<never> =>
      new Promise((_, reject) =>
        attempt.signal.addEventListener("abort", () => reject(attempt.signal.reason as Error)),
      );
    const scheduler = await world.started({
      executors: [world.executor(job, listens, { timeoutMs: 1_000 })],
    });
    await world.leave(["a"]);
    expect(await world.ports.until(scheduler.executeAndAdvance("a"))).toBe("retrying");
    expect(world.ports.clock.monotonicMs()).toBe(1_000);
    expect((await world.inner.get("a"))?.lastError).toMatchObject({ code: "OWED_ATTEMPT_TIMEOUT" });
    expect((await scheduler.stats()).zombies).toBe(0);
  });

  it("is told of as a zombie only when it does not heed its signal within a moment", async () => {
    const world = new World();
    const warned: unknown[] = [];
    const quiet = (): void => undefined;
    const warn = (details: object): void => void ("zombies" in details && warned.push(details));
    const logger = { debug: quiet, info: quiet, warn, error: quiet };
    const heeds = ({ signal }: { readonly signal: AbortSignal }): Promise<never> =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("stopped"))));
    const executors = [world.executor(job, heeds, { timeoutMs: 1_000 })];
    world.scheduler({ executors, logger, maxFailedAttempts: 1 }).startWorker();
    await world.leave(["a"]);
    await world.ports.advance(10_000);
    expect([await world.stateOf("a"), warned]).toEqual(["failed", []]);
    const deafWorld = new World();
    deafWorld.scheduler({ executors: [deaf(deafWorld, 30_000)], logger, maxFailedAttempts: 1 }).startWorker();
    await deafWorld.leave(["b"]);
    await deafWorld.ports.advance(10_000);
    expect(warned).toMatchObject([{ taskId: "b", zombies: 1 }]);
  });

  it("counts as failed though it ignores the signal; it stays as a zombie until it returns (H13, H14, F14)", async () => {
    const world = new World();
    const scheduler = world.scheduler({ executors: [deaf(world, 30_000)], maxFailedAttempts: 1 });
    const worker = scheduler.startWorker();
    await world.leave(["a"]);
    await world.ports.advance(2_000);
    expect(await world.inner.get("a")).toMatchObject({ state: "failed", failedAttempts: 1, owner: null });
    expect([worker.running, worker.zombies, (await scheduler.stats()).zombies]).toEqual([0, 1, 1]);
    await world.ports.advance(30_000);
    expect([worker.running, worker.zombies]).toEqual([0, 0]);
  });

  it("and succeeds after all confirms the task, which had failed meanwhile: truth first (G5, H2)", async () => {
    const world = new World();
    world.scheduler({ executors: [deaf(world, 30_000)], maxFailedAttempts: 1 }).startWorker();
    await world.leave(["a"]);
    await world.ports.advance(2_000);
    expect(await world.stateOf("a")).toBe("failed");
    await world.ports.advance(30_000);
    const task = await world.inner.get("a");
    expect(task?.state).toBe("confirmed");
    expect(task?.attempts.map(({ outcome, accepted }) => [outcome, accepted])).toEqual([
      ["failed", true],
      ["late-success", true],
    ]);
    expect(task?.attempts[1]?.durationMs).toBe(30_000);
  });

  it("and fails after all changes nothing any more", async () => {
    const world = new World();
    const late = (): Promise<never> => world.sleep(30_000).then(() => Promise.reject(new Error("late")));
    world
      .scheduler({ executors: [world.executor(job, late, { timeoutMs: 1_000 })], maxFailedAttempts: 1 })
      .startWorker();
    await world.leave(["a"]);
    await world.ports.advance(60_000);
    expect((await world.inner.get("a"))?.attempts.length).toBe(1);
  });

  it("leaves the other slots alone: they go on (H13)", async () => {
    const world = new World();
    const stuck = gate();
    const behave = ({ taskId }: { readonly taskId: string }): unknown =>
      taskId.startsWith("stuck") ? stuck.opened : world.sleep(10);
    await world.leave([...ids("stuck", 2), ...ids("b", 30)]);
    const scheduler = world.scheduler({
      executors: [world.executor(job, behave, { timeoutMs: 1_000 })],
      maxFailedAttempts: 1,
    });
    scheduler.startWorker({ concurrency: 3 });
    await world.ports.advance(5_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 30, failed: 2 });
  });

  it("takes at most half of the slots in the end, also when there is but one type (H13)", async () => {
    const world = new World();
    const stuck = gate();
    const behave = ({ taskId }: { readonly taskId: string }): unknown =>
      taskId.startsWith("stuck") ? stuck.opened : world.sleep(10);
    await world.leave(ids("stuck", 8));
    const scheduler = world.scheduler({
      executors: [world.executor(job, behave, { timeoutMs: 1_000 })],
      maxFailedAttempts: 1,
    });
    scheduler.startWorker({ concurrency: 4 });
    await world.ports.advance(5_000);
    await world.leave(ids("b", 5));
    await world.ports.advance(5_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 5, failed: 8 });
  });
});

describe("an executor that asks to come later", () => {
  it("is asked again after that time, at no cost (deferred, not failed)", async () => {
    const world = new World();
    const busy = ({ attempt }: { readonly attempt: number }): void => {
      if (attempt <= 3) throw new RetryAfterError(10_000);
    };
    const scheduler = await world.started({ executors: [world.executor(job, busy)], maxFailedAttempts: 1 });
    scheduler.startWorker();
    await world.leave(["a"]);
    await world.ports.advance(40_000);
    expect(await world.inner.get("a")).toMatchObject({
      state: "confirmed",
      failedAttempts: 0,
      deferredAttempts: 3,
    });
    expect(world.runs.map(({ startedMs }) => Math.floor(startedMs / 10_000))).toEqual([0, 1, 2, 3]);
  });

  it("answers deferred to who asked", async () => {
    const world = new World();
    const scheduler = await world.started({
      executors: [world.executor(job, () => Promise.reject(new RetryAfterError(5)))],
    });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("deferred");
  });

  it("burns failed attempts once it has asked for more than 24 hours in all, so that it ends", async () => {
    const world = new World();
    const executors = [world.executor(job, () => Promise.reject(new RetryAfterError(hour)))];
    const scheduler = world.scheduler({
      executors,
      maxFailedAttempts: 2,
      leaseMs: 600_000,
      backoff: constant({ delayMs: 1_000, jitter: 0 }),
    });
    scheduler.startWorker({ pollIntervalMs: 60_000 });
    await world.leave(["a"]);
    await world.ports.advance(23 * hour);
    expect(await world.inner.get("a")).toMatchObject({ state: "pending", failedAttempts: 0 });
    await world.ports.advance(2 * hour);
    expect(await world.inner.get("a")).toMatchObject({
      state: "failed",
      failureReason: "attempts-exhausted",
    });
  });

  it("for more than 24 hours at once fails", async () => {
    const world = new World();
    const scheduler = await world.started({
      executors: [world.executor(job, () => Promise.reject(new RetryAfterError(25 * hour)))],
    });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("retrying");
  });
});

describe("data this process cannot read", () => {
  const old = defineTask({ type: "job", data: z.object({ name: z.string() }) });
  const newer = defineTask<unknown>({ type: "job" });

  it("is given back with a delay, and is executed by a process that can read it (F46)", async () => {
    const world = new World();
    world.scheduler({ executors: [world.executor(old as never)] }).startWorker();
    await world.leave(["a"]);
    await world.ports.advance(10 * 60_000);
    expect(await world.inner.get("a")).toMatchObject({ state: "pending", failedAttempts: 0 });
    expect(world.runs).toEqual([]);
    const tries = (await world.inner.get("a"))?.deferredAttempts ?? 0;
    expect(tries).toBeGreaterThanOrEqual(9);
    expect(tries).toBeLessThanOrEqual(11);
    world.scheduler({ executors: [world.executor(newer)] }).startWorker();
    await world.ports.advance(5 * 60_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("fails after 24 hours, and not before (L15)", async () => {
    const world = new World();
    const executors = [world.executor(old as never)];
    world.scheduler({ executors, leaseMs: 600_000 }).startWorker({ pollIntervalMs: 60_000 });
    await world.leave(["a"]);
    await world.ports.advance(24 * hour - 120_000);
    expect(await world.stateOf("a")).toBe("pending");
    await world.ports.advance(300_000);
    expect(await world.inner.get("a")).toMatchObject({
      state: "failed",
      failureReason: "undecodable",
      failedAttempts: 0,
    });
    expect(world.runs).toEqual([]);
  });

  it("is what bytes of the raw layer are to a typed executor", async () => {
    const world = new World();
    const scheduler = await world.started();
    const transaction = await world.inner.begin();
    const [receipt] = await scheduler.enqueueAll(transaction, [
      { type: "job", data: Uint8Array.of(1), taskId: "a" },
    ]);
    await transaction.commit();
    expect(await scheduler.tryExecuteNow(receipt as never)).toEqual(["deferred"]);
    expect((await world.inner.get("a"))?.lastError?.message).toContain('codec "bytes"');
  });
});
