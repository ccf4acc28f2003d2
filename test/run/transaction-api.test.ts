// transaction(fn): what the callback gets in hand; and what a receipt is good for.
import { defineTask, type Scheduler } from "owed";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { job, World } from "./world.ts";

describe("the callback of a transaction", () => {
  it("works with the store's own api, though its class has private fields", async () => {
    const world = new World();
    const { value } = await world.scheduler().transaction(async (tx) => {
      await tx.put("payment", { amount: 5 });
      await tx.put("gone", 1);
      await tx.delete("gone");
      return [await tx.get("payment"), await tx.keys()];
    });
    expect(value).toEqual([{ amount: 5 }, ["payment"]]);
  });

  it("works with an api that is frozen, and with getters that stay live", async () => {
    const world = new World();
    let reads = 0;
    world.fault("begin", async () => {
      const own = await world.inner.begin();
      const api = Object.freeze({
        ask: (question: string) => `${question}!`,
        get live() {
          reads += 1;
          return reads;
        },
      });
      return {
        transaction: own,
        api,
        provesCommit: () => true,
        savepoint: () => own.savepoint(),
        commit: () => own.commit(),
        rollback: () => own.rollback(),
      };
    });
    interface Api {
      ask(question: string): string;
      readonly live: number;
    }
    const { value } = await world.scheduler().transaction(async (tx) => {
      const api = tx as unknown as Api;
      await tx.enqueue(job, {}, { taskId: "a" });
      return [api.ask("well"), api.live, api.live, "ask" in tx];
    });
    expect(value).toEqual(["well!", 1, 2, true]);
    expect(await world.stateOf("a")).toBe("pending");
  });

  it("enqueues one or many, typed or raw, and is told the ids", async () => {
    const world = new World();
    const { value, receipts } = await world
      .scheduler()
      .transaction(async (tx) => [
        await tx.enqueue(job, 1, { taskId: "a" }),
        ...(await tx.enqueueAll(job, [{ data: 1, taskId: "b" }])),
        ...(await tx.enqueueAll([{ type: "job", data: Uint8Array.of(1), taskId: "c" }])),
        await tx.enqueue(job, 1, { taskId: "a" }),
      ]);
    expect(value).toEqual([{ taskId: "a" }, { taskId: "b" }, { taskId: "c" }, { taskId: "a" }]);
    expect(receipts.map(({ created }) => created)).toEqual([true, true, true, false]);
  });

  it("commits what was enqueued, whether or not it waited for it; an enqueue never lands after the end (G1)", async () => {
    const world = new World();
    const slow = defineTask({
      type: "job",
      data: z.number().refine(() => world.sleep(1_000).then(() => true)),
    });
    const scheduler = world.scheduler();
    const work = scheduler.transaction((tx) => {
      void tx.enqueue(slow, 1, { taskId: "a" });
    });
    const { receipts } = await world.ports.until(work);
    expect([receipts.map(({ taskId }) => taskId), await world.stateOf("a")]).toEqual([["a"], "pending"]);
    const failing = scheduler.transaction((tx) => {
      void Promise.resolve(tx.enqueue(slow, 1, { taskId: "b" })).catch(() => undefined);
      throw new Error("declined");
    });
    await expect(world.ports.until(failing)).rejects.toThrow("declined");
    await world.ports.advance(5_000);
    expect([await world.stateOf("b"), await world.balance()]).toEqual([
      "gone",
      { pending: 1, confirmed: 0, failed: 0 },
    ]);
  });

  it("rolls back business rows and tasks together", async () => {
    const world = new World();
    const scheduler = await world.started();
    const failing = scheduler.transaction(async (tx) => {
      await tx.put("payment", 5);
      await tx.enqueue(job, {}, { taskId: "a" });
      throw new Error("declined");
    });
    await expect(failing).rejects.toThrow("declined");
    const { value } = await scheduler.transaction((tx) => tx.get("payment"));
    expect([value, await world.stateOf("a")]).toEqual([undefined, "gone"]);
  });

  it("sees nested savepoints undone one by one", async () => {
    const world = new World();
    const { receipts } = await world.scheduler().transaction(async (tx) => {
      await tx.savepoint(async (outer) => {
        await outer.enqueue(job, {}, { taskId: "outer" });
        const inner = async (): Promise<void> => {
          await outer.savepoint(async (innermost) => {
            await innermost.enqueue(job, {}, { taskId: "inner" });
            throw new Error("never mind");
          });
        };
        await expect(inner()).rejects.toThrow("never mind");
        await outer.enqueue(job, {}, { taskId: "after" });
      });
    });
    expect(receipts.map(({ taskId }) => taskId)).toEqual(["outer", "after"]);
    expect(await world.balance()).toEqual({ pending: 2, confirmed: 0, failed: 0 });
  });
});

describe("enqueueSync", () => {
  it("is refused on a store that has to be waited for", async () => {
    const world = new World();
    const transaction = await world.inner.begin();
    const scheduler = world.scheduler() as unknown as Scheduler<unknown, unknown, true>;
    expect(() => scheduler.enqueueSync(transaction, job, {})).toThrow(
      expect.objectContaining({ code: "OWED_SYNCHRONOUS_ONLY" }),
    );
    expect(world.callsOf("insert")).toEqual([]);
  });
});

describe("executeAndAdvance of a receipt", () => {
  it("executes anew once the task is due again, as it does by taskId", async () => {
    const world = new World();
    const behave = ({ attempt }: { readonly attempt: number }): void => {
      if (attempt === 1) throw new Error("not yet");
    };
    const scheduler = await world.started({ executors: [world.executor(job, behave)] });
    const receipt = await world.enqueue(scheduler);
    expect(await scheduler.executeAndAdvance(receipt)).toBe("retrying");
    await world.ports.advance(2_000);
    expect(await scheduler.executeAndAdvance(receipt)).toBe("confirmed");
  });

  it("executes a task whose born claim was given back meanwhile, for want of room", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(60_000), { concurrency: 1 })];
    const scheduler = await world.started({ executors });
    const transaction = await world.inner.begin();
    const receipt = await scheduler.enqueue(transaction, job, {}, { taskId: "waits" });
    await world.leave(["long"]);
    const worker = scheduler.startWorker();
    await world.ports.advance(100);
    void worker.stop({ graceMs: 120_000 });
    await transaction.commit();
    await world.ports.advance(15_000);
    expect([world.startedIds, (await world.inner.get("waits"))?.owner]).toEqual([["long"], null]);
    await world.ports.advance(60_000);
    expect(await world.ports.until(scheduler.executeAndAdvance(receipt))).toBe("confirmed");
    expect(world.startedIds).toEqual(["long", "waits"]);
  });
});
