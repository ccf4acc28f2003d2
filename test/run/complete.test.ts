// complete(tx): executors that open their transaction themselves and confirm their task in it.
import { ClaimLostError, constant, executor, NotATransactionError, Scheduler, type TypedAttempt } from "owed";
import { describe, expect, it } from "vitest";
import type { MemoryTransaction } from "../../src/store/memory/index.ts";
import { gate, job, World } from "./world.ts";

type Work = (attempt: TypedAttempt<unknown>, tx: MemoryTransaction) => Promise<unknown>;

/** A scheduler whose executor opens a transaction, writes its effect, and leaves the rest to the work. */
async function completing(world: World, work: Work, limits: { readonly timeoutMs?: number } = {}) {
  const confirmed: string[] = [];
  const scheduler = new Scheduler({
    store: world.store,
    ports: world.ports,
    backoff: constant({ delayMs: 1_000, jitter: 0 }),
    onConfirmed: ({ taskId }) => confirmed.push(taskId),
    executors: [
      executor(job, limits, async (attempt) => {
        const tx = await world.inner.begin();
        await tx.put(`effect ${attempt.attempt}`, true);
        await work(attempt, tx);
      }),
    ],
  });
  await scheduler.start();
  await world.leave(["a"]);
  return { scheduler, confirmed };
}

const completed: Work = async ({ complete }, tx) => {
  await complete(tx);
  await tx.commit();
};

describe("complete(tx)", () => {
  it("confirms the task with the commit, and the engine reads that it did", async () => {
    const world = new World();
    const { scheduler, confirmed } = await completing(world, completed);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    expect([await world.stateOf("a"), await world.committedKeys(), confirmed]).toEqual([
      "confirmed",
      ["effect 1"],
      ["a"],
    ]);
    expect([world.callsOf("settle").length, world.callsOf("readConfirmations").length]).toEqual([0, 1]);
  });

  it("is no success when the executor returns and its transaction was rolled back", async () => {
    const world = new World();
    const { scheduler, confirmed } = await completing(world, async ({ complete, attempt }, tx) => {
      await complete(tx);
      await (attempt === 1 ? tx.rollback() : tx.commit());
    });
    expect(await scheduler.executeAndAdvance("a")).toBe("retrying");
    expect(await world.inner.get("a")).toMatchObject({
      failedAttempts: 1,
      lastError: { code: "OWED_TRANSACTION_ROLLED_BACK" },
    });
    await world.ports.advance(2_000);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    expect([await world.committedKeys(), confirmed]).toEqual([["effect 2"], ["a"]]);
  });

  it("in a transaction that is still open when the executor returns is waited for", async () => {
    const world = new World();
    const { scheduler } = await completing(world, async ({ complete }, tx) => {
      await complete(tx);
      world.ports.timers.after(3_000, () => void tx.commit());
    });
    expect(await world.ports.until(scheduler.executeAndAdvance("a"))).toBe("confirmed");
  });

  it("stands although the executor throws after the commit", async () => {
    const world = new World();
    const { scheduler } = await completing(world, async (attempt, tx) => {
      await completed(attempt, tx);
      throw new Error("the mail to the operator failed");
    });
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    expect((await world.inner.get("a"))?.attempts).toEqual([]);
  });

  it("is undone by an error before the commit, which is what the attempt fails with", async () => {
    const world = new World();
    const { scheduler } = await completing(world, async ({ complete }, tx) => {
      await complete(tx);
      await tx.rollback();
      throw new Error("no");
    });
    expect(await scheduler.executeAndAdvance("a")).toBe("retrying");
    expect(await world.inner.get("a")).toMatchObject({ failedAttempts: 1, lastError: { message: "no" } });
  });

  it("throws when the claim is lost, whatever the executor makes of it", async () => {
    const world = new World();
    const thrown: unknown[] = [];
    const { scheduler, confirmed } = await completing(world, async ({ complete }, tx) => {
      await world.inner.cancel("a");
      await Promise.resolve(complete(tx)).catch((error: unknown) => thrown.push(error));
      await tx.rollback();
    });
    expect(await scheduler.executeAndAdvance("a")).toBe("cancelled");
    expect(thrown).toEqual([expect.any(ClaimLostError)]);
    expect(confirmed).toEqual([]);
  });

  it("is refused after the attempt has ended", async () => {
    const world = new World();
    const held = gate();
    const thrown: unknown[] = [];
    const late: Work = async ({ complete }, tx) => {
      await held.opened;
      await Promise.resolve(complete(tx)).catch((error: unknown) => thrown.push(error));
      await tx.rollback();
    };
    const { scheduler } = await completing(
      world,
      (attempt, tx) => (attempt.attempt === 1 ? late : completed)(attempt, tx),
      {
        timeoutMs: 500,
      },
    );
    expect(await world.ports.until(scheduler.executeAndAdvance("a"))).toBe("retrying");
    held.open();
    await world.ports.settle();
    expect(thrown).toEqual([expect.any(ClaimLostError)]);
    await world.ports.advance(2_000);
    expect(await scheduler.executeAndAdvance("a")).toBe("confirmed");
    expect(await world.committedKeys()).toEqual(["effect 2"]);
  });

  it("takes nothing but an open transaction, and an executor that swallows that has not succeeded", async () => {
    const world = new World();
    const { scheduler } = await completing(world, async ({ complete }, tx) => {
      await tx.rollback();
      for (const candidate of [tx, {}, world.store]) {
        await expect(complete(candidate)).rejects.toThrow(NotATransactionError);
      }
    });
    expect(await scheduler.executeAndAdvance("a")).toBe("retrying");
  });
});
