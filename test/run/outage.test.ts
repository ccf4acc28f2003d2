// The database goes away and comes back: no slot is lost, no attempt is counted, no success becomes a failure.
import { defineTask } from "owed";
import { describe, expect, it } from "vitest";

import { SchemaTooNewError } from "../../src/errors.ts";
import { everyMethod, first, type Method, silent, unavailable } from "./faulty-store.ts";
import { ids, job, World } from "./world.ts";

/** The state of all tasks, and what their attempts cost. */
async function costs(world: World, taskIds: readonly string[]): Promise<readonly string[]> {
  const tasks = await Promise.all(taskIds.map((taskId) => world.inner.get(taskId)));
  const words = tasks.map(
    (task) => `${task?.state}, failed ${task?.failedAttempts}, lost ${task?.lostAttempts}`,
  );
  return [...new Set(words)];
}

const free = ["confirmed, failed 0, lost 0"];

describe("an outage of the database", () => {
  it.each([1, 20, 600])(
    "of %i s loses no slot and counts no attempt; each task runs once (G13, G12)",
    async (seconds) => {
      const world = new World();
      const executors = [world.executor(job, () => world.sleep(300))];
      const schedulers = [world.scheduler({ executors }), world.scheduler({ executors })];
      for (const scheduler of schedulers) scheduler.startWorker({ concurrency: 5 });
      await world.leave(ids("a", 100));
      await world.ports.advance(1_000);
      world.fault(everyMethod, unavailable);
      await world.ports.advance(seconds * 1_000);
      world.heal();
      await world.ports.advance(10_000);
      expect(await costs(world, ids("a", 100))).toEqual(free);
      expect([world.runs.length, world.mostAtOnce()]).toEqual([100, 10]);
      expect(world.callsOf("register").length).toBe(2);
    },
  );

  it("is over for the worker within two seconds and a poll of its end (G13)", async () => {
    const world = new World();
    world.scheduler().startWorker();
    await world.ports.advance(1_000);
    world.fault(everyMethod, unavailable);
    await world.ports.advance(300_000);
    await world.leave(["a"]);
    world.heal();
    await world.ports.advance(3_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("is asked about seldom: no hot loop (G13)", async () => {
    const world = new World();
    world.scheduler().startWorker();
    await world.ports.advance(1_000);
    const before = world.calls.length;
    world.fault(everyMethod, unavailable);
    await world.ports.advance(60_000);
    expect(world.calls.length - before).toBeLessThan(120);
  });

  it("during a start is waited for by a worker, and told by start (F23)", async () => {
    const world = new World();
    world.fault(everyMethod, unavailable);
    const scheduler = world.scheduler();
    await expect(scheduler.start()).rejects.toMatchObject({ code: "OWED_STORE_UNAVAILABLE" });
    scheduler.startWorker();
    await world.ports.advance(30_000);
    world.heal();
    await world.leave(["a"]);
    await world.ports.advance(5_000);
    expect([await world.stateOf("a"), world.callsOf("register").length]).toEqual(["confirmed", 1]);
  });

  it("while a success waits to be written never turns it into a failure, nor runs it again (H17, G18)", async () => {
    const world = new World();
    const confirmed: string[] = [];
    const scheduler = world.scheduler({
      onConfirmed: ({ taskId }) => confirmed.push(taskId),
      maxFailedAttempts: 1,
    });
    scheduler.startWorker();
    await world.ports.advance(1_000);
    world.fault("settle", unavailable);
    await world.leave(ids("a", 5));
    await world.ports.advance(120_000);
    expect([world.runs.length, confirmed, await costs(world, ids("a", 5))]).toEqual([
      5,
      [],
      ["pending, failed 0, lost 0"],
    ]);
    world.heal();
    await world.ports.advance(5_000);
    expect([world.runs.length, confirmed.toSorted(), await costs(world, ids("a", 5))]).toEqual([
      5,
      ids("a", 5),
      free,
    ]);
  });

  it("while outcomes wait to be written does not pile them up without end", async () => {
    const world = new World();
    world.scheduler().startWorker();
    await world.ports.advance(1_000);
    world.fault("settle", unavailable);
    await world.leave(ids("a", 3_000));
    await world.ports.advance(60_000);
    expect(world.runs.length).toBeLessThanOrEqual(2_000 + 500 + 100); // what may wait, a claim, and what runs
    world.heal();
    await world.ports.advance(60_000);
    expect([world.runs.length, await costs(world, ids("a", 3_000))]).toEqual([3_000, free]);
  });

  it("is told to the logger when it begins, every minute, and when it ends, for each operation", async () => {
    const world = new World();
    const lines: string[] = [];
    const note = (details: object, message: string): void => {
      const { event, operation } = details as { readonly event: string; readonly operation?: string };
      if (operation === "heartbeat") lines.push(`${event}: ${message}`);
    };
    const logger = { debug: note, info: note, warn: note, error: note };
    world.scheduler({ logger }).startWorker();
    await world.ports.advance(1_000);
    world.fault(everyMethod, unavailable);
    await world.ports.advance(150_000);
    world.heal();
    await world.ports.advance(5_000);
    expect(lines).toEqual([
      "store.unavailable: an operation on the database failed, trying again",
      "store.still-unavailable: an operation on the database goes on failing, trying again",
      "store.still-unavailable: an operation on the database goes on failing, trying again",
      "store.recovered: the operation on the database succeeds again",
    ]);
  });

  it("a schema that is too new stops no worker, and is an error in the log every minute until it fits", async () => {
    const world = new World();
    const tooNew = new SchemaTooNewError(2, 1);
    world.fault("migrate", () => Promise.reject(tooNew));
    const errors: object[] = [];
    const logger = {
      debug: () => {},
      info: () => {},
      warn: () => {},
      error: (told: object) => errors.push(told),
    };
    const scheduler = world.scheduler({ logger });
    await expect(scheduler.start()).rejects.toBe(tooNew);
    scheduler.startWorker();
    await world.leave(["a"]);
    await world.ports.advance(10 * 60_000);
    expect([errors.length, world.runs.length]).toEqual([9, 0]);
    const error = expect.objectContaining({ code: "OWED_SCHEMA_TOO_NEW" });
    expect(errors[0]).toMatchObject({ event: "store.still-unavailable", operation: "start", error });
    world.heal();
    await world.ports.advance(5_000);
    expect([errors.length, await world.stateOf("a")]).toEqual([9, "confirmed"]);
  });
});

describe("a process whose heartbeats fail", () => {
  it("starts nothing once its lease, from the last heartbeat sent, has nearly run out (G6, H15)", async () => {
    const world = new World();
    world.scheduler().startWorker();
    await world.ports.advance(5_500);
    const lastBeatMs = world.callsOf("beat").at(-1)?.atMs ?? 0;
    world.fault("beat", unavailable);
    for (let second = 0; second < 60; second += 1) {
      await world.leave([`a-${second}`]);
      await world.ports.advance(1_000);
    }
    const lastStart = Math.max(...world.runs.map(({ startedMs }) => startedMs));
    expect(lastStart).toBeGreaterThan(lastBeatMs + 11_000);
    expect(lastStart).toBeLessThan(lastBeatMs + 15_000);
    world.heal();
    await world.ports.advance(10_000);
    expect(await costs(world, ids("a", 60))).toEqual(free);
  });

  it("does not count the time a heartbeat took as part of its lease (G6)", async () => {
    const world = new World();
    world.scheduler().startWorker();
    await world.ports.advance(4_000);
    world.fault("beat", async (carryOut) => {
      const answer = await carryOut();
      await world.sleep(14_000);
      return answer;
    });
    await world.ports.advance(15_000); // sent at 5 s, answered at 19 s: 1 s of its lease is left, less than is kept back
    world.fault("beat", silent);
    await world.leave(["a"]);
    await world.ports.advance(30_000);
    expect(world.runs).toEqual([]);
  });

  it("does not run what its fast path or its claims bring when it is too late (H15)", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.ports.advance(5_500);
    const receipt = await world.enqueue(scheduler, { taskId: "born" });
    await world.leave(["claimed"]);
    world.fault("beat", unavailable);
    const slowly = async (carryOut: () => Promise<unknown>): Promise<unknown> => {
      const answer = await carryOut();
      await world.sleep(20_000);
      return answer;
    };
    world.fault(["readCommitted", "claim"], slowly);
    const answers = scheduler.tryExecuteNow(receipt);
    await world.ports.advance(25_000);
    expect([await answers, world.runs]).toEqual([["notClaimed"], []]);
    world.heal();
    await world.ports.advance(30_000);
    expect(await costs(world, ["born", "claimed"])).toEqual(free);
  });
});

describe("a method that fails once", () => {
  const methods: readonly Method[] = [
    "claim",
    "settle",
    "beat",
    "readCommitted",
    "claimById",
    "prune",
    "register",
    "migrate",
    "warnings",
  ];

  it.each(methods)("%s: costs nothing but time", async (method) => {
    const world = new World();
    world.fault(method, first(1, unavailable));
    const fragile = defineTask<unknown>({ type: "fragile", maxFailedAttempts: 1 });
    const scheduler = world.scheduler({ executors: [world.executor(fragile, () => world.sleep(10))] });
    scheduler.startWorker();
    await world.ports.advance(1_000);
    await world.leave(ids("left", 20), fragile);
    const receipt = await world.enqueue(scheduler, { taskId: "born" }, {}, fragile);
    void scheduler.tryExecuteNow(receipt);
    void scheduler.executeAndAdvance("left-0");
    await world.ports.advance(90_000);
    expect([await costs(world, [...ids("left", 20), "born"]), world.runs.length]).toEqual([free, 21]);
    expect(await world.liveClaims(scheduler)).toBe(0);
  });
});
