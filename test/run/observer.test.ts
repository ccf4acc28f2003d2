// Who is dead: silence over a lease that the observer itself has lived through, and nothing less.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";

import { Observer } from "../../src/run/observer.ts";
import { answerLost, everyMethod, type FaultyStore, first, silent, unavailable } from "./faulty-store.ts";
import { job, World } from "./world.ts";

const leaseMs = 15_000;
const longestGapMs = 10_000;

const seen = (owner: string, beats: number) => ({ owner, beats, leaseMs });

describe("an observer", () => {
  it("declares dead who was silent over a lease of successful heartbeats of its own", () => {
    const observer = new Observer(longestGapMs);
    for (let ms = 0; ms <= leaseMs; ms += 5_000) {
      if (ms < leaseMs) expect(observer.overdue(ms)).toEqual([]);
      observer.saw([seen("a", 7), seen("b", ms)], ms, ms);
    }
    expect(observer.overdue(leaseMs)).toEqual([{ owner: "a", beats: 7 }]);
    expect(observer.overdue(leaseMs - 1)).toEqual([]);
  });

  it("counts from when it received what it saw, not from when it asked", () => {
    const observer = new Observer(longestGapMs);
    observer.saw([seen("a", 1)], 0, 4_000);
    observer.saw([seen("a", 1)], 9_000, 9_100);
    expect(observer.overdue(15_000)).toEqual([]);
    expect(observer.overdue(19_000)).toEqual([{ owner: "a", beats: 1 }]);
    expect(observer.nextOverdueMs()).toBe(19_000);
  });

  it("begins anew after a gap in its own heartbeats: a pause of its own kills nobody (F11, F77)", () => {
    const observer = new Observer(longestGapMs);
    observer.saw([seen("a", 1)], 0, 0);
    observer.saw([seen("a", 1)], 5_000, 5_000);
    expect(observer.overdue(60_000)).toEqual([]);
    observer.saw([seen("a", 1)], 60_000, 60_000);
    expect(observer.overdue(61_000)).toEqual([]);
    expect(observer.nextOverdueMs()).toBe(75_000);
  });

  it("begins anew after a heartbeat of its own that failed", () => {
    const observer = new Observer(longestGapMs);
    for (let ms = 0; ms <= 10_000; ms += 5_000) observer.saw([seen("a", 1)], ms, ms);
    observer.reset();
    expect(observer.overdue(15_000)).toEqual([]);
    expect(observer.nextOverdueMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it("forgets who is gone, and goes by the lease each process has told", () => {
    const observer = new Observer(longestGapMs);
    observer.saw([seen("a", 1), { owner: "b", beats: 1, leaseMs: 4_000 }], 0, 0);
    expect(observer.overdue(4_000)).toEqual([{ owner: "b", beats: 1 }]);
    observer.saw([seen("a", 1)], 4_000, 4_000);
    expect(observer.overdue(9_000)).toEqual([]);
  });
});

describe("among living processes", () => {
  /** Two processes, each on a wire of its own, and the deaths that are told. */
  async function pair(
    during: (world: World, wires: readonly [FaultyStore, FaultyStore]) => Promise<void>,
  ): Promise<{
    readonly world: World;
    readonly deaths: number;
  }> {
    const world = new World();
    const wires = [world.wire(), world.wire()] as const;
    let deaths = 0;
    const count = (): void => {
      deaths += 1;
    };
    subscribe("owed:process.declared-dead", count);
    try {
      for (const { store } of wires) world.scheduler({ store }).startWorker();
      await world.ports.advance(7_000);
      await during(world, wires);
      await world.ports.advance(60_000);
    } finally {
      unsubscribe("owed:process.declared-dead", count);
    }
    return { world, deaths };
  }

  it("nobody is declared dead while all is well", async () => {
    expect((await pair((world) => world.ports.advance(600_000))).deaths).toBe(0);
  });

  it.each([
    ["unavailable", unavailable],
    ["answers lost", answerLost],
  ])("nobody is declared dead after an outage of the whole database (%s) (G12)", async (_, fault) => {
    const { deaths } = await pair(async (world, wires) => {
      for (const wire of wires) wire.fault(everyMethod, fault);
      await world.ports.advance(300_000);
      for (const wire of wires) wire.heal();
    });
    expect(deaths).toBe(0);
  });

  it("nobody is declared dead after an outage that one felt briefly and the other for nearly a lease (G12)", async () => {
    const { deaths } = await pair(async (world, [felt, barely]) => {
      felt.fault(everyMethod, unavailable);
      barely.fault("beat", first(1, unavailable));
      await world.ports.advance(14_500); // from 7 s to 21.5 s; the heartbeat at 5 s was the last to be seen
      felt.heal();
    });
    expect(deaths).toBe(0);
  });

  it("nobody is declared dead when reads succeed and heartbeats are refused for all, as on a standby (F25, F26)", async () => {
    const { deaths } = await pair(async (world, wires) => {
      for (const wire of wires) wire.fault(["beat", "settle", "claim", "insert"], unavailable);
      await world.ports.advance(300_000);
      for (const wire of wires) wire.heal();
    });
    expect(deaths).toBe(0);
  });

  it("nobody is declared dead by a jump of the database's clock (H12)", async () => {
    const { deaths } = await pair(async (world) => {
      world.ports.shiftWallClock(3_600_000);
      await world.ports.advance(30_000);
      world.ports.shiftWallClock(-7_200_000);
      await world.ports.advance(30_000);
    });
    expect(deaths).toBe(0);
  });

  it("whoever is cut off is declared dead by the other, and not the other by it", async () => {
    const { world, deaths } = await pair(async (running, [first]) => {
      first.fault(everyMethod, unavailable);
      await running.ports.advance(60_000);
      first.heal();
    });
    expect([deaths, (await world.inner.statistics()).processes]).toEqual([1, 2]);
  });

  it("a death is noticed within seconds of the lease, since a timer is set for it (G12)", async () => {
    const world = new World();
    const wire = world.wire();
    world.scheduler({ store: wire.store }).startWorker();
    await world.ports.advance(1_234);
    world.scheduler().startWorker();
    await world.ports.advance(30_000);
    const lastBeatMs = wire.callsOf("beat").at(-1)?.atMs ?? 0;
    wire.fault(everyMethod, silent);
    while ((await world.inner.statistics()).processes > 1) await world.ports.advance(10);
    const tookMs = world.ports.clock.monotonicMs() - lastBeatMs;
    expect(tookMs).toBeGreaterThanOrEqual(leaseMs);
    expect(tookMs).toBeLessThanOrEqual(leaseMs + 5_100);
  });

  it("a death is not left to the next heartbeat when the lease of the dead ends before it", async () => {
    const world = new World();
    const wire = world.wire();
    world.scheduler({ store: wire.store, leaseMs: 4_000 }).startWorker();
    world.scheduler().startWorker();
    await world.ports.advance(29_100); // the last heartbeat of the other was 1.1 s ago
    wire.fault(everyMethod, silent);
    await world.ports.advance(2_800);
    expect((await world.inner.statistics()).processes).toBe(2);
    await world.ports.advance(200);
    expect((await world.inner.statistics()).processes).toBe(1);
  });

  it("a process that starts after the death of the only other finds its work a lease later, not a heartbeat more (G12, F1)", async () => {
    const world = new World();
    const wire = world.wire();
    const executors = [world.executor(job, () => world.sleep(60_000))];
    world.scheduler({ store: wire.store, executors }).startWorker();
    await world.leave(["a"]);
    await world.ports.advance(12_300);
    expect(world.runs.length).toBe(1);
    wire.fault(everyMethod, silent);
    world.scheduler().startWorker();
    await world.ports.advance(15_000 + 1_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });
});
