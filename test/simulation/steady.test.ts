// Thirty virtual days of mixed load: nothing that the engine keeps grows with time (F62).
import { getEventListeners } from "node:events";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test, vi } from "vitest";
import { BETWEEN_REQUESTS_MS, DAY_MS, DAYS, SteadyWorld, withWakeUps } from "./steady-world.ts";

/** What the heap may grow by from the first days to the last ones: some twenty bytes for each execution in between. */
const MOST_GROWTH_BYTES = 1_000_000;

/** What is left over at the end of a day. */
interface Sample {
  readonly timers: number;
  readonly rows: number;
  readonly claims: number;
  readonly listeners: number;
  readonly heapBytes: number;
}

afterEach(() => void vi.unstubAllGlobals());

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void; // the flag defines it in new contexts

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** The least of several measures: what is about to be collected is not kept. */
async function heapBytes(): Promise<number> {
  const measures: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    await nextTurn();
    collect();
    measures.push(process.memoryUsage().heapUsed);
  }
  return Math.min(...measures);
}

/** Counts the listeners on every signal that comes to be from now on and is still alive. */
function listenerCount(): () => number {
  const signals = new Set<WeakRef<AbortSignal>>();
  class CountedController extends AbortController {
    constructor() {
      super();
      signals.add(new WeakRef(this.signal));
    }
  }
  vi.stubGlobal("AbortController", CountedController);
  return () => {
    let count = 0;
    for (const reference of signals) {
      const signal = reference.deref();
      if (signal === undefined) signals.delete(reference);
      else count += getEventListeners(signal, "abort").length;
    }
    return count;
  };
}

function processListeners(): Record<string, number> {
  return Object.fromEntries(process.eventNames().map((name) => [String(name), process.listenerCount(name)]));
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

async function endOfDay(world: SteadyWorld, day: number, listeners: () => number): Promise<Sample> {
  const { agenda, cluster, recorder, server } = world;
  let isOver = false;
  // Shortly before the next request, when hardly anything runs.
  agenda.at(day * DAY_MS + BETWEEN_REQUESTS_MS * 0.9, null, () => (isOver = true));
  recorder.mostLiveClaims = 0;
  await agenda.run(() => isOver);
  const { confirmed, cancelled, failed, pending } = await server.store.balance();
  const bytes = await heapBytes();
  return {
    timers: Math.max(...cluster.nodes.map(({ process }) => process.pendingTimers)),
    rows: confirmed + cancelled + failed + pending,
    claims: recorder.mostLiveClaims,
    listeners: listeners(),
    heapBytes: bytes,
  };
}

test("thirty days of mixed load leave no timer, claim, row, listener or memory behind", async () => {
  const warnings: string[] = [];
  const onWarning = ({ name }: Error): void => void warnings.push(name);
  const before = processListeners();
  process.on("warning", onWarning);
  const listeners = listenerCount();
  const world = new SteadyWorld();
  const stopListening = world.executions.listen();
  const samples: Sample[] = [];
  try {
    world.begin();
    for (let day = 1; day <= DAYS; day += 1) samples.push(await endOfDay(world, day, listeners));
  } finally {
    stopListening();
    process.off("warning", onWarning);
  }
  const most = (name: keyof Sample): number => Math.max(...samples.map((sample) => sample[name]));
  const { seen } = world.recorder;
  expect(world.requests).toBeGreaterThan(DAYS * 350);
  expect(seen.get("attempt timed out")).toBeGreaterThan(DAYS * 250);
  expect(world.cancelled).toBeGreaterThan(DAYS * 55);
  for (const trouble of ["database.down", "kill", "cut"])
    expect(seen.get(`nemesis: ${trouble}`), trouble).toBe(DAYS);
  expect(seen.get("stopped in order")).toBe(DAYS);
  expect(most("timers")).toBeLessThanOrEqual(8);
  expect(most("claims")).toBeLessThanOrEqual(40);
  expect(most("rows")).toBeLessThan(1_000);
  expect(most("listeners")).toBeLessThanOrEqual(withWakeUps ? 3 + 3 * 3 : 3); // each of three nodes listens: three more
  expect(processListeners()).toEqual(before);
  expect(warnings).not.toContain("MaxListenersExceededWarning");
  const heaps = samples.map((sample) => sample.heapBytes);
  expect(median(heaps.slice(-5)) - median(heaps.slice(2, 7))).toBeLessThan(MOST_GROWTH_BYTES);
}, 600_000);
