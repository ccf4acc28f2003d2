// The raw layer: one executor for opaque bytes, of the types it names, or of all.
import { type RawTask, Scheduler } from "owed";
import { describe, expect, it } from "vitest";

import { gate, type MemoryScheduler, World } from "./world.ts";

const bytes = new TextEncoder().encode("opaque");

/** A raw scheduler, and how many attempts of each type have been started. */
function rawScheduler(
  world: World,
  types: readonly string[] | "all",
  execute: (task: RawTask) => void | Promise<void>,
): { readonly scheduler: MemoryScheduler; readonly started: Map<string, number> } {
  const started = new Map<string, number>();
  const executor = {
    execute(task: RawTask): void | Promise<void> {
      started.set(task.type, (started.get(task.type) ?? 0) + 1);
      return execute(task);
    },
  };
  const { store, ports } = world;
  return { scheduler: new Scheduler({ store, ports, executor, types, fastPath: "off" }), started };
}

async function enqueue(world: World, scheduler: MemoryScheduler, type: string, count: number): Promise<void> {
  const transaction = await world.inner.begin();
  await scheduler.enqueueAll(
    transaction,
    Array.from({ length: count }, (_, number) => ({ type, data: bytes, taskId: `${type}-${number}` })),
  );
  await transaction.commit();
}

describe("a raw executor", () => {
  it("gets the bytes as they were enqueued", async () => {
    const world = new World();
    const tasks: RawTask[] = [];
    const { scheduler } = rawScheduler(world, "all", (task) => void tasks.push(task));
    await enqueue(world, scheduler, "anything", 1);
    scheduler.startWorker();
    await world.ports.advance(1_000);
    expect(tasks).toEqual([
      { taskId: "anything-0", type: "anything", data: bytes, codec: "bytes", referenceId: null },
    ]);
  });

  /** Two hundred hanging tasks of one type, ten quick ones of another, a hundred slots. */
  async function startedBeside(types: readonly string[] | "all"): Promise<readonly [number, number]> {
    const world = new World();
    const stuck = gate();
    const execute = ({ type }: RawTask): void | Promise<void> =>
      type === "stuck" ? stuck.opened : undefined;
    const { scheduler, started } = rawScheduler(world, types, execute);
    await enqueue(world, scheduler, "stuck", 200);
    await enqueue(world, scheduler, "quick", 10);
    scheduler.startWorker();
    await world.ports.advance(5_000);
    return [started.get("stuck") ?? 0, started.get("quick") ?? 0];
  }

  it("that names its types leaves a fifth of the slots to the others when one hangs", async () => {
    expect(await startedBeside(["stuck", "quick"])).toEqual([80, 10]);
  });

  it('for "all" is one pool: a type that hangs takes every slot, as documented', async () => {
    expect(await startedBeside("all")).toEqual([100, 0]);
  });
});
