// The simulator itself: what is dead stays dead, what is paused waits, and the network does what its fates say.
import { beforeEach, describe, expect, test } from "vitest";
import { Agenda } from "../../simulation/agenda.ts";
import { DatabaseServer } from "../../simulation/database-server.ts";
import { drawPlan } from "../../simulation/draw-plan.ts";
import type { Fate, PlannedNetwork } from "../../simulation/plan.ts";
import { Recorder } from "../../simulation/recorder.ts";
import { shrink } from "../../simulation/shrink.ts";
import { SimulatedProcess } from "../../simulation/simulated-process.ts";
import { WakeUpHub } from "../../simulation/wake-up-hub.ts";
import { Wire, type WireParts, type WireStore, wireStore } from "../../simulation/wire.ts";

const record = (owner: string) => ({ owner, host: "h", pid: 1, types: [], slots: 1, leaseMs: 1_000 });

let agenda: Agenda;
let parts: WireParts;

function newWire(process: SimulatedProcess): WireStore {
  return wireStore(new Wire(parts, process));
}

function newProcess(boot = 1): SimulatedProcess {
  return new SimulatedProcess(agenda, 7, 0, boot, 0);
}

async function runTo(timeMs: number): Promise<void> {
  let isOver = false;
  agenda.at(timeMs, null, () => {
    isOver = true;
  });
  await agenda.run(() => isOver);
}

function fateOf(only: Record<string, Fate>): void {
  (parts as { network: PlannedNetwork }).network = { ...parts.network, only };
}

beforeEach(() => {
  agenda = new Agenda(7);
  const recorder = new Recorder(agenda);
  const server = new DatabaseServer(agenda, recorder, 100, true);
  parts = {
    seed: 7,
    agenda,
    server,
    recorder,
    network: { leastMs: 10, mostMs: 10, timeoutMs: 1_000, odds: {}, only: {} },
    hub: new WakeUpHub(undefined),
    chunkTasks: 100,
    leaseMs: 1_000,
    hasFaults: true,
    fated: {},
    nextTransaction: 0,
    late: 0,
    unknownMarks: new Set(),
  };
});

describe("a process that died", () => {
  test("never goes on after a call that was sent before its death", async () => {
    const process = newProcess();
    let wentOn = false;
    void newWire(process)
      .register(record("1"))
      .then(() => {
        wentOn = true;
      });
    agenda.at(15, null, () => process.die());
    await runTo(5_000);
    expect(wentOn).toBe(false);
    expect(parts.recorder.audit.map(({ change }) => change.kind)).toEqual(["process.insert"]);
  });

  test("is not answered in its next life: the answer belongs to the life that asked", async () => {
    const first = newProcess(1);
    const told: string[] = [];
    void newWire(first)
      .register(record("1"))
      .then(() => told.push("first"));
    agenda.at(12, null, () => {
      first.die();
      void newWire(newProcess(2))
        .register(record("2"))
        .then(() => told.push("second"));
    });
    await runTo(5_000);
    expect(told).toEqual(["second"]);
  });

  test("fires no timer and sends nothing", async () => {
    const process = newProcess();
    let fired = false;
    process.ports.timers.after(10, () => {
      fired = true;
    });
    process.die();
    void newWire(process).register(record("1"));
    await runTo(5_000);
    expect(fired).toBe(false);
    expect(parts.recorder.audit).toEqual([]);
  });

  test("leaves no transaction open at the server", async () => {
    const process = newProcess();
    const wire = new Wire(parts, process);
    void wireStore(wire).begin();
    agenda.at(50, null, () => {
      process.die();
      wire.hangUp();
    });
    await runTo(49);
    expect(parts.server.openTransactions).toBe(1);
    await runTo(10_000);
    expect(parts.server.openTransactions).toBe(0);
  });
});

describe("a process that is paused", () => {
  test("does nothing before it wakes, and then what it would have done", async () => {
    const process = newProcess();
    const firedAtMs: number[] = [];
    process.ports.timers.after(10, () => firedAtMs.push(agenda.nowMs));
    process.pause(500);
    await runTo(5_000);
    expect(firedAtMs).toEqual([500]);
  });
});

describe("the network", () => {
  const nameOf = (method: string): string => `n0.1.${method}.1`;

  test("carries a late call out after the client has given up", async () => {
    fateOf({ [nameOf("register")]: "late" });
    const told: string[] = [];
    newWire(newProcess())
      .register(record("1"))
      .catch(() => told.push(`gave up at ${agenda.nowMs}`));
    await runTo(1_001);
    expect(told).toEqual(["gave up at 1000"]);
    expect(parts.recorder.audit).toEqual([]);
    await runTo(10_000);
    expect(parts.recorder.audit).toHaveLength(1);
  });

  test("carries a reset call out, and a refused one not", async () => {
    fateOf({ [nameOf("register")]: "reset" });
    await Promise.all([
      expect(newWire(newProcess()).register(record("1"))).rejects.toMatchObject({ outcomeUnknown: true }),
      runTo(100),
    ]);
    expect(parts.recorder.audit).toHaveLength(1);
    fateOf({ [nameOf("register")]: "refused" });
    await Promise.all([
      expect(newWire(newProcess()).register(record("2"))).rejects.toMatchObject({ outcomeUnknown: false }),
      runTo(200),
    ]);
    expect(parts.recorder.audit).toHaveLength(1);
  });

  test("drops everything of a process that is cut off, until the client gives up", async () => {
    const process = newProcess();
    process.isCut = true;
    await Promise.all([
      expect(newWire(process).register(record("1"))).rejects.toMatchObject({ outcomeUnknown: true }),
      runTo(2_000),
    ]);
    expect(parts.recorder.audit).toEqual([]);
  });
});

test("a database that comes back from a backup has lost its last commits and no others", async () => {
  const store = newWire(newProcess());
  void (async () => {
    for (const owner of ["1", "2", "3", "4"]) await store.register(record(owner));
  })();
  await runTo(1_000);
  await parts.server.restore(2);
  expect((await parts.server.store.statistics()).processes).toBe(2);
});

test("a failing plan shrinks to what the failure needs", async () => {
  const plan = drawPlan(5);
  // A plan that has no time to come to rest breaks G4 whatever else is in it.
  const hopeless = {
    ...plan,
    restLimitMs: 0,
    quietAtMs: 5_000,
    actions: [{ atMs: 10, kind: "crash" as const, node: 0, downMs: 100 }],
    tasks: plan.tasks.map((task) => ({ ...task, delayMs: 60_000 })),
    requests: plan.requests.map((request) => ({ ...request, atMs: 1_000, ending: "commit" as const })),
  };
  const small = await shrink(hopeless, "G4");
  expect(small.actions).toEqual([]);
  expect(small.requests.length).toBe(1);
}, 60_000);
