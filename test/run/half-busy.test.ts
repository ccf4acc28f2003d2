// A worker with slots to spare looks often enough: nobody waits for a poll.
import { describe, expect, it } from "vitest";
import { ids, job, World } from "./world.ts";

async function inflow(world: World, everyMs: number, count: number, forMs: number): Promise<void> {
  for (let at = 0, n = 0; at < forMs; at += everyMs, n += 1) {
    await world.leave(ids(`in-${n}`, count));
    await world.ports.advance(everyMs);
  }
}

function waits(world: World, everyMs: number, from: number): number[] {
  return world.runs
    .filter(({ taskId }) => taskId.startsWith("in-"))
    .map(({ taskId, startedMs }) => startedMs - from - Number(taskId.split("-")[1]) * everyMs);
}

describe("a steady inflow below capacity", () => {
  it.each([
    [20, 20],
    [50, 20],
    [100, 20],
  ])("of tasks of %i ms with %i slots, claims take 30 ms: nobody waits long", async (taskMs, concurrency) => {
    const world = new World();
    world.fault("claim", async (carryOut) => {
      await world.sleep(15);
      const answer = await carryOut();
      await world.sleep(15);
      return answer;
    });
    const executors = [world.executor(job, () => world.sleep(taskMs))];
    world.scheduler({ executors }).startWorker({ concurrency });
    await world.ports.advance(500);
    const from = world.ports.clock.monotonicMs();
    // half of what the slots can do
    const perSecond = (concurrency * 1000) / taskMs / 2;
    const everyMs = 100;
    await inflow(world, everyMs, Math.max(Math.round((perSecond * everyMs) / 1000), 1), 6_000);
    await world.ports.advance(3_000);
    const all = waits(world, everyMs, from).sort((a, b) => a - b);
    expect(all.at(-1)).toBeLessThan(600);
  });
});
