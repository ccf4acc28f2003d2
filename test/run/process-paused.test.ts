// A process that is stopped for a while and wakes up: SIGSTOP, a suspended machine, a blocked event loop, a long collection.
import { describe, expect, it } from "vitest";

import { PausableProcess } from "./pausable-process.ts";
import { type Behaviour, ids, job, type MemoryScheduler, World } from "./world.ts";

const leaseMs = 15_000;

interface Pair {
  readonly world: World;
  readonly sleeper: PausableProcess;
  /** The scheduler of the process that is paused. */
  readonly paused: MemoryScheduler;
}

/** A process that will be paused, and `others` that go on. */
function pair(behaviour: (sleeper: PausableProcess) => Behaviour, others = 1): Pair {
  const world = new World();
  const sleeper = new PausableProcess(world.ports, world.wire());
  const options = { store: sleeper.wire.store, ports: sleeper.ports, maxFailedAttempts: 1 };
  const paused = world.scheduler({ ...options, executors: [world.executor(job, behaviour(sleeper))] });
  paused.startWorker();
  for (let number = 0; number < others; number += 1) world.scheduler().startWorker();
  return { world, sleeper, paused };
}

const registrations = (sleeper: PausableProcess): number => sleeper.wire.callsOf("register").length;

describe("a process that was paused beyond its lease", () => {
  it("finds its task run by another; its own success is noted late and changes nothing (F11, G6)", async () => {
    const { world, sleeper } = pair((process) => () => process.sleep(5_000), 0);
    await world.leave(["a"]);
    await world.ports.advance(1_000);
    world.scheduler().startWorker();
    await world.ports.advance(1_000);
    sleeper.pause();
    await world.ports.advance(2 * leaseMs);
    expect([world.runs.length, await world.stateOf("a")]).toEqual([2, "confirmed"]);
    sleeper.resume();
    await world.ports.advance(10_000);
    const task = await world.inner.get("a");
    expect(task).toMatchObject({ state: "confirmed", lostAttempts: 1, failedAttempts: 0 });
    expect(task?.attempts.map(({ outcome, accepted }) => [outcome, accepted])).toEqual([
      ["lost", true],
      ["late-success", false],
    ]);
    expect(registrations(sleeper)).toBe(2);
  });

  it("cannot fail the task that was claimed anew (F11, H2, G7)", async () => {
    const { world, sleeper } = pair(
      (process) => () => process.sleep(5_000).then(() => Promise.reject(new Error("late"))),
      0,
    );
    await world.leave(["a"]);
    await world.ports.advance(1_000);
    world
      .scheduler({ executors: [world.executor(job, () => world.sleep(60_000))], maxFailedAttempts: 1 })
      .startWorker();
    await world.ports.advance(1_000);
    sleeper.pause();
    await world.ports.advance(2 * leaseMs);
    sleeper.resume();
    await world.ports.advance(10_000);
    expect(await world.inner.get("a")).toMatchObject({
      state: "pending",
      failedAttempts: 0,
      lostAttempts: 1,
    });
    await world.ports.advance(60_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("starts nothing it had claimed before: the answer to its claim came too late (H15, G6)", async () => {
    const { world, sleeper } = pair(() => () => undefined);
    await world.ports.advance(20_000);
    sleeper.wire.fault("claim", async (carryOut) => {
      const answer = await carryOut();
      if ((answer as { readonly tasks: readonly unknown[] }).tasks.length > 0) sleeper.pause();
      await sleeper.sleep(0);
      return answer;
    });
    let left = 0;
    while (sleeper.wire.callsOf("settle").length === 0 && left < 200) {
      await world.leave([`a-${left}`]);
      left += 1;
      await world.ports.advance(100);
    }
    await world.ports.advance(2 * leaseMs);
    sleeper.resume();
    sleeper.wire.heal("claim");
    await world.ports.advance(2 * leaseMs);
    expect(world.runs.length).toBe(left);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: left, failed: 0 });
    expect(
      (await Promise.all(ids("a", left).map((taskId) => world.inner.get(taskId)))).some(
        (task) => task?.lostAttempts === 1,
      ),
    ).toBe(true);
  });

  it("starts no born claim it was about to prove: others have run it (H15)", async () => {
    const { world, sleeper, paused } = pair(() => () => undefined);
    await world.ports.advance(1_000);
    const receipt = await world.enqueue(paused, { taskId: "a" });
    const answers = paused.tryExecuteNow(receipt);
    sleeper.pause();
    await world.ports.advance(2 * leaseMs);
    sleeper.resume();
    await world.ports.advance(leaseMs);
    expect([await answers, world.startedIds]).toEqual([["notClaimed"], ["a"]]);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("declares nobody dead when it wakes, however long it slept (F77, G12)", async () => {
    const { world, sleeper } = pair(() => () => undefined, 3);
    await world.ports.advance(7_000);
    const before = world.callsOf("register").length;
    for (const sleptMs of [9_000, 16_000, 100_000]) {
      sleeper.pause();
      await world.ports.advance(sleptMs);
      sleeper.resume();
      await world.ports.advance(40_000);
    }
    expect([world.callsOf("register").length, (await world.inner.statistics()).processes]).toEqual([
      before,
      4,
    ]);
  });
});

describe("a process that was paused within its lease", () => {
  it("goes on as if nothing had been: nobody takes its task (G8)", async () => {
    const { world, sleeper } = pair((process) => () => process.sleep(5_000), 0);
    await world.leave(["a"]);
    await world.ports.advance(1_000);
    world.scheduler().startWorker();
    await world.ports.advance(4_500);
    sleeper.pause();
    await world.ports.advance(9_000);
    sleeper.resume();
    await world.ports.advance(10_000);
    expect([world.runs.length, registrations(sleeper)]).toEqual([1, 1]);
    expect(await world.inner.get("a")).toMatchObject({ state: "confirmed", attempts: [] });
  });
});

describe("all processes paused at once, as by a suspended machine", () => {
  it("wake up, declare nobody dead, and every task runs once (F77)", async () => {
    const world = new World();
    const sleepers = Array.from({ length: 3 }, () => new PausableProcess(world.ports, world.wire()));
    for (const sleeper of sleepers) {
      const executors = [world.executor(job, () => sleeper.sleep(500))];
      world
        .scheduler({ store: sleeper.wire.store, ports: sleeper.ports, executors })
        .startWorker({ concurrency: 4 });
    }
    await world.leave(ids("a", 60));
    await world.ports.advance(1_200);
    for (const sleeper of sleepers) sleeper.pause();
    await world.ports.advance(3_600_000);
    for (const sleeper of sleepers) sleeper.resume();
    await world.ports.advance(30_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 60, failed: 0 });
    expect([world.runs.length, ...sleepers.map(registrations)]).toEqual([60, 1, 1, 1]);
  });
});
