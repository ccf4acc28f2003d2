// Which born claims a transaction forgets: those of what was certainly undone, and no others.
import { defineTask, TransactionRolledBackError } from "owed";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import type { MemoryTransaction } from "../../src/store/memory/index.ts";
import { job, type MemoryScheduler, World } from "./world.ts";

const leaseMs = 15_000;

/** A task whose schema must be waited for: its insert is sent a second after the call. */
function slowJob(world: World) {
  return defineTask({
    type: "job",
    data: z.number().refine(() => world.sleep(1_000).then(() => true)),
  });
}

/** Inserts are carried out at once, and answered a second later. */
function answeringLate(world: World): void {
  world.fault("insert", async (carryOut) => {
    const answer = await carryOut();
    await world.sleep(1_000);
    return answer;
  });
}

const declined = async (): Promise<never> => {
  throw new Error("declined");
};

/** Runs the work, and lets virtual time pass until its transaction is over. Answers the ids of the receipts. */
async function idsOf(
  world: World,
  scheduler: MemoryScheduler,
  work: Parameters<MemoryScheduler["transaction"]>[0],
): Promise<readonly string[]> {
  const { receipts } = await world.ports.until(scheduler.transaction(work));
  await world.ports.settle();
  return receipts.map(({ taskId }) => taskId);
}

describe("an enqueue that is not waited for", () => {
  it.each([
    ["whose answer arrives in the savepoint after it", answeringLate, () => job],
    ["whose schema is still at work when the savepoint begins", () => undefined, slowJob],
  ])("%s survives that savepoint (G1, G4)", async (_, slowly, taskOf) => {
    const world = new World();
    const scheduler = await world.started();
    slowly(world);
    const receipts = await idsOf(world, scheduler, async (tx) => {
      const outside = tx.enqueue(taskOf(world), 1, { taskId: "outside" });
      await expect(tx.savepoint(() => world.sleep(5_000).then(declined))).rejects.toThrow("declined");
      await outside;
    });
    expect([receipts, world.startedIds, await world.stateOf("outside")]).toEqual([
      ["outside"],
      ["outside"],
      "confirmed",
    ]);
    expect(await world.liveClaims(scheduler)).toBe(0);
  });

  it.each([
    ["whose answer arrives after the throw", answeringLate, () => job],
    ["whose schema is still at work at the throw", () => undefined, slowJob],
  ])(
    "in a savepoint, %s, is undone with it, whichever tx it went through (G1, G3)",
    async (_, slowly, taskOf) => {
      const world = new World();
      const scheduler = await world.started();
      slowly(world);
      const receipts = await idsOf(world, scheduler, async (tx) => {
        const work = (inner: typeof tx): Promise<never> => {
          void inner.enqueue(taskOf(world), 1, { taskId: "inside" });
          void tx.enqueue(taskOf(world), 1, { taskId: "inside too" });
          return declined();
        };
        await expect(tx.savepoint(work)).rejects.toThrow("declined");
        await tx.enqueue(job, 1, { taskId: "after" });
      });
      expect([receipts, world.startedIds]).toEqual([["after"], ["after"]]);
      expect([await world.stateOf("inside"), await world.stateOf("inside too")]).toEqual(["gone", "gone"]);
      expect(await world.liveClaims(scheduler)).toBe(0);
    },
  );

  it("belongs to the innermost savepoint it was called in, and to no deeper one", async () => {
    const world = new World();
    const scheduler = await world.started();
    answeringLate(world);
    const receipts = await idsOf(world, scheduler, async (tx) => {
      await tx.savepoint(async (outer) => {
        void outer.enqueue(job, 1, { taskId: "outer" });
        await expect(
          outer.savepoint(async (inner) => {
            void inner.enqueue(job, 1, { taskId: "inner" });
            await world.sleep(5_000);
            await declined();
          }),
        ).rejects.toThrow("declined");
      });
    });
    expect([receipts, world.startedIds]).toEqual([["outer"], ["outer"]]);
  });
});

/** Lets transactions begin with changed behaviour: what a callback can do by hand, on stores that allow it. */
function beginWith(
  world: World,
  change: (own: MemoryTransaction) => Partial<Awaited<ReturnType<World["inner"]["begin"]>>>,
): void {
  world.fault("begin", async () => {
    const own = await world.inner.begin();
    return {
      transaction: own,
      api: own,
      provesCommit: () => false,
      savepoint: () => own.savepoint(),
      commit: () => own.commit(),
      rollback: () => own.rollback(),
      ...change(own),
    };
  });
}

describe("a transaction that was committed by hand", () => {
  /** Nobody asks for the task, and there is no worker: its born claim must still be watched. */
  async function expectRun(world: World): Promise<void> {
    await world.ports.advance(leaseMs / 3);
    expect(await world.inner.get("a")).toMatchObject({ state: "confirmed", lostAttempts: 0 });
  }

  it("and whose callback then throws, leaves no task behind that is held for ever (G4)", async () => {
    const world = new World();
    const scheduler = await world.started();
    beginWith(world, (own) => ({ rollback: () => own.commit() }));
    const failing = scheduler.transaction(async (tx) => {
      await tx.enqueue(job, {}, { taskId: "a" });
      await declined();
    });
    await expect(failing).rejects.toThrow("declined");
    await expectRun(world);
  });

  it("and whose own COMMIT is answered with ROLLBACK, neither (G4)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const commit = async (own: MemoryTransaction): Promise<never> => {
      await own.commit();
      throw new TransactionRolledBackError("COMMIT was answered with ROLLBACK");
    };
    beginWith(world, (own) => ({ commit: () => commit(own) }));
    await expect(scheduler.transaction((tx) => tx.enqueue(job, {}, { taskId: "a" }))).rejects.toBeInstanceOf(
      TransactionRolledBackError,
    );
    await expectRun(world);
  });

  it("inside a savepoint that cannot be rolled back any more, neither (G4)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const gone = (): Promise<never> => Promise.reject(new Error("no such savepoint"));
    beginWith(world, () => ({ savepoint: async () => ({ rollback: gone, release: gone }) }));
    const { receipts } = await scheduler.transaction(async (tx) => {
      const work = async (inner: typeof tx): Promise<never> => {
        await inner.enqueue(job, {}, { taskId: "a" });
        return declined();
      };
      await expect(tx.savepoint(work)).rejects.toThrow("no such savepoint");
    });
    expect(receipts).toEqual([{ taskId: "a", created: true }]);
    await expectRun(world);
  });

  it("but not one that proves what became of it: what it rolled back is forgotten at once", async () => {
    const world = new World();
    const scheduler = await world.started();
    const failing = scheduler.transaction(async (tx) => {
      await tx.enqueue(job, {}, { taskId: "a" });
      await declined();
    });
    await expect(failing).rejects.toThrow("declined");
    expect(await world.liveClaims(scheduler)).toBe(0);
  });
});
