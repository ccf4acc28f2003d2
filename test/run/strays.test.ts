// Strays: an insert or a claim was answered with an error though it was, or will be, carried out. None strands its task.
import { defineTask, type Receipt, StoreUnavailableError } from "owed";
import { describe, expect, it } from "vitest";

import type { MemoryTransaction } from "../../src/store/memory/index.ts";
import { answerLost, carriedOutLate, first, unavailable } from "./faulty-store.ts";
import { ids, job, type MemoryScheduler, World } from "./world.ts";

const leaseMs = 15_000;
const pollMs = 1_000;

/** A process without worker; whatever it holds by mistake is found by nobody but itself. Another one has the worker. */
async function twoProcesses(world: World): Promise<MemoryScheduler> {
  const web = await world.started();
  world.scheduler({ store: world.inner }).startWorker();
  await world.ports.advance(2_000);
  return web;
}

/** Enqueues in a transaction that stays open; the insert is carried out and its answer lost. */
async function strayed(
  world: World,
  scheduler: MemoryScheduler,
  taskIds: readonly string[],
): Promise<MemoryTransaction> {
  const transaction = await world.inner.begin();
  world.fault("insert", answerLost);
  const items = taskIds.map((taskId) => ({ taskId, data: {} }));
  for (const item of items) {
    await expect(scheduler.enqueueAll(transaction, job, [item])).rejects.toBeInstanceOf(
      StoreUnavailableError,
    );
  }
  world.heal("insert");
  return transaction;
}

/** The first insert is answered, and the answers of all others are lost. */
function secondInsertLost(world: World): void {
  let inserts = 0;
  world.fault("insert", (carryOut, call) => {
    inserts += 1;
    return inserts === 1 ? carryOut() : answerLost(carryOut, call);
  });
}

/** The looks of the first process, by id and among all rows. */
function looks(world: World): readonly number[] {
  return [world.callsOf("claimById").length, world.callsOf("freeEndedClaims").length];
}

describe("a task whose insert was carried out though it was answered with an error", () => {
  it.each([0, leaseMs / 2, 2 * leaseMs, 3_600_000])(
    "runs within a third of the lease after its commit, %d ms later (G4)",
    async (laterMs) => {
      const world = new World();
      const transaction = await strayed(world, await twoProcesses(world), ["a"]);
      await world.ports.advance(laterMs);
      await transaction.commit();
      await world.ports.advance(leaseMs / 3 + pollMs);
      expect(await world.inner.get("a")).toMatchObject({ state: "confirmed", lostAttempts: 0, attempts: [] });
    },
  );

  it("runs also when it is one of more than are looked for by id, which stay bounded", async () => {
    const world = new World();
    const taskIds = ids("a", 1_200);
    const transaction = await strayed(world, await twoProcesses(world), taskIds);
    await transaction.commit();
    await world.ports.advance(leaseMs / 3 + 2 * pollMs);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 1_200, failed: 0 });
    const asked = world.callsOf("claimById").map(({ call }) => (call[0] as { taskIds: unknown[] }).taskIds);
    expect(Math.max(...asked.map(({ length }) => length))).toBe(500);
    expect(asked.length).toBeLessThan(5);
  });

  it("runs also when it is the statement after the insert that failed (SQLite goes on after that)", async () => {
    const world = new World();
    const web = await twoProcesses(world);
    await world.leave(["old"]);
    const transaction = await world.inner.begin();
    world.fault("resolveDuplicates", () =>
      Promise.reject(Object.assign(new Error("full"), { code: "53100" })),
    );
    const items = ["old", "new"].map((taskId) => ({ taskId, data: {} }));
    await expect(web.enqueueAll(transaction, job, items)).rejects.toThrow("full");
    await transaction.commit();
    await world.ports.advance(leaseMs / 3 + pollMs);
    expect(await world.stateOf("new")).toBe("confirmed");
  });

  it.each(["57P01", "08006", "40003", "EPIPE"])(
    "is looked for after the error %s, which does not say that nothing was written",
    async (code) => {
      const world = new World();
      const web = await world.started();
      const transaction = await world.inner.begin();
      world.fault("insert", () => Promise.reject(Object.assign(new Error("refused"), { code })));
      await expect(web.enqueue(transaction, job, {})).rejects.toThrow("refused");
      await world.ports.advance(leaseMs / 3);
      expect(looks(world)[0]).toBeGreaterThan(0);
    },
  );

  it("is looked for among all rows only a hundredth of the time, when that takes long", async () => {
    const world = new World();
    const transaction = await strayed(world, await twoProcesses(world), ["a"]);
    await world.ports.advance(2 * leaseMs);
    world.fault("freeEndedClaims", async (carryOut) => {
      await world.sleep(1_000);
      return carryOut();
    });
    const before = looks(world)[1] ?? 0;
    await world.ports.advance(1_000_000);
    const during = (looks(world)[1] ?? 0) - before;
    expect([during > 8, during < 12]).toEqual([true, true]);
    await transaction.commit();
    await world.ports.advance(110_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it.each([0, 2 * leaseMs])(
    "is looked for no longer once its process is registered anew, %d ms later: the claim is void then",
    async (laterMs) => {
      const world = new World();
      const transaction = await strayed(world, await twoProcesses(world), ["a"]);
      const [record] = world.callsOf("register").at(0)?.call ?? [];
      await world.ports.advance(laterMs);
      await world.inner.removeProcess((record as { owner: string }).owner);
      await world.ports.advance(leaseMs / 2);
      const before = looks(world);
      await world.ports.advance(10 * leaseMs);
      expect(looks(world)).toEqual(before);
      await transaction.commit();
      await world.ports.advance(pollMs);
      expect(await world.stateOf("a")).toBe("confirmed");
    },
  );
});

describe("a claim by id that is carried out after the lease", () => {
  /** Somebody holds a lock on the row whenever the watch looks. */
  const nothing = async (): Promise<unknown> => [];

  it("is freed at no cost, within a third of the lease, by a process without worker (G4, H19)", async () => {
    const world = new World();
    const web = await world.started();
    await world.leave(["a"]);
    const late = first(1, carriedOutLate(world.ports, 2 * leaseMs));
    world.fault("claimById", (carryOut, call) =>
      late(world.callsOf("claimById").length === 1 ? carryOut : nothing, call),
    );
    await world.ports.until(web.executeAndAdvance("a"));
    await world.ports.advance(2 * leaseMs + leaseMs / 3);
    expect(await world.inner.get("a")).toMatchObject({ state: "pending", owner: null, lostAttempts: 0 });
  });
});

describe("nothing is looked for", () => {
  const sqlState = (code: string): Error => Object.assign(new Error("refused"), { code });

  it.each([
    ["the database was not reached", new StoreUnavailableError("no connection", { outcomeUnknown: false })],
    ["the transaction could not be serialized", sqlState("40001")],
    ["a deadlock was found", sqlState("40P01")],
    ["the transaction was aborted before", sqlState("25P02")],
  ])("when %s: the insert certainly wrote nothing", async (_, error) => {
    const world = new World();
    const web = await world.started();
    const transaction = await world.inner.begin();
    world.fault("insert", () => Promise.reject(error));
    await expect(web.enqueue(transaction, job, {})).rejects.toBe(error);
    await world.ports.advance(4 * leaseMs);
    expect(looks(world)).toEqual([0, 0]);
  });

  it("when the call has undone its own insert: a conflict, or a task that exists", async () => {
    const world = new World();
    const unique = defineTask<unknown>({ type: "job", onDuplicate: "throw" });
    const web = await world.started();
    await world.leave(["old"]);
    const transaction = await world.inner.begin();
    const items = ["old", "new"].map((taskId) => ({ taskId, data: 1 }));
    await expect(web.enqueueAll(transaction, job, items)).rejects.toMatchObject({
      code: "OWED_TASK_CONFLICT",
    });
    await expect(web.enqueueAll(transaction, unique, items)).rejects.toMatchObject({
      code: "OWED_TASK_EXISTS",
    });
    await transaction.commit();
    await world.ports.advance(4 * leaseMs);
    expect([looks(world), await world.stateOf("new")]).toEqual([[0, 0], "gone"]);
  });

  it("when the transaction was the scheduler's own and is rolled back", async () => {
    const world = new World();
    const web = await world.started();
    world.fault("insert", answerLost);
    await expect(web.enqueue(job, {})).rejects.toThrow("the connection was lost");
    await expect(web.transaction((tx) => tx.enqueue(job, {}))).rejects.toThrow("the connection was lost");
    await world.ports.advance(4 * leaseMs);
    expect(looks(world)).toEqual([0, 0]);
  });

  it("when the call stood in a savepoint that is rolled back: nor is anything watched", async () => {
    const world = new World({ chunkTasks: 1 });
    const web = await world.started();
    const transaction = await world.inner.begin();
    secondInsertLost(world);
    await expect(web.enqueueAll(transaction, job, [{ data: 1 }, { data: 2 }])).rejects.toThrow("was lost");
    await world.ports.advance(4 * leaseMs);
    expect([looks(world), await world.liveClaims(web)]).toEqual([[0, 0], 0]);
  });

  it("when a claim by id certainly took nothing", async () => {
    const world = new World();
    const web = await world.started();
    await world.leave(["a"]);
    world.fault("claimById", first(1, unavailable));
    await web.executeAndAdvance("a");
    await world.ports.advance(4 * leaseMs);
    expect([looks(world), await world.stateOf("a")]).toEqual([[1, 0], "pending"]);
  });
});

describe("a call of several chunks whose savepoint cannot be rolled back", () => {
  it("leaves no task held for ever when the transaction commits all the same (G4)", async () => {
    const gone = (): Promise<never> => Promise.reject(new Error("no answer"));
    const world = new World({ chunkTasks: 1, savepoint: async () => ({ rollback: gone, release: gone }) });
    const web = await twoProcesses(world);
    const transaction = await world.inner.begin();
    secondInsertLost(world);
    const items = ids("a", 2).map((taskId) => ({ taskId, data: {} }));
    const failing: Promise<readonly Receipt[]> = web.enqueueAll(transaction, job, items);
    await expect(failing).rejects.toThrow("the connection was lost");
    world.heal("insert");
    await transaction.commit();
    await world.ports.advance(leaseMs / 3 + pollMs);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 2, failed: 0 });
  });
});
