// What tasks that wait ahead cost others: an idle neighbour, their own story, memory.
import { describe, expect, it } from "vitest";
import { gate, ids, job, World } from "./world.ts";

describe("tasks claimed ahead by a process whose slots stay taken", () => {
  it("start in an idle neighbour within two polls (G9, upper bound)", async () => {
    const world = new World();
    const ends = gate();
    const behave = ({ taskId }: { readonly taskId: string }): unknown =>
      taskId.startsWith("slow") ? ends.opened : undefined;
    await world.leave(ids("quick", 300));
    await world.leave(ids("slow", 20));
    await world.leave(ids("late", 100));
    const first = world.scheduler({ executors: [world.executor(job, behave)] });
    first.startWorker({ concurrency: 20 });
    await world.ports.advance(100);
    const fromMs = world.ports.clock.monotonicMs();
    const second = world.scheduler({ executors: [world.executor(job, behave)] });
    second.startWorker({ concurrency: 200 });
    await world.ports.advance(20_000);
    const late = world.runs.filter(({ taskId }) => taskId.startsWith("late"));
    expect(late).toHaveLength(100);
    const waits = late.map(({ startedMs }) => startedMs - fromMs);
    expect(Math.max(...waits)).toBeLessThan(2_100);
  });

  it("are lost with it, though they never started: no more than it ended in a tenth of a second", async () => {
    const world = new World();
    const wire = world.wire();
    const ends = gate();
    const behave = ({ taskId }: { readonly taskId: string }): unknown =>
      taskId.startsWith("slow") ? ends.opened : undefined;
    await world.leave(ids("quick", 300));
    await world.leave(ids("slow", 400));
    world
      .scheduler({ store: wire.store, executors: [world.executor(job, behave)] })
      .startWorker({ concurrency: 20 });
    await world.ports.advance(500);
    const started = new Set(world.startedIds);
    // The process dies: nothing more of it arrives.
    wire.fault(
      ["beat", "claim", "settle", "claimById", "register", "freeEndedClaims"],
      () => new Promise(() => undefined),
    );
    world.scheduler({ executors: [world.executor(job, () => undefined)] }).startWorker({ concurrency: 20 });
    await world.ports.advance(120_000);
    const tasks = await Promise.all(ids("slow", 400).map((id) => world.inner.get(id)));
    const unfair = tasks.filter(
      (task) => task !== null && !started.has(task.taskId) && task.lostAttempts > 0,
    );
    expect(unfair.length).toBeLessThanOrEqual(300);
  });

  it("hold no more bytes than one claim may", async () => {
    const world = new World();
    const ends = gate();
    const behave = ({ taskId }: { readonly taskId: string }): unknown =>
      taskId.startsWith("big") ? ends.opened : world.sleep(1);
    await world.leave(ids("quick", 3_000));
    const transaction = await world.inner.begin();
    const elsewhere = world.scheduler({ store: world.inner });
    await elsewhere.enqueueAll(
      transaction,
      job,
      ids("big", 1_000).map((taskId) => ({ taskId, data: "x".repeat(10_000) })),
    );
    await transaction.commit();
    world
      .scheduler({ executors: [world.executor(job, behave)] })
      .startWorker({ concurrency: 20, maxClaimBytes: 100_000 });
    await world.ports.advance(3_000);
    const started = new Set(world.startedIds);
    const tasks = await Promise.all(ids("big", 1_000).map((id) => world.inner.get(id)));
    const held = tasks.filter(
      (task) => task !== null && task.owner !== null && !started.has(task.taskId),
    ).length;
    expect(held * 10_000).toBeLessThanOrEqual(100_000);
  });
});
