// Wake-ups in the simulator: they reach those that listen, are lost as planned, and a connection can go deaf without a word.
import { beforeEach, describe, expect, test } from "vitest";
import { Agenda } from "../../simulation/agenda.ts";
import { DatabaseServer } from "../../simulation/database-server.ts";
import type { PlannedWakeUps } from "../../simulation/plan.ts";
import { Recorder } from "../../simulation/recorder.ts";
import { SimulatedProcess } from "../../simulation/simulated-process.ts";
import { WakeUpHub } from "../../simulation/wake-up-hub.ts";
import { Wire, type WireParts } from "../../simulation/wire.ts";
import type { Listening, WakeUps } from "../../src/store/contract.ts";

const usual: PlannedWakeUps = { listen: true, lost: 0, deaf: 0, pooler: "none" };

let agenda: Agenda;
let recorder: Recorder;
let server: DatabaseServer;

beforeEach(() => {
  agenda = new Agenda(7);
  recorder = new Recorder(agenda);
  server = new DatabaseServer(agenda, recorder, 100, false);
});

function partsOf(planned: Partial<PlannedWakeUps>): WireParts {
  return {
    seed: 7,
    agenda,
    server,
    recorder,
    network: { leastMs: 10, mostMs: 10, timeoutMs: 1_000, odds: {}, only: {} },
    hub: new WakeUpHub({ ...usual, ...planned }),
    chunkTasks: 100,
    leaseMs: 1_000,
    hasFaults: true,
    fated: {},
    nextTransaction: 0,
    late: 0,
    unknownMarks: new Set(),
  };
}

async function runFor(ms: number): Promise<void> {
  let isOver = false;
  agenda.after(ms, null, () => {
    isOver = true;
  });
  await agenda.run(() => isOver);
}

/** Two processes; the second listens. */
function pair(planned: Partial<PlannedWakeUps> = {}) {
  const parts = partsOf(planned);
  const processes = [0, 1].map((node) => new SimulatedProcess(agenda, 7, node, 1, 0));
  const [speaker, listener] = processes.map((process) => parts.hub.wakeUpsOf(new Wire(parts, process)));
  const heard = { wakes: 0, lost: 0 };
  const closing = new AbortController();
  const events = { onWake: () => void (heard.wakes += 1), onLost: () => void (heard.lost += 1) };
  const listen = async (): Promise<Listening | null> => {
    const opened = listener?.listen?.(events, closing.signal);
    await runFor(100);
    return (await opened) ?? null;
  };
  const announce = async (by: WakeUps = speaker ?? {}): Promise<void> => {
    const sent = by.announce?.();
    sent?.catch(() => undefined);
    await runFor(5_000);
    await sent;
  };
  return { parts, processes, heard, closing, listen, announce };
}

describe("a wake-up", () => {
  test("reaches the process that listens, and none after it has closed", async () => {
    const { heard, closing, listen, announce, parts } = pair();
    await listen();
    await announce();
    expect(heard.wakes).toBeGreaterThan(0);
    closing.abort();
    const before = heard.wakes;
    await announce();
    expect([heard.wakes, parts.hub.ears]).toEqual([before, 0]);
  });

  test("of one's own is heard", async () => {
    const { listen } = pair();
    const probed = (await listen())?.probe();
    await runFor(5_000);
    await expect((await probed)?.heard).resolves.toBeUndefined();
  });

  test("is lost as the plan says, and none is lost once there are no faults", async () => {
    const { heard, listen, announce, parts } = pair({ lost: 1 });
    parts.hasFaults = false;
    await listen();
    parts.hasFaults = true;
    await announce().catch(() => undefined);
    expect(heard.wakes).toBe(0);
    parts.hasFaults = false;
    await announce();
    expect(heard.wakes).toBeGreaterThan(0);
  });

  test("does not reach the dead, nor those that are cut off, and is refused while the database is down", async () => {
    const { heard, listen, announce, processes, parts } = pair();
    await listen();
    const [, listener] = processes;
    if (listener !== undefined) listener.isCut = true;
    await announce();
    if (listener !== undefined) listener.isCut = false;
    server.standing = "down";
    await expect(announce()).rejects.toThrow("connection was lost");
    server.standing = "up";
    listener?.die();
    await announce();
    expect([heard.wakes, parts.hub.ears]).toEqual([0, 0]);
  });
});

describe("a connection that listens", () => {
  test("is lost when the database closes all, and says so", async () => {
    const { heard, listen, announce, parts } = pair();
    await listen();
    parts.hub.loseAll(parts);
    await announce();
    expect(heard).toEqual({ wakes: 0, lost: 1 });
  });

  test("goes deaf without a word", async () => {
    const { heard, listen, announce } = pair({ deaf: 1 });
    await listen();
    await runFor(60_000);
    await announce();
    expect(heard).toEqual({ wakes: 0, lost: 0 });
  });

  test.each([
    ["is refused behind a pooler that is known", "known", true],
    ["never hears behind one that is not", "unknown", false],
  ] as const)("%s", async (_, pooler, isRefused) => {
    const { heard, listen, announce } = pair({ pooler });
    expect((await listen()) === null).toBe(isRefused);
    await announce();
    expect(heard.wakes).toBe(0);
  });
});
