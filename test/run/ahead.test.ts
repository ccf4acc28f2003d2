// Tasks claimed ahead of free slots: few enough to start in a moment, never held for long, and given back without cost.
import { describe, expect, it } from "vitest";
import type { ClaimRequest } from "../../src/store/contract.ts";
import { gate, ids, job, type MemoryScheduler, World } from "./world.ts";

const leaseMs = 15_000;

function claimed(world: World): readonly ClaimRequest[] {
  return world.callsOf("claim").map(({ call }) => call[0] as ClaimRequest);
}

/** Rows that are held and have not been started. */
async function unstarted(world: World, taskIds: readonly string[]): Promise<number> {
  const started = new Set(world.startedIds);
  const tasks = await Promise.all(taskIds.map((taskId) => world.inner.get(taskId)));
  return tasks.filter((task) => task !== null && task.owner !== null && !started.has(task.taskId)).length;
}

describe("a worker that ends many attempts in a moment", () => {
  it("claims whole batches ahead, and each task once", async () => {
    const world = new World();
    const all = ids("a", 5_000);
    await world.leave(all);
    world.scheduler().startWorker({ concurrency: 20 });
    await world.ports.advance(5_000);
    expect(Math.max(...claimed(world).map(({ limit }) => limit))).toBe(500);
    expect(new Set(world.startedIds).size).toBe(5_000);
    expect(world.runs.length).toBe(5_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 5_000, failed: 0 });
  });

  it("never runs more at once than it has slots", async () => {
    const world = new World();
    await world.leave(ids("a", 1_000));
    let running = 0;
    let most = 0;
    const behave = async (): Promise<void> => {
      running += 1;
      most = Math.max(most, running);
      await world.sleep(5);
      running -= 1;
    };
    world.scheduler({ executors: [world.executor(job, behave)] }).startWorker({ concurrency: 20 });
    await world.ports.advance(5_000);
    expect([most, world.runs.length]).toEqual([20, 1_000]);
  });
});

describe("a worker of slow tasks", () => {
  it("claims next to nothing ahead, so that others find it", async () => {
    const world = new World();
    const all = ids("a", 200);
    await world.leave(all);
    const executors = [world.executor(job, () => world.sleep(1_000))];
    world.scheduler({ executors }).startWorker({ concurrency: 10 });
    for (let look = 0; look < 20; look += 1) {
      await world.ports.advance(333);
      expect(await unstarted(world, all)).toBeLessThanOrEqual(10);
    }
  });
});

/** Ends many attempts in a moment, so that the worker claims ahead, and then holds every slot. */
async function withTasksAhead(world: World): Promise<{ scheduler: MemoryScheduler; open: () => void }> {
  const ends = gate();
  const behave = ({ taskId }: { readonly taskId: string }): unknown =>
    taskId.startsWith("slow") ? ends.opened : undefined;
  await world.leave(ids("quick", 300));
  await world.leave(ids("slow", 400));
  const scheduler = world.scheduler({ executors: [world.executor(job, behave)], leaseMs });
  scheduler.startWorker({ concurrency: 20 });
  await world.ports.advance(500);
  expect(await unstarted(world, ids("slow", 400))).toBeGreaterThan(0);
  return { scheduler, open: () => ends.open() };
}

describe("tasks claimed ahead of slots that stay taken", () => {
  it("are given back after a poll, without cost", async () => {
    const world = new World();
    await withTasksAhead(world);
    await world.ports.advance(1_100);
    expect(await unstarted(world, ids("slow", 400))).toBe(0);
    const tasks = await Promise.all(ids("slow", 400).map((taskId) => world.inner.get(taskId)));
    expect(tasks.every((task) => task?.failedAttempts === 0 && task.lostAttempts === 0)).toBe(true);
  });

  it("are given back by a stop at once, without cost", async () => {
    const world = new World();
    const { scheduler, open } = await withTasksAhead(world);
    const stopped = scheduler.stop({ graceMs: 10_000 });
    await world.ports.advance(100);
    expect(await unstarted(world, ids("slow", 400))).toBe(0);
    open();
    await world.ports.until(stopped);
    expect(await world.balance()).toMatchObject({ failed: 0, pending: 380 });
  });
});
