// Tasks whose processes died: a suspect takes few slots, one lost twice runs alone, and there is an end to it.

import { defineTask } from "owed";
import { describe, expect, it } from "vitest";

import { gate, ids, job, type Run, World } from "./world.ts";

/** Lets a task be lost `times` times by processes that die at once. */
async function lose(world: World, taskId: string, times: number): Promise<void> {
  await world.leave([taskId]);
  for (let lost = 1; lost <= times; lost += 1) {
    const alone = lost > 2;
    if (alone) {
      expect(await world.ghost()).toEqual([]); // counts the last loss, and sets the task aside
      await world.ports.advance(300_000);
    }
    expect(await world.ghost({ alone })).toEqual([taskId]);
  }
}

/** Runs that were under way while `run` was. */
function companyOf(world: World, run: Run): readonly string[] {
  const overlaps = (other: Run): boolean =>
    other !== run &&
    other.startedMs < (run.endedMs ?? Number.POSITIVE_INFINITY) &&
    (other.endedMs ?? Number.POSITIVE_INFINITY) > run.startedMs;
  return world.runs.filter(overlaps).map(({ taskId }) => taskId);
}

describe("a task that was lost once", () => {
  it("is a suspect: suspects take at most a quarter of the slots, and the healthy go on (G10)", async () => {
    const world = new World();
    await world.leave(ids("suspect", 40));
    expect(await world.ghost()).toHaveLength(40);
    await world.leave(ids("healthy", 40));
    const executors = [world.executor(job, () => world.sleep(100))];
    world.scheduler({ executors }).startWorker({ concurrency: 8 });
    await world.ports.advance(650);
    const atOnce = (prefix: string): number => {
      const suspects = world.runs.filter(({ taskId }) => taskId.startsWith(prefix));
      return Math.max(
        ...suspects.map(
          (run) =>
            suspects.filter(
              (other) =>
                other.startedMs <= run.startedMs &&
                (other.endedMs ?? Number.POSITIVE_INFINITY) > run.startedMs,
            ).length,
        ),
      );
    };
    expect(atOnce("suspect")).toBe(2);
    expect(atOnce("healthy")).toBeGreaterThanOrEqual(6);
    await world.ports.advance(60_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 80, failed: 0 });
  });

  it("is not failed for it, and its loss is told apart from its failures (law 6)", async () => {
    const world = new World();
    await lose(world, "a", 1);
    world.scheduler({ maxFailedAttempts: 1 }).startWorker();
    await world.ports.advance(2_000);
    expect(await world.inner.get("a")).toMatchObject({
      state: "confirmed",
      lostAttempts: 1,
      failedAttempts: 0,
    });
    expect(world.runs[0]?.attempt).toBe(2);
  });
});

describe("a task that was lost twice", () => {
  it("runs with nothing else in its process, however much is due (G10, F3)", async () => {
    const world = new World();
    await lose(world, "poison", 2);
    const executors = [world.executor(job, () => world.sleep(300 + 400 * world.ports.random.fraction()))];
    world.scheduler({ executors }).startWorker({ concurrency: 8 });
    for (let second = 0; second < 60; second += 1) {
      await world.leave(ids(`second-${second}`, 20));
      await world.ports.advance(1_000);
    }
    const poison = world.runs.find(({ taskId }) => taskId === "poison");
    expect(poison?.startedMs).toBeLessThan(30_000);
    expect(companyOf(world, poison as Run)).toEqual([]);
    await world.ports.advance(60_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 1_201, failed: 0 });
  });

  it("is not joined by the fast path, neither by id nor by a task that was born before", async () => {
    const world = new World();
    await lose(world, "poison", 2);
    const ends = gate();
    const executors = [world.executor(job, ({ taskId }) => (taskId === "poison" ? ends.opened : undefined))];
    const scheduler = await world.started({ executors });
    const transaction = await world.inner.begin();
    const born = await scheduler.enqueue(transaction, job, {}, { taskId: "born before" });
    scheduler.startWorker();
    await world.ports.advance(5_000);
    expect(world.startedIds).toEqual(["poison"]);
    await transaction.commit();
    await world.leave(["by id"]);
    void scheduler.tryExecuteNow(born);
    void scheduler.executeAndAdvance("by id");
    void scheduler.transaction((tx) => tx.enqueue(job, {}, { taskId: "enqueued now" }));
    await world.ports.advance(60_000);
    expect(world.startedIds).toEqual(["poison"]);
    ends.open();
    await world.ports.advance(10_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 4, failed: 0 });
  });

  it("is not joined by what the fast path would start while it is being claimed (G10)", async () => {
    const world = new World();
    await lose(world, "poison", 2);
    const executors = [world.executor(job, () => world.sleep(20_000))];
    const scheduler = await world.started({ executors, leaseMs: 60_000 });
    const receipt = await world.enqueue(scheduler, { taskId: "born before" });
    const answered = gate();
    world.fault("claim", async (carryOut, [request]) => {
      const answer = await carryOut();
      if ((request as { readonly alone: boolean }).alone) await answered.opened;
      return answer;
    });
    scheduler.startWorker();
    await world.ports.advance(4_000);
    const tried = scheduler.tryExecuteNow(receipt);
    await world.ports.advance(10);
    expect(await Promise.race([tried, Promise.resolve("it runs")])).toEqual(["notClaimed"]);
    answered.open();
    await world.ports.advance(5_000);
    expect(world.startedIds).toEqual(["poison"]);
    await world.ports.advance(60_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 2, failed: 0 });
  });

  it("holds nothing back any more once the worker has stopped", async () => {
    const world = new World();
    const ends = gate();
    await world.leave(["long"]);
    const executors = [world.executor(job, ({ taskId }) => (taskId === "long" ? ends.opened : undefined))];
    const scheduler = await world.started({ executors });
    const worker = scheduler.startWorker();
    await world.ports.advance(100);
    await lose(world, "poison", 2);
    await world.ports.advance(15_000);
    const stopped = worker.stop({ graceMs: 0 });
    ends.open();
    await world.ports.advance(5_000);
    await stopped;
    void world.enqueue(scheduler, { taskId: "later" }).then((receipt) => scheduler.tryExecuteNow(receipt));
    await world.ports.advance(1_000);
    expect(await world.stateOf("later")).toBe("confirmed");
  });

  it("waits for what runs, and does not run beside it", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(20_000))];
    await world.leave(["long"]);
    world.scheduler({ executors }).startWorker({ concurrency: 8 });
    await world.ports.advance(100);
    await lose(world, "poison", 2);
    await world.ports.advance(60_000);
    const poison = world.runs.find(({ taskId }) => taskId === "poison");
    expect(poison?.startedMs).toBeGreaterThanOrEqual(20_000);
    expect(companyOf(world, poison as Run)).toEqual([]);
  });

  it.each([
    ["returns in time", 8_000, false],
    ["never returns", 1e9, true],
  ])("waits for an executor beyond its timeout that %s", async (_, durationMs, isBeside) => {
    const world = new World();
    const behave = ({ taskId }: { readonly taskId: string }): unknown =>
      taskId === "deaf" ? world.sleep(durationMs) : undefined;
    await world.leave(["deaf"]);
    const executors = [world.executor(job, behave, { timeoutMs: 1_000 })];
    world.scheduler({ executors, maxFailedAttempts: 1 }).startWorker({ concurrency: 8 });
    await world.ports.advance(2_000);
    await lose(world, "poison", 2);
    await world.ports.advance(60_000);
    const poison = world.runs.find(({ taskId }) => taskId === "poison");
    expect(poison?.startedMs).toBeLessThan(16_000);
    expect(companyOf(world, poison as Run)).toHaveLength(isBeside ? 1 : 0);
  });

  it("taken by another meanwhile does not keep others waiting for another poll (G12)", async () => {
    const world = new World();
    world.scheduler().startWorker();
    await world.ports.advance(10_000);
    await lose(world, "poison", 2);
    let lookedMs = 0;
    world.fault("claim", async (carryOut, [request]) => {
      if (lookedMs === 0 && (request as { readonly alone: boolean }).alone) {
        lookedMs = world.ports.clock.monotonicMs();
        await world.inner.cancel("poison");
        await world.leave(["healthy"]);
      }
      return carryOut();
    });
    await world.ports.advance(10_000);
    const healthy = world.runs.find(({ taskId }) => taskId === "healthy");
    expect(lookedMs).toBeGreaterThan(0);
    expect((healthy?.startedMs ?? Number.POSITIVE_INFINITY) - lookedMs).toBeLessThan(100);
  });

  it.each([
    ["a task of a type with slots", 8],
    ["a task of a type that takes all it may", 1],
  ])(
    "%s, ended by another, holds nothing back any more, whatever runs here (G11)",
    async (_, concurrency) => {
      const world = new World();
      await world.leave(["long"]);
      const behave = ({ taskId }: { readonly taskId: string }): unknown =>
        taskId === "long" ? world.sleep(250_000) : undefined;
      const other = defineTask<unknown>({ type: "other" });
      const executors = [world.executor(job, behave, { concurrency }), world.executor(other)];
      const scheduler = await world.started({ executors });
      scheduler.startWorker({ concurrency: 8 });
      await world.ports.advance(100);
      await lose(world, "poison", 2);
      await world.leave(ids("known", 1), other);
      await world.ports.advance(15_000);
      await world.inner.cancel("poison");
      await world.ports.advance(2_000);
      const endedMs = world.ports.clock.monotonicMs();
      await world.leave(ids("healthy", 20), other);
      await world.ports.advance(2_000);
      const healthy = world.runs.filter(({ taskId }) => taskId.startsWith("healthy"));
      expect(healthy).toHaveLength(20);
      expect(Math.max(...healthy.map(({ startedMs }) => startedMs)) - endedMs).toBeLessThan(1_500);
      const born = await world.enqueue(scheduler, { taskId: "born" }, {}, other);
      expect(await scheduler.tryExecuteNow(born)).toEqual(["confirmed"]);
    },
  );

  it.each([
    ["is over soon", 5_000, 0],
    ["never is", 1e9, 1],
  ])("keeps others out while its executor goes on beyond its timeout, if that %s", async (_, ms, company) => {
    const world = new World();
    await lose(world, "poison", 2);
    const behave = ({ taskId }: { readonly taskId: string }): unknown =>
      taskId === "poison" ? world.sleep(ms) : undefined;
    const executors = [world.executor(job, behave, { timeoutMs: 1_000 })];
    world.scheduler({ executors, maxFailedAttempts: 1 }).startWorker({ concurrency: 8 });
    await world.ports.advance(4_500);
    await world.leave(ids("healthy", 20));
    await world.ports.advance(30_000);
    expect(await world.balance()).toMatchObject({ confirmed: company === 0 ? 21 : 20 });
    const poison = world.runs.find(({ taskId }) => taskId === "poison") as Run;
    expect(companyOf(world, poison)).toHaveLength(company * 20);
    const first = Math.min(...world.runs.filter((run) => run !== poison).map(({ startedMs }) => startedMs));
    expect(first - poison.startedMs).toBeLessThan(13_000);
  });

  it("alone five times more is failed, with the reason told, and is not executed again (G10, F3, H3)", async () => {
    const world = new World();
    await lose(world, "poison", 7);
    world.scheduler().startWorker();
    await world.ports.advance(310_000);
    const task = await world.inner.get("poison");
    expect(task).toMatchObject({
      state: "failed",
      failureReason: "lost-too-often",
      failedAttempts: 0,
      lostAttempts: 7,
    });
    expect([world.runs, task?.attempts.filter(({ outcome }) => outcome === "lost").length]).toEqual([[], 7]);
  });

  it("alone fewer times than that still gets its chance (G10)", async () => {
    const world = new World();
    await lose(world, "poison", 6);
    world.scheduler().startWorker();
    await world.ports.advance(310_000);
    expect(await world.inner.get("poison")).toMatchObject({ state: "confirmed", lostAttempts: 6 });
  });

  it("and fails then leaves the process open to all again", async () => {
    const world = new World();
    await lose(world, "poison", 2);
    const behave = ({ taskId }: { readonly taskId: string }): void => {
      if (taskId === "poison") throw new Error("no");
    };
    world.scheduler({ executors: [world.executor(job, behave)], maxFailedAttempts: 1 }).startWorker();
    await world.ports.advance(5_000);
    await world.leave(ids("a", 20));
    await world.ports.advance(2_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 20, failed: 1 });
  });

  it("of a type nobody here executes holds up nothing", async () => {
    const world = new World();
    await world.leave(["strange"], { ...job, type: "strange" });
    await world.ghost();
    await world.ghost();
    world.scheduler().startWorker();
    await world.ports.advance(20_000);
    await world.leave(ids("a", 20));
    await world.ports.advance(2_000);
    expect((await world.balance()).confirmed).toBe(20);
  });
});
