// Statements whose answer is lost: carried out or not, now or later. Nothing is lost by them, nothing counted twice.
import { constant, RetryAfterError, StoreRefusedError } from "owed";
import { describe, expect, it } from "vitest";

import type { Settlement } from "../../src/store/contract.ts";
import { answerLost, carriedOutLate, type Fault, first } from "./faulty-store.ts";
import { gate, ids, job, World } from "./world.ts";

const soon = constant({ delayMs: 100, jitter: 0 });

type Fate = (world: World) => Fault;

const fates: readonly [string, Fate][] = [
  ["was carried out and its answer lost", () => answerLost],
  ["is carried out five seconds after the client gave up", (world) => carriedOutLate(world.ports, 5_000)],
  ["is carried out after the lease", (world) => carriedOutLate(world.ports, 20_000)],
];

describe("a claim", () => {
  it.each(fates)("that %s costs its tasks nothing: each runs once (H19)", async (_, fate) => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(50))];
    await world.leave(ids("a", 20));
    world.fault("claim", first(2, fate(world)));
    world.scheduler({ executors, maxFailedAttempts: 1 }).startWorker({ concurrency: 8 });
    await world.ports.advance(60_000);
    expect([world.runs.length, new Set(world.startedIds).size]).toEqual([20, 20]);
    for (const taskId of ids("a", 20)) {
      expect(await world.inner.get(taskId)).toMatchObject({
        state: "confirmed",
        lostAttempts: 0,
        attempts: [],
      });
    }
  });

  it.each(fates)("of a worker that is stopped, which %s, strands nothing (G4, H19)", async (_, fate) => {
    const world = new World();
    const scheduler = await world.started();
    await world.leave(ids("a", 5));
    world.fault("claim", first(1, fate(world)));
    const worker = scheduler.startWorker();
    await world.ports.advance(50);
    await world.ports.until(worker.stop());
    await world.ports.advance(40_000);
    world.scheduler().startWorker();
    await world.ports.advance(10_000);
    expect(world.startedIds.toSorted()).toEqual(ids("a", 5));
    expect(await world.inner.get("a-0")).toMatchObject({ state: "confirmed", lostAttempts: 0 });
  });

  it("of a scheduler that is stopped, whose answer is lost, costs its tasks nothing (G4, H19)", async () => {
    const world = new World();
    await world.leave(ids("a", 5));
    world.fault("claim", first(1, answerLost));
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.ports.advance(5);
    await world.ports.until(scheduler.stop());
    world.scheduler().startWorker();
    await world.ports.advance(10_000);
    expect(await world.inner.get("a-0")).toMatchObject({ state: "confirmed", lostAttempts: 0 });
  });

  it.each(fates)("by id that %s is found by the watch, without any worker (H19)", async (_, fate) => {
    const world = new World();
    const scheduler = await world.started();
    await world.leave(["a"]);
    world.fault("claimById", first(1, fate(world)));
    expect(await world.ports.until(scheduler.executeAndAdvance("a"))).toBe("notClaimed");
    await world.ports.advance(40_000);
    expect(await world.inner.get("a")).toMatchObject({
      state: expect.stringMatching(/^(confirmed|pending)$/),
      lostAttempts: 0,
    });
    expect(await world.liveClaims(scheduler)).toBe(0);
    await scheduler.executeAndAdvance("a");
    expect([await world.stateOf("a"), world.startedIds]).toEqual(["confirmed", ["a"]]);
  });
});

describe("a claim by id that is under way when the scheduler stops", () => {
  it("is waited for, and its task given back without cost (G16)", async () => {
    const world = new World();
    await world.leave(["a"]);
    world.fault("claimById", async (carryOut) => {
      const answer = await carryOut();
      await world.sleep(200);
      return answer;
    });
    const scheduler = await world.started();
    void scheduler.executeAndAdvance("a");
    await world.ports.advance(100);
    await world.ports.until(scheduler.stop());
    expect(world.runs).toEqual([]);
    world.scheduler().startWorker();
    await world.ports.advance(10_000);
    expect(await world.inner.get("a")).toMatchObject({ state: "confirmed", lostAttempts: 0 });
  });
});

describe.each(["claim", "claimById"] as const)(
  "a %s that is not answered within the grace of a stop",
  (method) => {
    it.each(["scheduler", "worker"])("of the %s costs its tasks nothing (G4, G16, H19)", async (stopped) => {
      const world = new World();
      await world.leave(["a"]);
      const answered = gate();
      world.fault(
        method,
        first(1, async (carryOut) => {
          const answer = await carryOut();
          await answered.opened;
          return answer;
        }),
      );
      const scheduler = await world.started();
      const worker = method === "claim" ? scheduler.startWorker() : null;
      if (worker === null) void scheduler.executeAndAdvance("a");
      await world.ports.advance(100);
      const isWhole = stopped === "scheduler" || worker === null;
      await world.ports.until(isWhole ? scheduler.stop({ graceMs: 500 }) : worker.stop({ graceMs: 500 }));
      await world.ports.advance(15_000);
      expect(await world.inner.get("a")).toMatchObject({ state: "pending", owner: null, lostAttempts: 0 });
      answered.open();
      await world.ports.advance(1_000);
      world.scheduler().startWorker();
      await world.ports.advance(10_000);
      expect(await world.inner.get("a")).toMatchObject({ state: "confirmed", lostAttempts: 0 });
      expect(world.startedIds).toEqual(["a"]);
    });
  },
);

describe("a claim that is given up at a stop of the worker", () => {
  it("takes no room of its type from the worker that is started next (G11)", async () => {
    const world = new World();
    await world.leave(ids("a", 2));
    world.fault(
      "claim",
      first(1, () => new Promise(() => undefined)),
    );
    const scheduler = await world.started({
      executors: [world.executor(job, undefined, { concurrency: 1 })],
    });
    const worker = scheduler.startWorker();
    await world.ports.advance(100);
    await world.ports.until(worker.stop({ graceMs: 100 }));
    scheduler.startWorker();
    await world.ports.advance(3_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 2, failed: 0 });
  });

  it("for a task that must be alone keeps nobody out, nor lets others in when it is answered (G10, G11)", async () => {
    const world = new World();
    const answered = gate();
    await world.leave(["poison"]);
    for (let lost = 0; lost < 2; lost += 1) expect(await world.ghost()).toEqual(["poison"]);
    expect(await world.ghost()).toEqual([]);
    const isAlone = (request: unknown): boolean => (request as { readonly alone: boolean }).alone;
    let hung = 0;
    world.fault("claim", async (carryOut, [request]) => {
      if (!isAlone(request) || hung > 0) return await carryOut();
      hung += 1;
      await answered.opened;
      return await carryOut();
    });
    const executors = [world.executor(job, ({ taskId }) => world.sleep(taskId === "poison" ? 20_000 : 0))];
    const scheduler = await world.started({ executors });
    const worker = scheduler.startWorker();
    await world.ports.advance(4_000);
    expect(hung).toBe(1);
    await world.ports.until(worker.stop({ graceMs: 100 }));
    const born = await world.enqueue(scheduler, { taskId: "born" });
    expect(await world.ports.until(scheduler.tryExecuteNow(born))).toEqual(["confirmed"]);
    scheduler.startWorker();
    await world.ports.advance(2_000);
    expect(world.startedIds).toEqual(["born", "poison"]);
    answered.open();
    await world.ports.advance(100);
    await world.leave(["healthy"]);
    await world.ports.advance(3_000);
    expect(world.startedIds).toEqual(["born", "poison"]);
    await world.ports.advance(30_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 3, failed: 0 });
  });
});

describe("a settlement", () => {
  it.each(fates)(
    "of a success that %s confirms once, and tells its hook once (H17, G18)",
    async (_, fate) => {
      const world = new World();
      const confirmed: string[] = [];
      const scheduler = world.scheduler({ onConfirmed: ({ taskId }) => confirmed.push(taskId) });
      await world.leave(ids("a", 5));
      world.fault("settle", first(2, fate(world)));
      scheduler.startWorker();
      await world.ports.advance(60_000);
      expect([world.startedIds.toSorted(), confirmed.toSorted()]).toEqual([ids("a", 5), ids("a", 5)]);
      expect(await world.inner.get("a-0")).toMatchObject({ state: "confirmed", attempts: [] });
    },
  );

  it.each(fates)("of a failure that %s counts that failure once (H19, G8)", async (_, fate) => {
    const world = new World();
    const behave = ({ attempt }: { readonly attempt: number }): void => {
      if (attempt < 4) throw new Error("not yet");
    };
    await world.leave(["a"]);
    world.fault("settle", first(1, fate(world)));
    world.scheduler({ executors: [world.executor(job, behave)], backoff: soon }).startWorker();
    await world.ports.advance(60_000);
    const task = await world.inner.get("a");
    expect(task).toMatchObject({ state: "confirmed", failedAttempts: 3, lostAttempts: 0 });
    expect([world.runs.length, task?.attempts.filter(({ outcome }) => outcome === "failed").length]).toEqual([
      4, 3,
    ]);
  });

  it.each(fates)("of a deferral that %s defers once", async (_, fate) => {
    const world = new World();
    const behave = ({ attempt }: { readonly attempt: number }): void => {
      if (attempt < 2) throw new RetryAfterError(200);
    };
    await world.leave(["a"]);
    world.fault("settle", first(1, fate(world)));
    world.scheduler({ executors: [world.executor(job, behave)] }).startWorker();
    await world.ports.advance(60_000);
    expect(await world.inner.get("a")).toMatchObject({
      state: "confirmed",
      deferredAttempts: 1,
      failedAttempts: 0,
    });
  });

  it.each(fates)("of a release at a stop that %s costs nothing", async (_, fate) => {
    const world = new World();
    await world.leave(["a"]);
    const heeds = ({ signal }: { readonly signal: AbortSignal }): Promise<never> =>
      new Promise((__, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error)));
    const scheduler = world.scheduler({ executors: [world.executor(job, heeds)] });
    scheduler.startWorker();
    await world.ports.advance(100);
    world.fault("settle", first(1, fate(world)));
    await world.ports.until(scheduler.stop({ graceMs: 0 }));
    await world.ports.advance(30_000);
    expect(await world.inner.get("a")).toMatchObject({
      state: "pending",
      owner: null,
      failedAttempts: 0,
      lostAttempts: 0,
    });
  });
});

describe("a registration or a heartbeat", () => {
  it("whose answer is lost leaves nothing that stays: who does not beat is removed (H19)", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    world.fault("register", first(1, answerLost));
    scheduler.startWorker();
    await world.ports.advance(1_000);
    expect((await world.inner.statistics()).processes).toBe(2);
    await world.ports.advance(25_000);
    expect((await world.inner.statistics()).processes).toBe(1);
    await world.leave(["a"]);
    await world.ports.advance(1_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("whose answers are lost for longer than the lease: the process goes on under its id, alive by its beats", async () => {
    const world = new World();
    world.scheduler().startWorker();
    world.scheduler().startWorker();
    await world.ports.advance(1_000);
    world.fault("beat", answerLost);
    await world.ports.advance(60_000);
    await world.leave(["a"]);
    world.heal();
    await world.ports.advance(10_000);
    expect(await world.inner.get("a")).toMatchObject({ state: "confirmed", lostAttempts: 0 });
    expect(world.callsOf("register").length).toBe(2);
  });
});

describe("a settlement the database refuses", () => {
  const isBad = (settlement: Settlement): boolean =>
    "error" in settlement && settlement.error.message.includes("bad");

  /** Refuses whole batches as a database does: one value it cannot store, and nothing is written. */
  const refusing: Fault = (carryOut, [settlements]) =>
    (settlements as readonly Settlement[]).some(isBad)
      ? Promise.reject(new StoreRefusedError("invalid byte sequence for encoding"))
      : carryOut();

  it("is found and written without what it could not store; the others of its batch are written (H17, H18, G18)", async () => {
    const world = new World();
    const behave = ({ taskId }: { readonly taskId: string }): void => {
      if (taskId === "a-13") throw new Error("bad bytes");
      if (taskId === "a-7") throw new Error("plain failure");
    };
    world.fault("settle", refusing);
    await world.leave(ids("a", 20));
    world.scheduler({ executors: [world.executor(job, behave)], maxFailedAttempts: 1 }).startWorker();
    await world.ports.advance(1_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 18, failed: 2 });
    expect((await world.inner.get("a-7"))?.lastError?.message).toBe("plain failure");
    expect((await world.inner.get("a-13"))?.lastError).toMatchObject({
      code: "OWED_STORE_REFUSED",
      stack: null,
    });
    expect(world.runs.length).toBe(20);
  });

  it("even when it is plain holds up nothing else, and no slot", async () => {
    const world = new World();
    world.fault("settle", (carryOut, [settlements]) =>
      (settlements as readonly Settlement[]).some(({ id }) => id === "3")
        ? Promise.reject(new StoreRefusedError("no"))
        : carryOut(),
    );
    await world.leave(ids("a", 10));
    const worker = world.scheduler().startWorker({ concurrency: 4 });
    await world.ports.advance(10_000);
    expect((await world.balance()).confirmed).toBe(9);
    expect(world.runs.length).toBeLessThan(9 + 10); // a success that cannot be written is no reason for a loop of duplicates
    world.heal();
    await world.ports.advance(10_000);
    expect([(await world.balance()).confirmed, worker.running]).toEqual([10, 0]);
  });
});

describe("settlements", () => {
  it("travel together: at most two flushes at once, each of at most 500", async () => {
    const world = new World();
    let underWay = 0;
    let most = 0;
    world.fault("settle", async (carryOut) => {
      underWay += 1;
      most = Math.max(most, underWay);
      await world.sleep(20);
      underWay -= 1;
      return carryOut();
    });
    await world.leave(ids("a", 2_000));
    const start = gate();
    world
      .scheduler({ executors: [world.executor(job, () => start.opened)] })
      .startWorker({ concurrency: 2_000, batchSize: 2_000 });
    await world.ports.advance(10);
    start.open();
    await world.ports.advance(5_000);
    const sizes = world.callsOf("settle").map(({ call }) => (call[0] as unknown[]).length);
    expect([most, Math.max(...sizes), (await world.balance()).confirmed]).toEqual([2, 500, 2_000]);
    expect(sizes.length).toBeLessThan(20);
  });
});
