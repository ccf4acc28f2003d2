// Roll-ups: what attempts add up to, written beside the tasks and never in their way.
import { defineTask, PermanentError, RetryAfterError, Scheduler } from "owed";
import { describe, expect, it } from "vitest";
import type { TimedRollUp } from "../../src/store/contract.ts";
import { percentile } from "../../src/store/roll-up.ts";
import { answerLost, silent, unavailable } from "./faulty-store.ts";
import { ids, job, World } from "./world.ts";

async function rollUps({ inner }: World): Promise<readonly TimedRollUp[]> {
  return (await inner.rollUps({ spanMs: 1e12 })).rollUps;
}

/** The sums over all minutes: confirmed, failed attempts, given up. */
async function sums(world: World, type = job.type): Promise<readonly number[]> {
  const found = (await rollUps(world)).filter((row) => row.type === type);
  const sum = (of: (row: TimedRollUp) => number): number => found.reduce((all, row) => all + of(row), 0);
  return [sum(({ confirmed }) => confirmed), sum(({ failed }) => failed), sum(({ givenUp }) => givenUp)];
}

const total = (cells: readonly number[] | undefined): number =>
  (cells ?? []).reduce((sum, count) => sum + count, 0);

describe("attempts are counted", () => {
  it("by how they ended, whatever became of the task in the end", async () => {
    const world = new World();
    const behave = ({ taskId, attempt }: { readonly taskId: string; readonly attempt: number }): void => {
      if (taskId === "gone") throw new PermanentError("gone");
      if (taskId === "twice" && attempt < 3) throw new Error("not yet");
      if (taskId === "later" && attempt === 1) throw new RetryAfterError(5_000);
    };
    const scheduler = world.scheduler({ executors: [world.executor(job, behave)] });
    scheduler.startWorker();
    await world.leave([...ids("a", 5), "gone", "twice", "later"]);
    await world.ports.advance(60_000);
    await world.ports.until(scheduler.stop());
    expect(await sums(world)).toEqual([7, 3, 1]);
    const found = await rollUps(world);
    // Each task waited once for its first attempt, and each attempt ran, the deferred one too.
    expect(total(found.flatMap(({ waits }) => waits))).toBe(8);
    expect(total(found.flatMap(({ runs }) => runs))).toBe(11);
  });

  it("on the fast path as in a worker", async () => {
    const world = new World();
    const scheduler = await world.started();
    const receipt = await world.enqueue(scheduler);
    await world.ports.until(scheduler.tryExecuteNow(receipt));
    await world.ports.until(scheduler.stop());
    expect(await sums(world)).toEqual([1, 0, 0]);
  });

  it("with how long they ran, and which ran longest", async () => {
    const world = new World();
    const behave = ({ taskId }: { readonly taskId: string }): Promise<void> =>
      world.sleep(taskId === "slow" ? 8_000 : 100);
    const scheduler = world.scheduler({ executors: [world.executor(job, behave)] });
    scheduler.startWorker();
    await world.leave([...ids("a", 99), "slow"]);
    await world.ports.advance(30_000);
    const [found] = await rollUps(world);
    expect(found?.slowest).toEqual({ taskId: "slow", ms: 8_000 });
    expect(percentile(found?.runs ?? [], 0.5)).toBeGreaterThan(70);
    expect(percentile(found?.runs ?? [], 0.5)).toBeLessThan(142);
    await world.ports.until(scheduler.stop());
  });

  it("with how long their tasks had waited: for a worker, for a slot, or for their commit", async () => {
    const world = new World();
    await world.leave(["old"]);
    await world.ports.advance(64_000);
    const behave = (): Promise<void> => world.sleep(2_000);
    const executors = [world.executor(job, behave, { concurrency: 1 })];
    const scheduler = world.scheduler({ executors, fastPath: { concurrency: 2 } });
    scheduler.startWorker({ concurrency: 2 });
    await world.ports.advance(10_000);
    const transaction = await world.inner.begin();
    const receipt = await scheduler.enqueue(transaction, job, {});
    await world.ports.advance(1_100);
    await transaction.commit();
    await world.ports.until(scheduler.tryExecuteNow(receipt));
    await world.ports.until(scheduler.stop());
    const waits = (await rollUps(world)).flatMap((row) => [...row.waits.entries()]);
    const cells = waits.filter(([, count]) => count > 0).map(([cell]) => cell);
    // 1.1 s lie in the cell from 1,024 ms to 1,448 ms, 64 s in the one that ends at 65.5 s.
    expect(cells.sort((left, right) => left - right)).toEqual([21, 32]);
  });

  it("not at all where that is switched off", async () => {
    const world = new World();
    const scheduler = world.scheduler({ rollUps: false });
    scheduler.startWorker();
    await world.leave(ids("a", 200));
    await world.ports.advance(60_000);
    await world.ports.until(scheduler.stop());
    expect([await world.balance(), world.callsOf("recordRollUps")]).toMatchObject([{ confirmed: 200 }, []]);
  });

  it("together, where there are types beyond number", async () => {
    const world = new World();
    const raw = new Scheduler({
      store: world.store,
      ports: world.ports,
      executor: { execute: () => undefined },
      types: "all",
    });
    raw.startWorker();
    for (let type = 0; type < 300; type += 1) {
      await world.leave([`task-${type}`], defineTask<unknown>({ type: `type-${type}` }));
    }
    await world.ports.advance(1_000);
    await world.ports.until(raw.stop());
    expect((await rollUps(world)).length).toBe(201);
    expect(await sums(world, "(other types)")).toEqual([100, 0, 0]);
  });
});

describe("counts are written", () => {
  it("every ten seconds where there are a hundred, and otherwise once a minute", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.leave(ids("many", 100));
    await world.ports.advance(10_100);
    expect(world.callsOf("recordRollUps").length).toBe(1);
    await world.leave(ids("few", 99));
    await world.ports.advance(49_000);
    expect([world.callsOf("recordRollUps").length, await sums(world)]).toEqual([1, [100, 0, 0]]);
    await world.ports.advance(12_000);
    expect([world.callsOf("recordRollUps").length, await sums(world)]).toEqual([2, [199, 0, 0]]);
    await world.ports.until(scheduler.stop());
    expect(world.callsOf("recordRollUps").length).toBe(2);
  });

  it("when the process stops", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.leave(ids("a", 3));
    await world.ports.advance(2_000);
    expect(await sums(world)).toEqual([0, 0, 0]);
    await world.ports.until(scheduler.stop());
    expect(await sums(world)).toEqual([3, 0, 0]);
  });

  it("by a timer that never holds the process open, and is gone when there is nothing to write", async () => {
    const world = new World();
    const scheduler = await world.started();
    const idle = world.ports.pendingTimers;
    const receipt = await world.enqueue(scheduler);
    await world.ports.until(scheduler.tryExecuteNow(receipt));
    expect([world.ports.holdingTimers, world.ports.pendingTimers]).toEqual([0, idle + 1]);
    await world.ports.advance(61_000);
    expect(world.ports.pendingTimers).toBe(idle);
    await world.ports.until(scheduler.stop());
  });
});

describe("a write of counts that fails", () => {
  it("touches no task, and is counted on when it was certainly not written", async () => {
    const world = new World();
    world.fault("recordRollUps", unavailable);
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.leave(ids("a", 150));
    await world.ports.advance(60_000);
    expect([await world.balance(), await sums(world)]).toMatchObject([{ confirmed: 150 }, [0, 0, 0]]);
    world.heal("recordRollUps");
    await world.leave(ids("b", 7));
    await world.ports.advance(30_000);
    await world.ports.until(scheduler.stop());
    expect(await sums(world)).toEqual([157, 0, 0]);
    expect(total((await rollUps(world)).flatMap(({ runs }) => runs))).toBe(157);
  });

  it("is never counted twice when nobody knows whether it was written", async () => {
    const world = new World();
    world.fault("recordRollUps", answerLost);
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.leave(ids("a", 150));
    await world.ports.advance(60_000);
    world.heal("recordRollUps");
    await world.ports.until(scheduler.stop());
    expect(await sums(world)).toEqual([150, 0, 0]);
  });

  it("throws nothing anywhere, whatever it throws", async () => {
    const world = new World();
    world.fault("recordRollUps", () => {
      throw new TypeError("there is no such method");
    });
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.leave(ids("a", 150));
    await world.ports.advance(60_000);
    await world.ports.until(scheduler.stop());
    expect(await world.balance()).toMatchObject({ confirmed: 150 });
  });

  it("does not hold up a stop when it is never answered", async () => {
    const world = new World();
    world.fault("recordRollUps", silent);
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.leave(ids("a", 150));
    await world.ports.advance(15_000);
    const before = world.ports.clock.monotonicMs();
    await world.ports.until(scheduler.stop());
    expect(world.ports.clock.monotonicMs() - before).toBeLessThanOrEqual(5_000);
    expect(world.callsOf("removeProcess").length).toBe(1);
  });
});

it("a worker folds what is old beside pruning, and goes on when that fails", async () => {
  const world = new World();
  const scheduler = world.scheduler();
  scheduler.startWorker();
  await world.leave(ids("a", 100));
  await world.ports.advance(60_000);
  await world.ports.advance(2 * 3_600_000);
  expect((await rollUps(world)).map(({ minutes, confirmed }) => [minutes, confirmed])).toEqual([[60, 100]]);
  world.fault("foldRollUps", unavailable);
  await world.leave(ids("b", 3));
  await world.ports.advance(300_000);
  expect(await world.balance()).toMatchObject({ confirmed: 103 });
  await world.ports.until(scheduler.stop());
});
