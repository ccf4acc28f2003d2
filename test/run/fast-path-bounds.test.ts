// The fast path is bounded, and a born claim is always resolved: run, given back, or forgotten.
import { defineTask } from "owed";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { unavailable } from "./faulty-store.ts";
import { gate, ids, job, type MemoryScheduler, World } from "./world.ts";

const leaseMs = 15_000;
const other = defineTask<unknown>({ type: "other" });

async function owners(world: World, taskIds: readonly string[]): Promise<number> {
  const tasks = await Promise.all(taskIds.map((taskId) => world.inner.get(taskId)));
  return tasks.filter((task) => task?.owner !== null).length;
}

async function enqueueAll(scheduler: MemoryScheduler, taskIds: readonly string[]): Promise<void> {
  await scheduler.transaction((tx) =>
    tx.enqueueAll(
      job,
      taskIds.map((taskId) => ({ taskId, data: {} })),
    ),
  );
}

describe("the fast path is bounded", () => {
  it("leaves the 33rd task due and unclaimed for the workers (H23)", async () => {
    const world = new World();
    const stuck = gate();
    const scheduler = await world.started({ executors: [world.executor(job, () => stuck.opened)] });
    await enqueueAll(scheduler, ids("a", 40));
    await world.ports.settle();
    expect([world.running, await owners(world, ids("a", 40))]).toEqual([32, 32]);
    stuck.open();
    await world.ports.advance(leaseMs);
    expect(await world.balance()).toEqual({ pending: 8, confirmed: 32, failed: 0 });
  });

  it("keeps to the number it is given, and takes new tasks as soon as slots are free again", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(10))];
    const scheduler = await world.started({ executors, fastPath: { concurrency: 2 } });
    await enqueueAll(scheduler, ids("a", 5));
    await world.ports.settle();
    expect(world.running).toBe(2);
    await world.ports.advance(10);
    await enqueueAll(scheduler, ids("b", 5));
    await world.ports.settle();
    expect(world.startedIds).toEqual(["a-0", "a-1", "b-0", "b-1"]);
  });

  it("wakes the worker for what it left", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(1))];
    const scheduler = await world.started({ executors, fastPath: { concurrency: 1 } });
    scheduler.startWorker({ pollIntervalMs: 60_000 });
    await world.ports.advance(300_000);
    await enqueueAll(scheduler, ids("a", 3));
    await world.ports.advance(10);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 3, failed: 0 });
  });

  it("does not run more than its number when tasks are claimed by id beside born ones (H23)", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(10))];
    const scheduler = await world.started({ executors, fastPath: { concurrency: 4 } });
    await world.leave(ids("left", 10));
    const transaction = await world.store.begin();
    const items = ids("born", 4).map((taskId) => ({ taskId, data: {} }));
    const born = await scheduler.enqueueAll(transaction, job, items);
    const left = scheduler.tryExecuteNow(ids("left", 10).map((taskId) => ({ taskId, created: true })));
    await transaction.commit();
    await world.ports.until(Promise.all([left, scheduler.tryExecuteNow(born)]));
    expect(world.mostAtOnce()).toBe(4);
  });

  it("lets no type take more than four fifths while others are executed too", async () => {
    const world = new World();
    const stuck = gate();
    const executors = [world.executor(job, () => stuck.opened), world.executor(other)];
    const scheduler = await world.started({ executors, fastPath: { concurrency: 10 } });
    await enqueueAll(scheduler, ids("a", 20));
    await world.ports.settle();
    expect(world.running).toBe(8);
    await scheduler.transaction((tx) => tx.enqueue(other, {}, { taskId: "b" }));
    await world.ports.settle();
    expect(await world.stateOf("b")).toBe("confirmed");
  });

  it("keeps the concurrency of an executor over worker and fast path together", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(50), { concurrency: 2 }), world.executor(other)];
    const scheduler = await world.started({ executors });
    await world.leave(ids("left", 10));
    await scheduler.transaction(async (tx) => {
      await tx.enqueue(job, {}, { taskId: "born" });
      scheduler.startWorker();
      await world.ports.advance(10);
    });
    await enqueueAll(scheduler, ids("later", 10));
    await world.ports.advance(60_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 21, failed: 0 });
    expect(world.mostAtOnce("job")).toBe(2);
  });

  it("keeps the concurrency of an executor for tasks that are claimed by id", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(50), { concurrency: 2 }), world.executor(other)];
    const scheduler = await world.started({ executors });
    await world.leave(ids("left", 10));
    await world.ports.until(
      scheduler.tryExecuteNow(ids("left", 10).map((taskId) => ({ taskId, created: true }))),
    );
    expect(world.mostAtOnce("job")).toBe(2);
    expect((await world.inner.get("left-9"))?.lostAttempts).toBe(0);
  });
});

describe("a born claim is resolved", () => {
  it("when its receipt is never used: it runs within a third of the lease", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.ports.advance(1_234);
    await world.enqueue(scheduler, { taskId: "a" });
    await world.ports.advance(leaseMs / 3);
    expect([await world.stateOf("a"), await world.liveClaims(scheduler)]).toEqual(["confirmed", 0]);
  });

  it("when there is no room to run it: it is given back within a third of the lease", async () => {
    const world = new World();
    const stuck = gate();
    const scheduler = await world.started({
      executors: [world.executor(job, () => stuck.opened)],
      fastPath: { concurrency: 1 },
    });
    const lost = await world.enqueue(scheduler, { taskId: "lost" });
    await world.leave(["busy"]);
    world.fault("readCommitted", unavailable);
    expect(await scheduler.tryExecuteNow(lost)).toEqual(["notClaimed"]);
    world.heal();
    await world.ports.advance(leaseMs / 3);
    expect(world.startedIds).toEqual(["lost"]);
    const waiting = await world.enqueue(scheduler, { taskId: "waiting" });
    await world.ports.advance(leaseMs);
    expect([waiting.created, await owners(world, ["waiting"])]).toEqual([true, 0]);
    stuck.open();
    await world.ports.settle();
    expect(await world.liveClaims(scheduler)).toBe(0);
  });

  it("when its transaction stays open for an hour: it is watched, and runs after the commit at no cost (G4)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const transaction = await world.store.begin();
    await scheduler.enqueue(transaction, job, {}, { taskId: "a" });
    await world.ports.advance(3_600_000);
    expect([world.runs, await world.liveClaims(scheduler)]).toEqual([[], 1]);
    await transaction.commit();
    await world.ports.advance(leaseMs / 3);
    expect(await world.inner.get("a")).toMatchObject({ state: "confirmed", lostAttempts: 0, attempts: [] });
    expect(await world.liveClaims(scheduler)).toBe(0);
  });

  it("when the database is away as long as the watch asks: it runs afterwards", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.enqueue(scheduler, { taskId: "a" });
    world.fault("readCommitted", unavailable);
    await world.ports.advance(2 * leaseMs);
    expect(world.runs).toEqual([]);
    world.heal();
    await world.ports.advance(leaseMs / 3);
    expect([await world.stateOf("a"), await world.liveClaims(scheduler)]).toEqual(["confirmed", 0]);
  });

  it("when its insert failed: nothing stays registered, and all 32 places are free again (H7)", async () => {
    const world = new World();
    const stuck = gate();
    const scheduler = await world.started({ executors: [world.executor(job, () => stuck.opened)] });
    world.fault("insert", unavailable);
    await expect(enqueueAll(scheduler, ids("a", 32))).rejects.toThrow("no connection");
    world.heal();
    expect(await world.liveClaims(scheduler)).toBe(0);
    await enqueueAll(scheduler, ids("b", 40));
    await world.ports.settle();
    expect(world.running).toBe(32);
  });

  it("when its transaction is retried after 40001: the task runs once, nothing stays registered (H9)", async () => {
    const world = new World();
    const scheduler = await world.started();
    let begins = 0;
    world.fault("begin", async () => {
      const own = await world.inner.begin();
      begins += 1;
      const fails = begins <= 2;
      const commit = async (): Promise<void> => {
        if (!fails) return own.commit();
        await own.rollback();
        throw Object.assign(new Error("could not serialize access"), { code: "40001" });
      };
      const rollback = (): Promise<void> => own.rollback();
      return {
        transaction: own,
        api: own,
        provesCommit: () => true,
        savepoint: () => own.savepoint(),
        commit,
        rollback,
      };
    });
    const { receipts } = await scheduler.transaction((tx) => tx.enqueue(job, {}, { taskId: "a" }), {
      maxRetries: 2,
    });
    await world.ports.advance(leaseMs);
    expect([begins, receipts, world.startedIds]).toEqual([3, [{ taskId: "a", created: true }], ["a"]]);
    expect(await world.liveClaims(scheduler)).toBe(0);
  });

  it("when the process stops before its commit: the commit leaves it due, and another process runs it", async () => {
    const world = new World();
    const scheduler = await world.started();
    const transaction = await world.store.begin();
    await scheduler.enqueue(transaction, job, {}, { taskId: "a" });
    await world.ports.until(scheduler.stop());
    await transaction.commit();
    expect(world.runs).toEqual([]);
    (await world.started()).startWorker();
    await world.ports.advance(1_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("when the process stops after its commit: it is given back without cost (G16)", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.enqueue(scheduler, { taskId: "a" });
    await world.ports.until(scheduler.stop());
    expect(await world.inner.get("a")).toMatchObject({
      state: "pending",
      owner: null,
      lostAttempts: 0,
      failedAttempts: 0,
    });
  });
});

describe("errors of the database", () => {
  it("40001 passes through untouched when no retry was asked for (H9, F40)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const conflict = Object.assign(new Error("could not serialize access"), { code: "40001" });
    world.fault("insert", () => Promise.reject(conflict));
    const transaction = await world.store.begin();
    await expect(scheduler.enqueue(transaction, job, {})).rejects.toBe(conflict);
    await expect(scheduler.transaction((tx) => tx.enqueue(job, {}))).rejects.toBe(conflict);
  });

  it("a callback that is wrong is not run again, whatever maxRetries says", async () => {
    const world = new World();
    const scheduler = await world.started();
    let runs = 0;
    const work = (): never => {
      runs += 1;
      throw new Error("a bug");
    };
    await expect(scheduler.transaction(work, { maxRetries: 5 })).rejects.toThrow("a bug");
    expect(runs).toBe(1);
  });

  it("an enqueue of its own gives up after ten seconds, and says that the outcome is unknown (H20)", async () => {
    const world = new World();
    const scheduler = await world.started();
    world.fault("begin", () => new Promise(() => undefined));
    const enqueued = scheduler.enqueue(job, {}, { taskId: "a" });
    await expect(world.ports.until(enqueued, 11_000)).rejects.toMatchObject({
      code: "OWED_STORE_UNAVAILABLE",
      outcomeUnknown: true,
    });
  });

  it("an enqueue of its own whose schema hangs gives up as well, has written nothing and says so (H20)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const door = gate();
    const hanging = defineTask({ type: "job", data: z.number().refine(() => door.opened.then(() => true)) });
    const enqueued = scheduler.enqueue(hanging, 1, { taskId: "a" });
    await expect(world.ports.until(enqueued, 11_000)).rejects.toMatchObject({
      code: "OWED_STORE_UNAVAILABLE",
      outcomeUnknown: false,
    });
    door.open();
    await world.ports.advance(leaseMs);
    expect([world.callsOf("begin"), await world.stateOf("a")]).toEqual([[], "gone"]);
  });
});
