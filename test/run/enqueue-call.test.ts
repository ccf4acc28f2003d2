// One call to enqueue: all of it or nothing, however many chunks it takes, and the transaction stays usable.
import { DuplicateTaskIdError, defineTask, type RawRecord, TaskConflictError, TaskExistsError } from "owed";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { ids, job, type MemoryScheduler, World } from "./world.ts";

const other = defineTask<unknown>({ type: "other" });
const bytes = new TextEncoder().encode("{}");

function items(taskIds: readonly string[]): { readonly taskId: string; readonly data: unknown }[] {
  return taskIds.map((taskId) => ({ taskId, data: { of: taskId } }));
}

async function chunked(
  unusual = {},
): Promise<{ readonly world: World; readonly scheduler: MemoryScheduler }> {
  const world = new World({ chunkTasks: 3, ...unusual });
  return { world, scheduler: await world.started() };
}

async function pendingIds(world: World): Promise<readonly string[]> {
  const { tasks } = await world.inner.list({ state: "pending", limit: 1_000, order: "ascending" });
  return tasks.map(({ taskId }) => taskId).sort();
}

describe("a call to enqueue", () => {
  it("is one statement, and sends no other, when it fits into one chunk (G22)", async () => {
    const { world, scheduler } = await chunked();
    const transaction = await world.inner.begin();
    await scheduler.enqueueAll(transaction, job, items(["a", "b", "c"]));
    expect(world.calls.slice(-1).map(({ method }) => method)).toEqual(["insert"]);
    expect(world.callsOf("insert").length + world.callsOf("savepoint").length).toBe(1);
    await transaction.commit();
  });

  it("is one statement a chunk, in one savepoint, when it does not (F55)", async () => {
    const { world, scheduler } = await chunked();
    const transaction = await world.inner.begin();
    const receipts = await scheduler.enqueueAll(transaction, job, items(ids("a", 7)));
    await transaction.commit();
    expect(receipts).toEqual(ids("a", 7).map((taskId) => ({ taskId, created: true })));
    expect(world.callsOf("insert").map(({ call }) => (call[1] as unknown[]).length)).toEqual([3, 3, 1]);
    expect(world.callsOf("savepoint").length).toBe(1);
    expect(await pendingIds(world)).toEqual([...ids("a", 7)]);
  });

  it("is cut by bytes too, and a task larger than a chunk goes alone (F56)", async () => {
    const { world, scheduler } = await chunked({ chunkTasks: 100, chunkBytes: 250 });
    const transaction = await world.inner.begin();
    const data = (length: number): string => "x".repeat(length - 2);
    const sizes = [100, 100, 100, 600, 10, 10];
    await scheduler.enqueueAll(
      transaction,
      job,
      sizes.map((size) => ({ data: data(size) })),
    );
    await transaction.commit();
    expect(world.callsOf("insert").map(({ call }) => (call[1] as unknown[]).length)).toEqual([2, 1, 1, 2]);
  });

  it("takes 65,537 tasks (F55)", async () => {
    const { world, scheduler } = await chunked({ chunkTasks: 10_000 });
    const transaction = await world.inner.begin();
    const receipts = await scheduler.enqueueAll(transaction, job, items(ids("a", 65_537)));
    await transaction.commit();
    expect([receipts.length, await world.inner.count("pending")]).toEqual([65_537, 65_537]);
    expect(receipts.every(({ created }) => created)).toBe(true);
  });

  it("reads an async iterable while the transaction is open, and a generator lazily", async () => {
    const { world, scheduler } = await chunked();
    let inserted = 0;
    async function* slowly(): AsyncGenerator<RawRecord> {
      for (const taskId of ids("a", 8)) {
        await Promise.resolve();
        inserted = world.callsOf("insert").length;
        yield { taskId, type: "job", data: bytes };
      }
    }
    const transaction = await world.inner.begin();
    expect(await scheduler.enqueueAll(transaction, slowly())).toHaveLength(8);
    await transaction.commit();
    expect(inserted).toBe(2); // the first chunks were written before the last record was read
    expect(await pendingIds(world)).toEqual([...ids("a", 8)]);
  });

  it.each([
    ["of a generator", false, [7, 8, 8]],
    ["of an async one only once that is done, since it may use the transaction itself", true, [4, 7, 8]],
  ])("reads the next chunk while the last is written; %s", async (_, isAsync, expected) => {
    const { world, scheduler } = await chunked();
    let read = 0;
    const readSoFar: number[] = [];
    world.fault("insert", async (carryOut) => {
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
      readSoFar.push(read);
      return await carryOut();
    });
    function* records(): Generator<RawRecord> {
      for (const taskId of ids("a", 8)) {
        read += 1;
        yield { taskId, type: "job", data: bytes };
      }
    }
    async function* slowly(): AsyncGenerator<RawRecord> {
      yield* records();
    }
    const transaction = await world.inner.begin();
    await scheduler.enqueueAll(transaction, isAsync ? slowly() : records());
    await transaction.commit();
    expect(readSoFar).toEqual(expected);
  });

  it("never touches what it is given (H7)", async () => {
    const { world, scheduler } = await chunked();
    const data = Object.freeze({ list: Object.freeze([1, 2]) });
    const item = Object.freeze({ data, taskId: "a", headers: Object.freeze({ traceparent: "00" }) });
    const raw = Object.freeze({ type: "job", data: bytes, taskId: "b" });
    const transaction = await world.inner.begin();
    await scheduler.enqueueAll(transaction, job, Object.freeze([item]));
    await scheduler.enqueueAll(transaction, Object.freeze([raw]));
    await scheduler.enqueue(transaction, job, data, Object.freeze({ referenceId: "order 1" }));
    await transaction.rollback();
    const again = await world.inner.begin();
    const receipts = await scheduler.enqueueAll(again, job, [item]);
    await again.commit();
    expect(receipts).toEqual([{ taskId: "a", created: true }]);
  });

  it("keeps what was given at the time of the call, though the caller changes it afterwards", async () => {
    const { world, scheduler } = await chunked();
    const data = { amount: 1 };
    const raw = new TextEncoder().encode("before");
    const transaction = await world.inner.begin();
    const first = scheduler.enqueue(transaction, job, data, { taskId: "a" });
    const second = scheduler.enqueueAll(transaction, [{ taskId: "b", type: "job", data: raw }]);
    data.amount = 2;
    raw.fill(0);
    await Promise.all([first, second]);
    await transaction.commit();
    const kept = await Promise.all(["a", "b"].map(async (taskId) => (await world.inner.get(taskId))?.data));
    expect(kept.map((found) => new TextDecoder().decode(found ?? undefined))).toEqual([
      '{"amount":1}',
      "before",
    ]);
  });

  it("keeps raw bytes as they were also when they come in a Buffer, whose slices share memory (G21)", async () => {
    const { world, scheduler } = await chunked();
    const raw = Buffer.from("before");
    const transaction = await world.inner.begin();
    const enqueued = scheduler.enqueueAll(transaction, [{ taskId: "a", type: "job", data: raw }]);
    raw.fill(0);
    await enqueued;
    await transaction.commit();
    expect(new TextDecoder().decode((await world.inner.get("a"))?.data ?? undefined)).toBe("before");
  });

  it("stores the data that was validated, though the caller changes it while its schema is waited for (G21)", async () => {
    const { world, scheduler } = await chunked();
    const positive = z.object({ amount: z.number().refine(async (amount) => Promise.resolve(amount > 0)) });
    const payment = defineTask({ type: "job", data: positive });
    const data = { amount: 5 };
    const transaction = await world.inner.begin();
    const enqueued = scheduler.enqueue(transaction, payment, data, { taskId: "a" });
    data.amount = -5;
    await enqueued;
    await transaction.commit();
    expect(new TextDecoder().decode((await world.inner.get("a"))?.data ?? undefined)).toBe('{"amount":5}');
  });
});

describe("a call to enqueue that fails leaves nothing behind, and the transaction stays usable", () => {
  /** Makes the call in a transaction that has written before and goes on afterwards; answers what it threw. */
  async function failing(
    { world, scheduler }: Awaited<ReturnType<typeof chunked>>,
    call: (transaction: Awaited<ReturnType<World["inner"]["begin"]>>) => Promise<unknown>,
  ): Promise<unknown> {
    const transaction = await world.inner.begin();
    await scheduler.enqueue(transaction, job, {}, { taskId: "before" });
    const thrown = await call(transaction).then(
      () => "nothing was thrown",
      (error: unknown) => error,
    );
    await scheduler.enqueue(transaction, job, {}, { taskId: "behind" });
    await transaction.commit();
    expect(await pendingIds(world)).toEqual(["before", "behind"]);
    await world.ports.advance(15_000);
    expect(world.startedIds.toSorted()).toEqual(["before", "behind"]);
    expect(await world.liveClaims(scheduler)).toBe(0);
    return thrown;
  }

  it("when the caller's iterator throws in a later chunk; the iterator's error is the one thrown", async () => {
    const made = await chunked();
    const thrown = new Error("the file ended");
    function* broken(): Generator<RawRecord> {
      for (const taskId of ids("a", 5)) yield { taskId, type: "job", data: bytes };
      throw thrown;
    }
    expect(await failing(made, (transaction) => made.scheduler.enqueueAll(transaction, broken()))).toBe(
      thrown,
    );
  });

  it("when the caller's iterator throws while a chunk is being written, which is waited for", async () => {
    const made = await chunked();
    const thrown = new Error("the file ended");
    function* broken(): Generator<RawRecord> {
      for (const taskId of ids("a", 5)) yield { taskId, type: "job", data: bytes };
      throw thrown;
    }
    made.world.fault("insert", async (carryOut) => {
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
      return await carryOut();
    });
    expect(await failing(made, (transaction) => made.scheduler.enqueueAll(transaction, broken()))).toBe(
      thrown,
    );
  });

  it("when its schema throws at a later record while a chunk is being written", async () => {
    const made = await chunked();
    const thrown = new Error("the directory is not there");
    const validate = async (value: unknown): Promise<{ readonly value: { readonly of: string } }> => {
      const data = value as { readonly of: string };
      if (data.of === "a-4") throw thrown;
      return { value: data };
    };
    const schema = { "~standard": { version: 1, vendor: "test", validate } } as const;
    const checked = defineTask({ type: "job", data: schema });
    made.world.fault("insert", async (carryOut) => {
      await new Promise((resolve) => setImmediate(resolve));
      return await carryOut();
    });
    const records = ids("a", 5).map((taskId) => ({ taskId, data: { of: taskId } }));
    expect(
      await failing(made, (transaction) => made.scheduler.enqueueAll(transaction, checked, records)),
    ).toBe(thrown);
  });

  it("when a later record is wrong; the caller's iterator is closed", async () => {
    const made = await chunked();
    let isClosed = false;
    function* records(): Generator<RawRecord> {
      try {
        for (const taskId of ids("a", 5)) yield { taskId, type: "job", data: bytes };
        yield { taskId: "", type: "job", data: bytes };
      } finally {
        isClosed = true;
      }
    }
    const thrown = await failing(made, (transaction) => made.scheduler.enqueueAll(transaction, records()));
    expect(thrown).toMatchObject({ code: "OWED_INVALID_INPUT", field: "taskId" });
    expect(isClosed).toBe(true);
  });

  it.each([
    ["one chunk", ["a", "b", "a"]],
    ["two chunks", ["a", "b", "c", "d", "a"]],
  ])("when an id occurs twice, in %s (F55)", async (_, taskIds) => {
    const made = await chunked();
    const thrown = await failing(made, (transaction) =>
      made.scheduler.enqueueAll(transaction, job, items(taskIds)),
    );
    expect(thrown).toBeInstanceOf(DuplicateTaskIdError);
    expect(thrown).toMatchObject({ taskId: "a" });
  });

  it.each([
    ["its only chunk", 2],
    ["a later chunk", 5],
  ])("when it conflicts with what stands, in %s (V2, H6)", async (_, count) => {
    const made = await chunked();
    const taskIds = [...ids("a", count), "before"];
    const thrown = await failing(made, (transaction) =>
      made.scheduler.enqueueAll(transaction, job, items(taskIds)),
    );
    expect(thrown).toBeInstanceOf(TaskConflictError);
    expect(thrown).toMatchObject({ taskIds: ["before"] });
  });

  it("when a task stands already and its definition says throw", async () => {
    const made = await chunked();
    const once = defineTask<unknown>({ type: "job", onDuplicate: "throw" });
    const taskIds = [...ids("a", 4), "before"];
    const thrown = await failing(made, (transaction) =>
      made.scheduler.enqueueAll(transaction, once, items(taskIds)),
    );
    expect(thrown).toBeInstanceOf(TaskExistsError);
    expect(thrown).toMatchObject({ taskIds: ["before"] });
  });

  it("when the database refuses a later chunk", async () => {
    const made = await chunked();
    const refused = new Error("value too long");
    let inserts = 0;
    made.world.fault("insert", (carryOut, call) => {
      const isOfTheCall = (call[1] as readonly unknown[]).length > 1 || inserts > 1;
      inserts += 1;
      return inserts === 3 && isOfTheCall ? Promise.reject(refused) : carryOut();
    });
    const thrown = await failing(made, (transaction) =>
      made.scheduler.enqueueAll(transaction, job, items(ids("a", 5))),
    );
    expect(thrown).toBe(refused);
  });
});

describe("a task that stands already", () => {
  async function again(
    onDuplicate: "compare" | "throw" | "keep",
    change: { readonly data?: unknown; readonly type?: string; readonly settle?: boolean } = {},
  ): Promise<unknown> {
    const { world, scheduler } = await chunked();
    const receipt = await world.enqueue(scheduler, { taskId: "a" }, { b: [1], a: 1 });
    if (change.settle === true) await scheduler.tryExecuteNow(receipt);
    const definition = defineTask<unknown>({ type: change.type ?? "job", onDuplicate });
    const transaction = await world.inner.begin();
    try {
      return await scheduler.enqueue(transaction, definition, change.data ?? { a: 1, b: [1] }, {
        taskId: "a",
      });
    } catch (error) {
      return (error as { code: string }).code;
    } finally {
      await scheduler.enqueue(transaction, other, {}, { taskId: "goes on" });
      await transaction.commit();
      expect(await world.stateOf("goes on")).toBe("pending");
    }
  }
  const standing = { taskId: "a", created: false };

  it("is answered with created: false when type and data are the same, in whatever order its keys (H6)", async () => {
    expect(await again("compare")).toEqual(standing);
    expect(await again("compare", { settle: true })).toEqual(standing);
  });

  it("is a conflict when data or type differ (H6)", async () => {
    expect(await again("compare", { data: { a: 2 } })).toBe("OWED_TASK_CONFLICT");
    expect(await again("compare", { data: { a: 2 }, settle: true })).toBe("OWED_TASK_CONFLICT");
    expect(await again("compare", { type: "other" })).toBe("OWED_TASK_CONFLICT");
  });

  it("is kept, whatever differs, by the policy keep", async () => {
    expect(await again("keep", { data: { a: 2 } })).toEqual(standing);
    expect(await again("keep", { type: "other" })).toEqual(standing);
  });

  it("is refused, though nothing differs, by the policy throw", async () => {
    expect(await again("throw")).toBe("OWED_TASK_EXISTS");
  });

  it("is recognised within its own transaction", async () => {
    const { world, scheduler } = await chunked();
    const { receipts } = await scheduler.transaction(async (tx) => {
      await tx.enqueue(job, {}, { taskId: "a" });
      await tx.enqueue(job, {}, { taskId: "a" });
    });
    await world.ports.advance(15_000);
    expect(receipts.map(({ created }) => created)).toEqual([true, false]);
    expect(world.startedIds).toEqual(["a"]);
  });

  it("by two transactions at once, is created by one and recognised by the other (H6)", async () => {
    const { world, scheduler } = await chunked();
    const [left, right] = [await world.inner.begin(), await world.inner.begin()];
    const first = await scheduler.enqueue(left, job, {}, { taskId: "a" });
    const waiting = scheduler.enqueue(right, job, {}, { taskId: "a" });
    await left.commit();
    const second = await waiting;
    await right.commit();
    expect([first.created, second.created]).toEqual([true, false]);
    expect(await world.balance()).toEqual({ pending: 1, confirmed: 0, failed: 0 });
  });
});
