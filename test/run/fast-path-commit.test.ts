// The fast path and the commit: nothing runs that is not committed, in whatever order the API is called.
import { CommitUnknownError, TransactionRolledBackError } from "owed";
import { describe, expect, it } from "vitest";

import { answerLost, unavailable } from "./faulty-store.ts";
import { gate, job, World } from "./world.ts";

const leaseMs = 15_000;

describe("the fast path runs what is committed", () => {
  it("runs a task straight after its commit, without a claim of its own", async () => {
    const world = new World();
    const scheduler = await world.started();
    const receipt = await world.enqueue(scheduler);
    expect(await scheduler.tryExecuteNow(receipt)).toEqual(["confirmed"]);
    expect(world.startedIds).toEqual([receipt.taskId]);
    expect([...world.callsOf("claim"), ...world.callsOf("claimById")]).toEqual([]);
  });

  it("runs the tasks of transaction(fn) once it has committed, and not before (H4)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const { value, receipts } = await scheduler.transaction(async (tx) => {
      await tx.put("payment", 5);
      await tx.enqueue(job, {}, { taskId: "a" });
      await world.ports.settle();
      expect(world.runs).toEqual([]);
      return "done";
    });
    expect([value, receipts]).toEqual(["done", [{ taskId: "a", created: true }]]);
    await world.ports.settle();
    expect(world.startedIds).toEqual(["a"]);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("runs a task that was enqueued without a transaction", async () => {
    const world = new World();
    const scheduler = await world.started();
    const receipt = await scheduler.enqueue(job, {}, { taskId: "a" });
    await world.ports.settle();
    expect([receipt.created, await world.stateOf("a")]).toEqual([true, "confirmed"]);
  });

  it("answers the one execution to all who ask for it", async () => {
    const world = new World();
    const scheduler = await world.started();
    const receipt = await world.enqueue(scheduler);
    const answers = await Promise.all([scheduler.tryExecuteNow(receipt), scheduler.tryExecuteNow([receipt])]);
    expect([answers, world.runs.length]).toEqual([[["confirmed"], ["confirmed"]], 1]);
  });

  it("claims by id what was enqueued before the start, where nothing is born claimed", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    const receipt = await world.enqueue(scheduler, { taskId: "a" });
    expect((await world.inner.get("a"))?.owner).toBeNull();
    expect(await scheduler.tryExecuteNow(receipt)).toEqual(["notClaimed"]);
    await scheduler.start();
    expect(await scheduler.tryExecuteNow(receipt)).toEqual(["confirmed"]);
  });

  it("leaves a receipt that created nothing to the workers", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.leave(["a"]);
    const receipt = await world.enqueue(scheduler, { taskId: "a" });
    expect(receipt.created).toBe(false);
    expect(await scheduler.tryExecuteNow(receipt)).toEqual(["notClaimed"]);
    expect(world.runs).toEqual([]);
  });
});

describe("the fast path never runs what is not committed", () => {
  it("does not run a task before its transaction commits, and runs it afterwards (H4, G3)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const transaction = await world.store.begin();
    const receipt = await scheduler.enqueue(transaction, job, {});
    expect(await scheduler.tryExecuteNow(receipt)).toEqual(["notClaimed"]);
    expect(await scheduler.executeAndAdvance(receipt)).toBe("notClaimed");
    expect(await scheduler.executeAndAdvance(receipt.taskId)).toBe("notClaimed");
    await world.ports.advance(10 * leaseMs);
    expect(world.runs).toEqual([]);
    await transaction.commit();
    expect(await scheduler.tryExecuteNow(receipt)).toEqual(["confirmed"]);
  });

  it("does not run a task whose transaction was rolled back, and forgets it (H4, G3)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const transaction = await world.store.begin();
    const receipt = await scheduler.enqueue(transaction, job, {});
    await transaction.rollback();
    expect(await scheduler.tryExecuteNow(receipt)).toEqual(["notClaimed"]);
    expect(await world.liveClaims(scheduler)).toBe(0);
    await world.ports.advance(leaseMs);
    expect([world.runs, await world.liveClaims(scheduler)]).toEqual([[], 0]);
  });

  it("does not run a task before it is due, and does not hold it under a claim until then (G9)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const runAt = new Date(world.ports.nowMs + 60_000);
    const { receipts } = await scheduler.transaction(async (tx) => {
      await tx.enqueue(job, {}, { taskId: "delayed", delayMs: 60_000 });
      await tx.enqueue(job, {}, { taskId: "dated", runAt });
    });
    expect(await scheduler.tryExecuteNow(receipts)).toEqual(["notClaimed", "notClaimed"]);
    await world.ports.advance(59_000);
    expect([world.runs, (await world.inner.get("delayed"))?.owner]).toEqual([[], null]);
    await world.ports.advance(1_000);
    expect(await scheduler.tryExecuteNow(receipts)).toEqual(["confirmed", "confirmed"]);
  });

  it("does not run the tasks of transaction(fn) when fn throws, and hands on what it threw", async () => {
    const world = new World();
    const scheduler = await world.started();
    const thrown = new Error("the card was declined");
    const result = scheduler.transaction(async (tx) => {
      await tx.enqueue(job, {}, { taskId: "a" });
      throw thrown;
    });
    await expect(result).rejects.toBe(thrown);
    expect(await world.liveClaims(scheduler)).toBe(0);
    await world.ports.advance(leaseMs);
    expect([world.runs, await world.stateOf("a")]).toEqual([[], "gone"]);
  });

  it("does not run a task of a savepoint that was rolled back by hand, though the transaction commits (H8)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const transaction = await world.store.begin();
    const savepoint = await transaction.savepoint();
    const undone = await scheduler.enqueue(transaction, job, {}, { taskId: "undone" });
    await savepoint.rollback();
    const kept = await scheduler.enqueue(transaction, job, {}, { taskId: "kept" });
    await transaction.commit();
    expect(await scheduler.tryExecuteNow([undone, kept])).toEqual(["notClaimed", "confirmed"]);
    await world.ports.advance(leaseMs);
    expect([world.startedIds, await world.liveClaims(scheduler)]).toEqual([["kept"], 0]);
  });

  it("does not run a task of tx.savepoint that threw, and the transaction goes on (H8)", async () => {
    const world = new World();
    const scheduler = await world.started();
    const { receipts } = await scheduler.transaction(async (tx) => {
      await tx.enqueue(job, {}, { taskId: "kept" });
      const inner = async (): Promise<void> => {
        await tx.savepoint(async (nested) => {
          await nested.enqueue(job, {}, { taskId: "undone" });
          throw new Error("never mind");
        });
      };
      await expect(inner()).rejects.toThrow("never mind");
      await tx.savepoint((nested) => nested.enqueue(job, {}, { taskId: "kept too" }));
    });
    await world.ports.advance(leaseMs);
    expect(receipts.map(({ taskId }) => taskId)).toEqual(["kept", "kept too"]);
    expect([world.startedIds, await world.liveClaims(scheduler)]).toEqual([["kept", "kept too"], 0]);
  });

  it("does not run a task that nobody waited for, enqueued in a savepoint that was rolled back (H8, G3)", async () => {
    const world = new World();
    const scheduler = await world.started();
    await scheduler.transaction(async (tx) => {
      await tx.enqueue(job, {}, { taskId: "kept" });
      const inner = async (): Promise<void> => {
        await tx.savepoint(async (nested) => {
          void Promise.resolve(nested.enqueue(job, {}, { taskId: "undone" })).catch(() => undefined);
          throw new Error("never mind");
        });
      };
      await expect(inner()).rejects.toThrow("never mind");
    });
    await world.ports.advance(leaseMs);
    expect([world.startedIds, await world.stateOf("undone")]).toEqual([["kept"], "gone"]);
  });

  it("does not run a task whose COMMIT was answered with ROLLBACK (H5, F8)", async () => {
    const world = new World();
    const scheduler = await world.started();
    world.fault("begin", async () => {
      const own = await world.inner.begin();
      const commit = async (): Promise<void> => {
        await own.rollback();
        throw new TransactionRolledBackError("COMMIT was answered with ROLLBACK");
      };
      return {
        transaction: own,
        api: own,
        provesCommit: () => true,
        savepoint: () => own.savepoint(),
        commit,
      };
    });
    const result = scheduler.transaction((tx) => tx.enqueue(job, {}, { taskId: "a" }));
    await expect(result).rejects.toBeInstanceOf(TransactionRolledBackError);
    expect(await world.liveClaims(scheduler)).toBe(0);
    await world.ports.advance(leaseMs);
    expect([world.runs, await world.stateOf("a")]).toEqual([[], "gone"]);
  });

  it("does not trust a COMMIT of a transaction in which the user sent savepoints by hand (H8)", async () => {
    const world = new World();
    const scheduler = await world.started();
    world.fault("begin", async () => {
      const own = await world.inner.begin();
      const commit = (): Promise<void> => own.rollback(); // as good as a ROLLBACK TO the library did not see
      return {
        transaction: own,
        api: own,
        provesCommit: () => false,
        savepoint: () => own.savepoint(),
        commit,
      };
    });
    await scheduler.transaction((tx) => tx.enqueue(job, {}, { taskId: "a" }));
    await world.ports.advance(leaseMs);
    expect([world.runs, await world.liveClaims(scheduler)]).toEqual([[], 0]);
  });
});

describe("after a COMMIT that was not answered", () => {
  const unknownCommit = (world: World, isCommitted: boolean): void =>
    world.fault("begin", async () => {
      const own = await world.inner.begin();
      const commit = async (): Promise<void> => {
        await (isCommitted ? own.commit() : own.rollback());
        throw new CommitUnknownError([], { cause: new Error("Connection terminated unexpectedly") });
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

  it.each([
    ["committed", true, "confirmed", 1],
    ["rolled back", false, "gone", 0],
  ] as const)(
    "a task that turns out %s is run accordingly, by the watch (H6, V3, G3)",
    async (_, isCommitted, state, runs) => {
      const world = new World();
      const scheduler = await world.started();
      unknownCommit(world, isCommitted);
      const result = scheduler.transaction((tx) => tx.enqueue(job, {}, { taskId: "a" }));
      await expect(result).rejects.toMatchObject({ code: "OWED_COMMIT_UNKNOWN", taskIds: ["a"] });
      expect(world.runs).toEqual([]);
      await world.ports.advance(leaseMs / 3);
      expect([await world.stateOf("a"), world.runs.length]).toEqual([state, runs]);
      expect(await world.liveClaims(scheduler)).toBe(0);
    },
  );

  it("a repeated transaction with the same taskIds enqueues once (F7, G22)", async () => {
    const world = new World();
    const scheduler = await world.started();
    unknownCommit(world, true);
    const pay = (): Promise<unknown> =>
      scheduler.transaction((tx) => tx.enqueue(job, { n: 1 }, { taskId: "a" }));
    await expect(pay()).rejects.toBeInstanceOf(CommitUnknownError);
    world.heal();
    expect(await pay()).toMatchObject({ receipts: [{ taskId: "a", created: false }] });
    await world.ports.advance(leaseMs);
    expect(world.startedIds).toEqual(["a"]);
  });
});

describe("the fast path does no harm to the enqueuer", () => {
  it("does not let transaction(fn) wait for a slow executor (H23)", async () => {
    const world = new World();
    const slow = gate();
    const scheduler = await world.started({ executors: [world.executor(job, () => slow.opened)] });
    const { receipts } = await scheduler.transaction((tx) => tx.enqueue(job, {}));
    await scheduler.enqueue(job, {});
    await world.ports.settle();
    expect([receipts.length, world.running]).toEqual([1, 2]);
  });

  it("does not let an executor that throws reject anything (H23)", async () => {
    const world = new World();
    const fails = (): never => {
      throw new Error("the mail server is down");
    };
    const scheduler = await world.started({ executors: [world.executor(job, fails)] });
    const { receipts } = await scheduler.transaction((tx) => tx.enqueue(job, {}));
    expect((await scheduler.enqueue(job, {})).created).toBe(true);
    expect(await scheduler.tryExecuteNow(receipts)).toEqual(["retrying"]);
  });

  it("answers, and does not reject, while the database is away", async () => {
    const world = new World();
    const scheduler = await world.started();
    const receipt = await world.enqueue(scheduler);
    await world.leave(["a"]);
    world.fault(["readCommitted", "claimById"], unavailable);
    expect(await scheduler.tryExecuteNow([receipt, { taskId: "a", created: true }])).toEqual([
      "notClaimed",
      "notClaimed",
    ]);
    world.fault(["readCommitted", "claimById"], answerLost);
    expect(await scheduler.tryExecuteNow([receipt, { taskId: "a", created: true }])).toEqual([
      "notClaimed",
      "notClaimed",
    ]);
    world.heal();
    await world.ports.advance(leaseMs);
    expect([...world.startedIds].sort()).toEqual(["a", receipt.taskId].sort());
  });

  it.each([undefined, null, [undefined], [null], [{}], "a task", 7])(
    "answers, and does not reject, when handed %j for a receipt",
    async (garbage) => {
      const world = new World();
      const scheduler = await world.started();
      const answers = await scheduler.tryExecuteNow(garbage as never);
      expect(answers.every((answer) => answer === "notClaimed")).toBe(true);
    },
  );

  it("leaves every task to the workers when it is off", async () => {
    const world = new World();
    const scheduler = await world.started({ fastPath: "off" });
    const { receipts } = await scheduler.transaction((tx) => tx.enqueue(job, {}, { taskId: "a" }));
    expect(await scheduler.tryExecuteNow(receipts)).toEqual(["notClaimed"]);
    expect((await world.inner.get("a"))?.owner).toBeNull();
    await world.ports.advance(leaseMs);
    expect(world.runs).toEqual([]);
  });

  it("being off does not forbid a direct executeAndAdvance, as of a cron job in a serverless function", async () => {
    const world = new World();
    const scheduler = await world.started({ fastPath: "off" });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
  });
});
