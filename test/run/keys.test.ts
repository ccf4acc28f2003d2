// Keys: never more than so many attempts of one at a time in a process, whatever path they come by, and none waits behind another.
import { defineTask, Scheduler } from "owed";
import { describe, expect, it } from "vitest";
import { gate, ids, job, World } from "./world.ts";

interface Call {
  readonly merchant: string;
}

const call = defineTask<Call>({ type: "call", key: ({ merchant }) => merchant });

/** Counts how many attempts of each key run at once; the executor of `call` sleeps so long for each. */
function counted(world: World, sleepMs: (merchant: string) => number) {
  const running = new Map<string, number>();
  const most = new Map<string, number>();
  const behaviour = async ({ data }: { readonly data: unknown }): Promise<void> => {
    const { merchant } = data as Call;
    const now = (running.get(merchant) ?? 0) + 1;
    running.set(merchant, now);
    most.set(merchant, Math.max(most.get(merchant) ?? 0, now));
    try {
      await world.sleep(sleepMs(merchant));
    } finally {
      running.set(merchant, (running.get(merchant) ?? 1) - 1);
    }
  };
  return { most, behaviour };
}

/** Leaves tasks of a merchant, as another process would have. */
async function leave(world: World, merchant: string, taskIds: readonly string[]): Promise<void> {
  const elsewhere = new Scheduler({ store: world.inner, ports: world.ports });
  const transaction = await world.inner.begin();
  await elsewhere.enqueueAll(
    transaction,
    call,
    taskIds.map((taskId) => ({ taskId, data: { merchant } })),
  );
  await transaction.commit();
}

describe("a limit per key", () => {
  it("holds in the worker, each key by itself", async () => {
    const world = new World();
    const { most, behaviour } = counted(world, () => 10);
    for (const merchant of ["a", "b", "c"]) await leave(world, merchant, ids(merchant, 20));
    world.scheduler({ executors: [world.executor(call, behaviour, { concurrencyPerKey: 2 })] }).startWorker();
    await world.ports.advance(2_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 60, failed: 0 });
    expect(Object.fromEntries(most)).toEqual({ a: 2, b: 2, c: 2 });
  });

  it.each([1, 2, 5])("of %i holds over worker, fast path and direct execution together", async (limit) => {
    const world = new World({}, limit);
    const { most, behaviour } = counted(world, () => 5 + 40 * world.ports.random.fraction());
    for (const method of ["claim", "claimById", "insert"] as const) {
      world.fault(method, async (carryOut) => {
        await world.sleep(20 * world.ports.random.fraction());
        const answer = await carryOut();
        await world.sleep(20 * world.ports.random.fraction());
        return answer;
      });
    }
    const scheduler = world.scheduler({
      executors: [world.executor(call, behaviour, { concurrencyPerKey: limit })],
    });
    scheduler.startWorker({ concurrency: 30 });
    await world.ports.advance(100);
    const merchants = ["a", "b", "c", "d"];
    for (let round = 0; round < 60; round += 1) {
      const merchant = merchants[round % 4] as string;
      await leave(world, merchant, [`left-${round}`]);
      void scheduler.transaction(async (tx) => {
        for (let index = 0; index < 3; index += 1)
          await tx.enqueue(call, { merchant }, { taskId: `own-${round}-${index}` });
      });
      if (round % 3 === 0) void scheduler.executeAndAdvance(`left-${round}`);
      await world.ports.advance(15);
    }
    await world.ports.advance(30_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 240, failed: 0 });
    expect(most.size).toBe(4);
    expect(Math.max(...most.values())).toBe(limit);
  });

  it("is kept when a task is claimed and another of its key is born meanwhile", async () => {
    const world = new World();
    const { most, behaviour } = counted(world, () => 500);
    const scheduler = await world.started({
      executors: [world.executor(call, behaviour, { concurrencyPerKey: 1 })],
    });
    await leave(world, "a", ["left"]);
    world.fault("claim", async (carryOut) => {
      const answer = await carryOut();
      await world.sleep(100);
      return answer;
    });
    scheduler.startWorker();
    await world.ports.advance(50); // the claim has taken it, and is not answered
    await world.ports.until(
      scheduler.transaction((tx) => tx.enqueue(call, { merchant: "a" }, { taskId: "born" })),
    );
    await world.ports.advance(200);
    expect(world.startedIds).toEqual(["born"]);
    await world.ports.advance(5_000);
    expect(world.startedIds).toEqual(["born", "left"]);
    expect(most.get("a")).toBe(1);
    expect((await world.balance()).confirmed).toBe(2);
  });

  it("lets the next of a key start as soon as there is room, and not at the next poll", async () => {
    const world = new World();
    const { behaviour } = counted(world, () => 3_100);
    world.scheduler({ executors: [world.executor(call, behaviour, { concurrencyPerKey: 1 })] }).startWorker();
    await leave(world, "a", ids("a", 3));
    await world.ports.advance(20_000);
    const waits = world.runs.map(
      ({ startedMs }, place) => startedMs - (world.runs[place - 1]?.endedMs ?? startedMs),
    );
    expect(waits).toHaveLength(3);
    expect(Math.max(...waits)).toBeLessThanOrEqual(50);
  });

  it("leaves what has no room on the fast path due, for the workers", async () => {
    const world = new World();
    const { most, behaviour } = counted(world, () => 50);
    const scheduler = await world.started({
      executors: [world.executor(call, behaviour, { concurrencyPerKey: 2 })],
    });
    await scheduler.transaction(async (tx) => {
      for (const taskId of ids("a", 5)) await tx.enqueue(call, { merchant: "a" }, { taskId });
      await tx.enqueue(call, { merchant: "b" }, { taskId: "b" });
    });
    const owners = await Promise.all(
      [...ids("a", 5), "b"].map(async (taskId) => (await world.inner.get(taskId))?.owner !== null),
    );
    expect(owners).toEqual([true, true, false, false, false, true]);
    await world.ports.advance(1_000);
    expect(world.startedIds).toEqual(["a-0", "a-1", "b"]);
    scheduler.startWorker();
    await world.ports.advance(1_000);
    expect((await world.balance()).confirmed).toBe(6);
    expect(most.get("a")).toBe(2);
  });

  it("answers a direct execution without a write when the key is full", async () => {
    const world = new World();
    const open = gate();
    const scheduler = await world.started({
      executors: [world.executor(call, () => open.opened, { concurrencyPerKey: 1 })],
    });
    await leave(world, "a", ids("a", 2));
    await leave(world, "b", ["b"]);
    const first = scheduler.executeAndAdvance("a-0");
    await world.ports.settle();
    expect(await world.ports.until(scheduler.executeAndAdvance("a-1"))).toBe("notClaimed");
    expect((await world.inner.get("a-1"))?.attempts).toEqual([]);
    const other = scheduler.executeAndAdvance("b");
    open.open();
    expect(await world.ports.until(Promise.all([first, other]))).toEqual(["confirmed", "confirmed"]);
  });

  it("does not hold for tasks without a key, nor for types that do not ask for one", async () => {
    const world = new World();
    await world.leave(ids("keyless", 10));
    await world.leave(ids("keyed", 10), defineTask({ type: "other" }), { key: "a" });
    world
      .scheduler({
        executors: [
          world.executor(job, () => world.sleep(100), { concurrencyPerKey: 1 }),
          world.executor(defineTask({ type: "other" }), () => world.sleep(100)),
        ],
      })
      .startWorker();
    await world.ports.advance(50);
    expect(world.running).toBe(20);
  });

  it("keeps its place while an attempt runs, and no longer: a zombie does not end its key", async () => {
    const world = new World();
    const deaf = world.executor(call, () => new Promise(() => undefined), {
      concurrencyPerKey: 1,
      timeoutMs: 100,
    });
    await leave(world, "a", ids("a", 3));
    const scheduler = world.scheduler({ executors: [deaf] });
    scheduler.startWorker();
    await world.ports.advance(350);
    expect(world.startedIds).toEqual(["a-0", "a-1", "a-2"]);
  });
});

describe("a merchant whose calls hang", () => {
  it("keeps no task of another waiting, whatever its backlog", async () => {
    const world = new World();
    const { most, behaviour } = counted(world, (merchant) => (merchant === "dead" ? 60_000 : 20));
    await leave(world, "dead", ids("dead", 3_000));
    world
      .scheduler({ executors: [world.executor(call, behaviour, { concurrencyPerKey: 3 })] })
      .startWorker({ concurrency: 20 });
    await world.ports.advance(1_000);
    const enqueuedMs = new Map<string, number>();
    for (let round = 0; round < 100; round += 1) {
      const taskId = `live-${round}`;
      enqueuedMs.set(taskId, world.ports.clock.monotonicMs());
      await leave(world, `merchant-${round % 50}`, [taskId]);
      await world.ports.advance(100);
    }
    await world.ports.advance(2_000);
    const waits = world.runs.flatMap(({ taskId, startedMs }) => {
      const fromMs = enqueuedMs.get(taskId);
      return fromMs === undefined ? [] : [startedMs - fromMs];
    });
    expect(waits).toHaveLength(100);
    expect(Math.max(...waits)).toBeLessThanOrEqual(1_000);
    expect(most.get("dead")).toBe(3);
  });
});

describe("a key", () => {
  it("comes from the definition, from the call, or from a raw record", async () => {
    const world = new World();
    const scheduler = await world.started({ executors: [] });
    const transaction = await world.inner.begin();
    await scheduler.enqueue(transaction, call, { merchant: "of the data" }, { taskId: "defined" });
    await scheduler.enqueue(
      transaction,
      call,
      { merchant: "unused" },
      { taskId: "named", key: "of the call" },
    );
    await scheduler.enqueueAll(transaction, [
      { type: "call", data: new Uint8Array(1), taskId: "raw", key: "of the record" },
      { type: "call", data: new Uint8Array(1), taskId: "none" },
    ]);
    await transaction.commit();
    const keys = await Promise.all(
      ["defined", "named", "raw", "none"].map(async (taskId) => (await world.inner.get(taskId))?.key),
    );
    expect(keys).toEqual(["of the data", "of the call", "of the record", null]);
  });

  it("that cannot be one is refused before anything is written", async () => {
    const world = new World();
    const scheduler = await world.started({ executors: [] });
    const transaction = await world.inner.begin();
    const wrong = defineTask<{ readonly key: unknown }>({ type: "wrong", key: ({ key }) => key as string });
    for (const key of [undefined, null, 7, "", "x".repeat(201)]) {
      await expect(scheduler.enqueue(transaction, wrong, { key })).rejects.toMatchObject({
        code: "OWED_INVALID_INPUT",
        field: "key",
      });
    }
    await expect(
      scheduler.enqueue(transaction, call, { merchant: "a" }, { key: "\ud800" }),
    ).rejects.toMatchObject({ code: "OWED_INVALID_INPUT" });
    const throws = defineTask<unknown>({
      type: "throws",
      key: () => {
        throw new TypeError("no merchant in it");
      },
    });
    await expect(scheduler.enqueue(transaction, throws, {})).rejects.toThrow("no merchant in it");
    await transaction.commit();
    expect((await world.inner.balance()).enqueued).toBe(0);
  });
});
