// A scheduler that has stopped refuses what would have to ask its store, and says that it was stopped.
import { SchedulerStoppedError } from "owed";
import { describe, expect, it } from "vitest";

import { job, World } from "./world.ts";

describe("a scheduler", () => {
  it("refuses what is asked of it once it has stopped, and as long as it is stopping answers it", async () => {
    const world = new World();
    await world.leave(["a"]);
    const scheduler = await world.started({
      executors: [
        world.executor(job, async () => {
          await world.sleep(1_000);
          await scheduler.get("a");
          await scheduler.transaction((tx) => tx.enqueue(job, null, { taskId: "b" }));
        }),
      ],
    });
    scheduler.startWorker();
    await world.ports.advance(100);
    await scheduler.stats();
    await world.ports.until(scheduler.stop());
    expect([await world.stateOf("a"), await world.stateOf("b")]).toEqual(["confirmed", "pending"]);
    const asked: readonly (() => Promise<unknown>)[] = [
      () => scheduler.get("a"),
      () => scheduler.list({ state: "pending" }),
      () => scheduler.count("pending"),
      () => scheduler.stats(),
      () => scheduler.cancel("b"),
      () => scheduler.redrive("a"),
      () => scheduler.erase("a"),
      () => scheduler.transaction(() => undefined),
      () => scheduler.enqueue(job, null),
      () => scheduler.executeAndAdvance("b"),
    ];
    for (const ask of asked) await expect(ask(), String(ask)).rejects.toBeInstanceOf(SchedulerStoppedError);
    expect([await world.stateOf("b"), await world.inner.count("pending")]).toEqual(["pending", 1]);
  });
});
