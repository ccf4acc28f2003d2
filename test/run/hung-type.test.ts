// Tasks of a type that hangs wait ahead: the slots that its share leaves free stay with the others.
import { defineTask } from "owed";
import { describe, expect, it } from "vitest";
import { gate, ids, job, World } from "./world.ts";

const other = defineTask<unknown>({ type: "other" });

async function hung(world: World, pollIntervalMs?: number) {
  const ends = gate();
  const behave = ({ taskId }: { readonly taskId: string }): unknown =>
    taskId.startsWith("hang") ? ends.opened : undefined;
  await world.leave(ids("quick", 300));
  await world.leave(ids("hang", 400));
  const scheduler = world.scheduler({
    executors: [world.executor(job, behave), world.executor(other, () => world.sleep(10))],
  });
  scheduler.startWorker({ concurrency: 20, ...(pollIntervalMs === undefined ? {} : { pollIntervalMs }) });
  await world.ports.advance(1_000);
  expect(world.running).toBe(16); // four fifths of the slots hang, four are free
  return { scheduler, ends };
}

describe("a type whose calls hang while tasks of it wait ahead", () => {
  it("leaves its fifth to the others: one is started within two polls", async () => {
    const world = new World();
    await hung(world);
    const fromMs = world.ports.clock.monotonicMs();
    await world.leave(["o"], other);
    await world.ports.advance(10_000);
    const run = world.runs.find(({ taskId }) => taskId === "o");
    expect((run?.startedMs ?? Number.POSITIVE_INFINITY) - fromMs).toBeLessThan(2_000);
  });

  it("with a long polling interval too: within two polls of 3 s", async () => {
    const world = new World();
    await hung(world, 10_000);
    const fromMs = world.ports.clock.monotonicMs();
    await world.leave(["o"], other);
    await world.ports.advance(60_000);
    const run = world.runs.find(({ taskId }) => taskId === "o");
    expect((run?.startedMs ?? Number.POSITIVE_INFINITY) - fromMs).toBeLessThan(10_500);
  });

  it("leaves its fifth to the backlog of another: throughput of the free slots", async () => {
    const world = new World();
    const ends = gate();
    const behave = ({ taskId }: { readonly taskId: string }): unknown =>
      taskId.startsWith("hang") ? ends.opened : undefined;
    await world.leave(ids("quick", 300));
    await world.leave(ids("hang", 400));
    await world.leave(ids("o", 2_000), other);
    world
      .scheduler({ executors: [world.executor(job, behave), world.executor(other, () => world.sleep(10))] })
      .startWorker({ concurrency: 20 });
    await world.ports.advance(4_000);
    const done = world.runs.filter(({ type }) => type === "other").length;
    // 4 slots of 10 ms do 400 a second
    expect(done).toBeGreaterThan(1_000);
  });
});
