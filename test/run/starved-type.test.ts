// A type that is not running beside types that keep every slot and wait ahead: it gets its turn (G11).
import { defineTask } from "owed";
import { describe, expect, it } from "vitest";
import { gate, ids, job, World } from "./world.ts";

const second = defineTask<unknown>({ type: "second" });
const third = defineTask<unknown>({ type: "third" });

describe("a third type beside two with a backlog", () => {
  it.each([
    ["without a limit of its own", undefined],
    ["with a concurrency of its own", 5],
  ])("%s is not overtaken for ever by younger tasks", async (_, concurrency) => {
    const world = new World();
    const executors = [
      world.executor(job, () => world.sleep(5)),
      world.executor(second, () => world.sleep(5)),
      world.executor(third, () => undefined, concurrency === undefined ? {} : { concurrency }),
    ];
    let n = 0;
    const inflow = async (): Promise<void> => {
      n += 1;
      await world.leave(ids(`y${n}-job`, 300));
      await world.leave(ids(`y${n}-second`, 300), second);
    };
    for (let i = 0; i < 4; i += 1) await inflow();
    world.scheduler({ executors }).startWorker({ concurrency: 20 });
    await world.ports.advance(200);
    await world.leave(["old"], third);
    const fromMs = world.ports.clock.monotonicMs();
    for (let i = 0; i < 200; i += 1) {
      await inflow(); // more than the slots can do: 4,000 a second
      await world.ports.advance(50);
      if (world.startedIds.includes("old")) break;
    }
    const run = world.runs.find(({ taskId }) => taskId === "old");
    expect(run).toBeDefined();
    expect((run?.startedMs ?? 1e9) - fromMs).toBeLessThan(2_000);
  });
});

describe("a worker one of whose types is at its limit", () => {
  it("does not send a claim for every task that ends", async () => {
    const world = new World();
    const ends = gate();
    const executors = [
      world.executor(job, () => world.sleep(1)),
      world.executor(second, () => ends.opened, { concurrency: 1 }),
    ];
    world.fault("claim", async (carryOut) => {
      const answer = await carryOut();
      await world.sleep(0.2);
      return answer;
    });
    world.scheduler({ executors }).startWorker({ concurrency: 100 });
    await world.leave(["hangs", "hangs too"], second);
    await world.ports.advance(100);
    const calls = world.callsOf("claim").length;
    for (let n = 0; n < 1_000; n += 1) {
      await world.leave([`a-${n}-0`, `a-${n}-1`]);
      await world.ports.advance(1);
    }
    const claims = world.callsOf("claim").length - calls;
    expect(claims).toBeLessThan(600);
  });
});
