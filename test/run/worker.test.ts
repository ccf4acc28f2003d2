// The worker: what it claims, in which order, and how much of it runs at once.
import { defineTask, executor, failingExecutor, Scheduler, type TaskExecutor } from "owed";
import { describe, expect, it } from "vitest";

import { memoryStore } from "../../src/store/memory/index.ts";
import { virtualPorts } from "../../src/testing/index.ts";
import { gate, ids, job, World } from "./world.ts";

const slow = defineTask<unknown>({ type: "slow" });
const quick = defineTask<unknown>({ type: "quick" });

describe("a worker", () => {
  it("claims in due order, whatever the order of enqueue (G11, H10)", async () => {
    const world = new World();
    const scheduler = world.scheduler({ fastPath: "off" });
    const start = world.ports.nowMs;
    await world.enqueue(scheduler, { taskId: "third", runAt: new Date(start + 300) });
    await world.enqueue(scheduler, { taskId: "second", delayMs: 200 });
    await world.enqueue(scheduler, { taskId: "first" });
    await world.enqueue(scheduler, { taskId: "fourth", delayMs: 400 });
    await world.enqueue(scheduler, { taskId: "long past", runAt: new Date(0) });
    await world.ports.advance(1_000);
    scheduler.startWorker({ concurrency: 1 });
    await world.ports.advance(5_000);
    expect(world.startedIds).toEqual(["first", "long past", "second", "third", "fourth"]);
  });

  it("takes no task before it is due, and each within a poll of being due (G9)", async () => {
    const world = new World();
    const scheduler = world.scheduler({ fastPath: "off" });
    const delays = [0, 1, 999, 5_000, 5_001, 61_000];
    for (const delayMs of delays) await world.enqueue(scheduler, { taskId: String(delayMs), delayMs });
    scheduler.startWorker();
    await world.ports.advance(70_000);
    expect(world.runs.map(({ taskId }) => Number(taskId))).toEqual(delays);
    for (const { taskId, startedMs } of world.runs) {
      expect(startedMs).toBeGreaterThanOrEqual(Number(taskId));
      expect(startedMs).toBeLessThanOrEqual(Number(taskId) + 1_000);
    }
  });

  it("looks at the database's clock, and not at its own (H11, F75)", async () => {
    const ports = virtualPorts();
    const store = memoryStore({ clock: { wallMs: () => 5_000_000 + ports.clock.monotonicMs() } });
    const started: string[] = [];
    const note = executor(job, ({ taskId }) => void started.push(taskId));
    const scheduler = new Scheduler({ store, ports, executors: [note], fastPath: "off" });
    scheduler.startWorker();
    await scheduler.enqueue(job, {}, { taskId: "now" });
    await scheduler.enqueue(job, {}, { taskId: "later", delayMs: 10_000 });
    await ports.advance(9_000);
    ports.shiftWallClock(3_600_000);
    await ports.advance(900);
    expect(started).toEqual(["now"]);
    ports.shiftWallClock(-7_200_000);
    await ports.advance(2_000);
    expect(started).toEqual(["now", "later"]);
  });

  it("runs no more at once than its concurrency, and lets no slot idle while work is due", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(100))];
    await world.leave(ids("a", 100));
    world.scheduler({ executors }).startWorker({ concurrency: 10 });
    await world.ports.advance(1_100);
    expect([world.mostAtOnce(), (await world.balance()).confirmed]).toEqual([10, 100]);
  });

  it("claims no more than its batch size at once, and the rest right after", async () => {
    const world = new World();
    await world.leave(ids("a", 50));
    world.scheduler().startWorker({ batchSize: 8 });
    await world.ports.advance(100);
    const sizes = world.callsOf("claim").map(({ call }) => (call[0] as { readonly limit: number }).limit);
    expect([Math.max(...sizes), (await world.balance()).confirmed]).toEqual([8, 50]);
  });

  it("does not wait for the whole batch: a slot that is free is filled, though others hang (H13)", async () => {
    const world = new World();
    const stuck = gate();
    const behave = ({ taskId }: { readonly taskId: string }): unknown =>
      taskId.startsWith("stuck") ? stuck.opened : world.sleep(5);
    await world.leave([...ids("stuck", 3), ...ids("b", 20)]);
    world.scheduler({ executors: [world.executor(job, behave)] }).startWorker({ concurrency: 4 });
    await world.ports.advance(1_000);
    expect((await world.balance()).confirmed).toBe(20);
  });

  it("lets no type take more than four fifths of the slots unless it is told to", async () => {
    const world = new World();
    const stuck = gate();
    const executors = [world.executor(slow, () => stuck.opened), world.executor(quick)];
    await world.leave(ids("slow", 200), slow);
    await world.leave(ids("quick", 50), quick);
    world.scheduler({ executors }).startWorker();
    await world.ports.advance(5_000);
    expect([world.running, (await world.balance()).confirmed]).toEqual([80, 50]);
  });

  it("keeps the concurrency of an executor, and fills its slots as they become free", async () => {
    const world = new World();
    const executors = [
      world.executor(slow, () => world.sleep(100), { concurrency: 2 }),
      world.executor(quick),
    ];
    await world.leave(ids("slow", 20), slow);
    world.scheduler({ executors }).startWorker();
    await world.ports.advance(1_200);
    expect(world.mostAtOnce("slow")).toBe(2);
    expect((await world.balance()).confirmed).toBe(20);
  });

  it("gives one type all slots when there is no other", async () => {
    const world = new World();
    await world.leave(ids("a", 200));
    world.scheduler({ executors: [world.executor(job, () => gate().opened)] }).startWorker();
    await world.ports.advance(100);
    expect(world.running).toBe(100);
  });

  it("finds due work of every type, though another type has a backlog (F67, V24)", async () => {
    const world = new World();
    const executors = [world.executor(slow, () => world.sleep(500)), world.executor(quick)];
    const scheduler = world.scheduler({ executors, fastPath: "off" });
    await world.leave(ids("slow", 500), slow);
    scheduler.startWorker({ concurrency: 10 });
    await world.ports.advance(10_000);
    await world.leave(["late"], quick);
    await world.ports.advance(1_000);
    expect(await world.stateOf("late")).toBe("confirmed");
  });

  it("leaves tasks of types it has no executor for pending, untouched (F47)", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.leave(["strange", "b"], defineTask<unknown>({ type: "strange" }));
    await world.leave(["c"]);
    scheduler.startWorker();
    await world.ports.advance(60_000);
    expect(world.startedIds).toEqual(["c"]);
    expect(await world.inner.get("strange")).toMatchObject({ state: "pending", owner: null, attempts: [] });
    expect((await scheduler.stats()).orphanedTypes).toEqual(["strange"]);
  });

  it.each(["__proto__", "constructor", "toString", "hasOwnProperty"])(
    "takes %s for the name of a type like any other (L14, F57)",
    async (type) => {
      const world = new World();
      const definition = defineTask<unknown>({ type });
      await world.leave(["a"], definition);
      world.scheduler().startWorker();
      await world.ports.advance(5_000);
      expect([world.runs, await world.stateOf("a")]).toEqual([[], "pending"]);
      world.scheduler({ executors: [world.executor(definition)] }).startWorker();
      await world.ports.advance(5_000);
      expect(await world.stateOf("a")).toBe("confirmed");
      expect(Object.keys(Object.prototype)).toEqual([]);
    },
  );

  it("polls ever less while nothing is due, and at most once in its polling interval then (G17)", async () => {
    const world = new World();
    world.scheduler().startWorker({ pollIntervalMs: 2_000 });
    await world.ports.advance(60_000);
    expect(world.callsOf("claim").length).toBeLessThan(45);
    await world.leave(["a"]);
    await world.ports.advance(2_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("that is woken while its claim is under way looks again at once", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(10))];
    const scheduler = await world.started({ executors, fastPath: { concurrency: 1 } });
    scheduler.startWorker({ pollIntervalMs: 60_000 });
    await world.ports.advance(300_000);
    world.fault("claim", async (carryOut) => {
      const answer = await carryOut();
      await world.sleep(100);
      return answer;
    });
    const claims = world.callsOf("claim").length;
    while (world.callsOf("claim").length === claims) await world.ports.advance(50);
    const items = ids("a", 3).map((taskId) => ({ taskId, data: {} }));
    await scheduler.transaction((tx) => tx.enqueueAll(job, items)); // one for the fast path, two for the worker
    await world.ports.advance(400);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 3, failed: 0 });
  });

  it("claims data only up to its limit of bytes, but always one task (L3)", async () => {
    const world = new World();
    const scheduler = world.scheduler({
      executors: [world.executor(job, () => gate().opened)],
      fastPath: "off",
    });
    for (const taskId of ids("a", 4)) await world.enqueue(scheduler, { taskId }, "x".repeat(1_000));
    scheduler.startWorker({ maxClaimBytes: 10 });
    await world.ports.advance(100);
    const requests = world.callsOf("claim").map(({ call }) => call[0] as { readonly maxBytes: number });
    expect([requests[0]?.maxBytes, world.running]).toEqual([10, 4]);
  });

  it("is one and the same when it is started twice, and may be started anew after a stop", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    const worker = scheduler.startWorker();
    expect(scheduler.startWorker()).toBe(worker);
    await world.ports.until(worker.stop());
    await world.leave(["a"]);
    await world.ports.advance(10_000);
    expect(await world.stateOf("a")).toBe("pending");
    scheduler.startWorker();
    await world.ports.advance(1_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("shares the work with others: every task runs exactly once (H1, F5)", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(20))];
    for (let number = 0; number < 8; number += 1)
      world.scheduler({ executors }).startWorker({ concurrency: 5 });
    for (let round = 0; round < 20; round += 1) {
      await world.leave(ids(`round-${round}`, 20));
      await world.ports.advance(37);
    }
    await world.ports.advance(5_000);
    expect([world.runs.length, new Set(world.startedIds).size]).toEqual([400, 400]);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 400, failed: 0 });
  });
});

describe("a raw scheduler", () => {
  const raw = (world: World, executorOfAll: TaskExecutor, types: readonly string[] | "all"): void => {
    new Scheduler({ store: world.store, ports: world.ports, executor: executorOfAll, types }).startWorker();
  };

  it("hands opaque bytes of all types to its one executor", async () => {
    const world = new World();
    const seen: string[] = [];
    raw(
      world,
      { execute: ({ type, data, codec }) => void seen.push(`${type} ${codec} ${data.byteLength}`) },
      "all",
    );
    const transaction = await world.inner.begin();
    const data = Uint8Array.of(0, 255, 0);
    await world.scheduler().enqueueAll(transaction, [
      { type: "a", data },
      { type: "__proto__", data },
    ]);
    await transaction.commit();
    await world.ports.advance(1_000);
    expect(seen).toEqual(["a bytes 3", "__proto__ bytes 3"]);
  });

  it("takes only the types it names", async () => {
    const world = new World();
    const seen: string[] = [];
    raw(world, { execute: ({ type }) => void seen.push(type) }, ["a"]);
    await world.leave(["1"], defineTask<unknown>({ type: "a" }));
    await world.leave(["2"], defineTask<unknown>({ type: "b" }));
    await world.ports.advance(5_000);
    expect([seen, await world.stateOf("2")]).toEqual([["a"], "pending"]);
  });

  it("with the failing executor of the original fails loudly what it was told to take, and nothing else", async () => {
    const world = new World();
    raw(world, failingExecutor, ["a"]);
    await world.leave(["1"], defineTask<unknown>({ type: "a" }));
    await world.leave(["2"], defineTask<unknown>({ type: "b" }));
    await world.ports.advance(500);
    expect((await world.inner.get("1"))?.lastError?.message).toContain('no executor is set up for type "a"');
    expect((await world.inner.get("2"))?.attempts).toEqual([]);
  });
});
