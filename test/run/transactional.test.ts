// Executors whose work and confirmation are committed together: never one without the other.
import {
  constant,
  defineTask,
  executor,
  NotATransactionError,
  Scheduler,
  type TransactionalAttempt,
} from "owed";
import { describe, expect, it } from "vitest";
import { CommitUnknownError, StoreUnavailableError } from "../../src/errors.ts";
import type { OwnTransaction } from "../../src/store/contract.ts";
import { databaseError } from "../../src/store/memory/database-error.ts";
import type { MemoryRows, MemoryTransaction } from "../../src/store/memory/index.ts";
import { gate, job, World } from "./world.ts";

type Own = OwnTransaction<MemoryTransaction, MemoryRows>;
type Work = (attempt: TransactionalAttempt<unknown, MemoryRows>) => Promise<unknown>;
interface Limits {
  readonly timeoutMs?: number;
  readonly maxRetries?: number;
}

const next = defineTask<unknown>({ type: "next" });

/** A scheduler whose jobs are transactional, and write their effect before they do their work. */
async function transactional(world: World, work: Work = async () => undefined, limits: Limits = {}) {
  const confirmed: string[] = [];
  const scheduler = new Scheduler({
    store: world.store,
    ports: world.ports,
    backoff: constant({ delayMs: 1_000, jitter: 0 }),
    onConfirmed: ({ taskId }) => confirmed.push(taskId),
    executors: [
      executor(job, { transactional: world.store, ...limits }, async (attempt) => {
        await attempt.tx.put(`effect ${attempt.taskId} ${attempt.attempt}`, true);
        await work(attempt);
      }),
      world.executor(next),
    ],
  });
  await scheduler.start();
  return { scheduler, confirmed };
}

/** Puts something else in place of the COMMIT of the next transaction. */
function replaceCommit(world: World, commit: (own: Own) => Promise<void>): void {
  world.fault("begin", async (carryOut) => {
    world.heal("begin");
    const own = (await carryOut()) as Own;
    return {
      transaction: own.transaction,
      api: own.api,
      provesCommit: () => own.provesCommit(),
      savepoint: () => own.savepoint(),
      commit: () => commit(own),
      rollback: () => own.rollback(),
    };
  });
}

const unanswered = (): CommitUnknownError => new CommitUnknownError([], { cause: new Error("cut") });

describe("work in the engine's transaction", () => {
  it("is committed with the confirmation, and nothing is left to settle", async () => {
    const world = new World();
    const { scheduler, confirmed } = await transactional(world, async () => {
      expect(await world.stateOf("a")).toBe("pending");
      expect(await world.committedKeys()).toEqual([]);
    });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    expect([await world.stateOf("a"), await world.committedKeys()]).toEqual(["confirmed", ["effect a 1"]]);
    expect([world.callsOf("settle"), world.callsOf("readConfirmations")]).toEqual([[], []]);
    expect(confirmed).toEqual(["a"]);
  });

  it("is gone when it throws, and the attempt has failed", async () => {
    const world = new World();
    const { scheduler } = await transactional(world, ({ attempt }) =>
      attempt === 1 ? Promise.reject(new Error("no")) : Promise.resolve(),
    );
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("retrying");
    expect(await world.committedKeys()).toEqual([]);
    expect(await world.inner.get("a")).toMatchObject({ failedAttempts: 1, lastError: { message: "no" } });
    await world.ports.advance(2_000);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    expect(await world.committedKeys()).toEqual(["effect a 2"]);
  });

  it("takes tasks with it, which run straight after its commit", async () => {
    const world = new World();
    const { scheduler } = await transactional(world, async ({ tx, attempt }) => {
      await tx.enqueue(next, {}, { taskId: `next ${attempt}` });
      if (attempt === 1) throw new Error("no");
      expect(world.startedIds).toEqual([]);
    });
    await world.leave(["a"]);
    await scheduler.executeAndAdvance("a");
    await world.ports.advance(2_000);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    await world.ports.settle();
    expect(world.startedIds).toEqual(["next 2"]);
    expect([await world.stateOf("next 1"), await world.stateOf("next 2")]).toEqual(["gone", "confirmed"]);
  });

  it("that outlives its timeout is rolled back then, and its tx takes no more", async () => {
    const world = new World();
    const held = gate();
    const refused: unknown[] = [];
    const work: Work = async ({ tx, attempt }) => {
      if (attempt > 1) return;
      await held.opened;
      await tx.put("late", true).catch((error: unknown) => refused.push(error));
      await tx.enqueue(next, {}).catch((error: unknown) => refused.push(error));
    };
    const { scheduler } = await transactional(world, work, { timeoutMs: 500 });
    await world.leave(["a"]);
    expect(await world.ports.until(scheduler.executeAndAdvance("a"))).toBe("retrying");
    await world.ports.advance(2_000);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    held.open();
    await world.ports.settle();
    expect(refused).toEqual([expect.any(NotATransactionError), expect.any(NotATransactionError)]);
    expect(await world.committedKeys()).toEqual(["effect a 2"]);
    expect((await world.balance()).confirmed).toBe(1);
  });

  it("is given back by a stop that cannot wait for it, with nothing written", async () => {
    const world = new World();
    const { scheduler } = await transactional(world, () => new Promise(() => undefined));
    await world.leave(["a"]);
    const answer = scheduler.executeAndAdvance("a");
    await world.ports.advance(10);
    await world.ports.until(scheduler.stop({ graceMs: 100 }));
    expect(await answer).toBe("retrying");
    expect(await world.committedKeys()).toEqual([]);
    expect(await world.inner.get("a")).toMatchObject({ state: "pending", owner: null, failedAttempts: 0 });
  });

  it("is rolled back when the task was cancelled meanwhile", async () => {
    const world = new World();
    const { scheduler, confirmed } = await transactional(world, () => scheduler.cancel("a"));
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("cancelled");
    expect([await world.committedKeys(), confirmed]).toEqual([[], []]);
  });

  it("is rolled back when another process has taken the task over", async () => {
    const world = new World();
    const { scheduler } = await transactional(world, async () => {
      const [process] = await world.inner.processes();
      await world.inner.removeProcess(process?.owner ?? "");
      await world.ghost();
    });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("lost");
    expect(await world.committedKeys()).toEqual([]);
    const attempts = (await world.inner.get("a"))?.attempts;
    expect(attempts?.at(-1)).toMatchObject({ accepted: false, error: { code: "OWED_CLAIM_LOST" } });
  });

  it("is run again within the attempt after a serialization failure, if it may", async () => {
    const world = new World();
    let runs = 0;
    const work: Work = async () => {
      runs += 1;
      if (runs < 3) throw databaseError("40001");
    };
    const { scheduler } = await transactional(world, work, { maxRetries: 2 });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    expect([runs, await world.committedKeys()]).toEqual([3, ["effect a 1"]]);
  });

  it("that could not begin counts as no failed attempt", async () => {
    const world = new World();
    const { scheduler } = await transactional(world);
    world.fault("begin", () =>
      Promise.reject(new StoreUnavailableError("no client", { outcomeUnknown: false })),
    );
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("deferred");
    expect(await world.inner.get("a")).toMatchObject({ failedAttempts: 0, deferredAttempts: 1 });
  });

  it("does not start once the lease has run out, however long it took to begin", async () => {
    const world = new World();
    let runs = 0;
    const { scheduler } = await transactional(world, async () => void (runs += 1));
    world.fault("begin", async (carryOut) => {
      world.fault("beat", () => new Promise(() => undefined));
      await world.sleep(16_000);
      return await carryOut();
    });
    await world.leave(["a"]);
    expect(await world.ports.until(scheduler.executeAndAdvance("a"))).toBe("deferred");
    expect(runs).toBe(0);
  });
});

describe("a COMMIT that is not answered", () => {
  it("and was carried out confirms the task, as reading shows", async () => {
    const world = new World();
    const { scheduler, confirmed } = await transactional(world);
    replaceCommit(world, async (own) => {
      await own.commit();
      throw unanswered();
    });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    expect([await world.committedKeys(), confirmed, world.callsOf("settle")]).toEqual([
      ["effect a 1"],
      ["a"],
      [],
    ]);
  });

  it("and was not carried out defers the task, as reading shows", async () => {
    const world = new World();
    const { scheduler, confirmed } = await transactional(world);
    replaceCommit(world, async (own) => {
      await own.rollback();
      throw unanswered();
    });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("deferred");
    expect([await world.committedKeys(), confirmed]).toEqual([[], []]);
    expect(await world.inner.get("a")).toMatchObject({ failedAttempts: 0, deferredAttempts: 1 });
    await world.ports.advance(2_000);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    expect(await world.committedKeys()).toEqual(["effect a 2"]);
  });

  it.each(["commit", "rollback"] as const)("is waited for while its transaction is open: %s", async (end) => {
    const world = new World();
    const { scheduler } = await transactional(world);
    replaceCommit(world, (own) => {
      world.ports.timers.after(5_000, () => void own[end]());
      throw unanswered();
    });
    await world.leave(["a"]);
    const answer = await world.ports.until(scheduler.executeAndAdvance("a"));
    expect(answer).toBe(end === "commit" ? "confirmed" : "deferred");
    expect(await world.committedKeys()).toEqual(end === "commit" ? ["effect a 1"] : []);
    expect(world.callsOf("readConfirmations").length).toBeGreaterThan(3);
  });

  it("is read as soon as the database answers again", async () => {
    const world = new World();
    const { scheduler } = await transactional(world);
    world.fault("readConfirmations", () =>
      Promise.reject(new StoreUnavailableError("down", { outcomeUnknown: false })),
    );
    world.ports.timers.after(10_000, () => world.heal("readConfirmations"));
    replaceCommit(world, async (own) => {
      await own.commit();
      throw unanswered();
    });
    await world.leave(["a"]);
    expect(await world.ports.until(scheduler.executeAndAdvance("a"))).toBe("confirmed");
  });

  it("when the timeout passes meanwhile leaves one end alone to stand", async () => {
    const world = new World();
    const { scheduler } = await transactional(world, undefined, { timeoutMs: 1_000 });
    replaceCommit(world, (own) => {
      world.ports.timers.after(5_000, () => void own.commit());
      throw unanswered();
    });
    await world.leave(["a"]);
    expect(await world.ports.until(scheduler.executeAndAdvance("a"))).toBe("lost");
    expect([await world.stateOf("a"), await world.committedKeys()]).toEqual(["confirmed", ["effect a 1"]]);
  });

  it("and is answered after the timeout tells of the confirmation then", async () => {
    const world = new World();
    const { scheduler, confirmed } = await transactional(world, undefined, { timeoutMs: 1_000 });
    replaceCommit(world, async (own) => {
      await own.commit();
      await world.sleep(5_000);
    });
    await world.leave(["a"]);
    expect(await world.ports.until(scheduler.executeAndAdvance("a"))).toBe("lost");
    await world.ports.advance(6_000);
    expect([confirmed, await world.committedKeys()]).toEqual([["a"], ["effect a 1"]]);
  });
});

describe("a COMMIT that fails", () => {
  it("fails the attempt with its error", async () => {
    const world = new World();
    const { scheduler } = await transactional(world);
    replaceCommit(world, async (own) => {
      await own.rollback();
      throw databaseError("40001");
    });
    await world.leave(["a"]);
    expect(await scheduler.executeAndAdvance("a")).toBe("retrying");
    expect(await world.inner.get("a")).toMatchObject({ failedAttempts: 1, lastError: { code: "40001" } });
  });
});
