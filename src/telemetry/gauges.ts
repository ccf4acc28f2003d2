/** What stands rather than happens: read from a store's counts and the event loop, at most every ten seconds. */
import type { Ports } from "../ports/ports.ts";
import { type EventLoopWatch, watchEventLoop } from "../ports/real-ports.ts";
import type { StoreStatistics } from "../store/contract.ts";
import { taskStates } from "../task/task.ts";
import { type Labels, type Measure, measures, noLabels } from "./measures.ts";

/** The counts of a store, and of a scheduler's own process where there is one. */
export type Statistics = StoreStatistics & {
  readonly running?: { readonly worker: number; readonly fastPath: number };
  readonly zombies?: number;
};

/** One value. */
export interface Reading {
  readonly measure: Measure;
  readonly value: number;
  readonly labels: Labels;
}

/** What the counts are asked of is asked no more often, however many look. */
export const REUSED_MS = 10_000;
/** Longest wait for the counts: a scrape is given up after ten seconds. */
const PATIENCE_MS = 5_000;

/** Reads the gauges of one process. */
export class Gauges {
  readonly #ports: Ports;
  readonly #statistics: (() => Promise<Statistics>) | null;
  readonly #eventLoop: EventLoopWatch | null;
  #last: { readonly atMs: number; readonly answer: Promise<readonly Reading[]> } | null = null;

  /** @param statistics asked for the counts; null: there are none */
  constructor(ports: Ports, statistics: (() => Promise<Statistics>) | null, isEventLoopWatched: boolean) {
    this.#ports = ports;
    this.#statistics = statistics;
    this.#eventLoop = isEventLoopWatched ? watchEventLoop() : null;
  }

  /** All values. Never rejects: when the counts cannot be had, `owed.store.up` says so and they are missing. */
  read(): Promise<readonly Reading[]> {
    const nowMs = this.#ports.clock.monotonicMs();
    if (this.#last === null || nowMs - this.#last.atMs >= REUSED_MS)
      this.#last = { atMs: nowMs, answer: this.#ask() };
    return this.#last.answer;
  }

  /** Watches the event loop no more. */
  stop(): void {
    this.#eventLoop?.stop();
  }

  async #ask(): Promise<readonly Reading[]> {
    const eventLoop = this.#eventLoop === null ? [] : eventLoopReadings(this.#eventLoop);
    if (this.#statistics === null) return eventLoop;
    const statistics = await this.#inTime(this.#statistics);
    const up = { measure: measures.storeUp, value: statistics === null ? 0 : 1, labels: noLabels };
    return [...eventLoop, up, ...(statistics === null ? [] : readingsOf(statistics))];
  }

  /** Null when they were not answered, or not in time. */
  async #inTime(ask: () => Promise<Statistics>): Promise<Statistics | null> {
    return await new Promise((resolve) => {
      const timer = this.#ports.timers.after(PATIENCE_MS, () => resolve(null), { keepsProcessAlive: false });
      const answered = (statistics: Statistics | null): void => {
        timer.cancel();
        resolve(statistics);
      };
      ask().then(answered, () => answered(null));
    });
  }
}

const stateLabels = new Map(taskStates.map((state) => [state, Object.freeze({ "owed.state": state })]));
const workerLabels: Labels = Object.freeze({ "owed.path": "worker" });
const fastLabels: Labels = Object.freeze({ "owed.path": "fast" });

function readingsOf(statistics: Statistics): readonly Reading[] {
  const { oldestDueAgeMs, orphanedTypes, processes, running, zombies } = statistics;
  const readings: Reading[] = [
    { measure: measures.oldestDue, value: (oldestDueAgeMs ?? 0) / 1_000, labels: noLabels },
    { measure: measures.orphanedTypes, value: orphanedTypes.length, labels: noLabels },
    { measure: measures.processes, value: processes, labels: noLabels },
  ];
  for (const [state, labels] of stateLabels)
    readings.push({ measure: measures.tasks, value: statistics[state], labels });
  if (running !== undefined) {
    readings.push({ measure: measures.slotsUsed, value: running.worker, labels: workerLabels });
    readings.push({ measure: measures.slotsUsed, value: running.fastPath, labels: fastLabels });
  }
  if (zombies !== undefined) readings.push({ measure: measures.zombies, value: zombies, labels: noLabels });
  return readings;
}

function eventLoopReadings(watch: EventLoopWatch): readonly Reading[] {
  const { meanMs, p50Ms, p99Ms, maxMs } = watch.read();
  const reading = (measure: Measure, ms: number): Reading => ({
    measure,
    value: ms / 1_000,
    labels: noLabels,
  });
  return [
    reading(measures.eventLoopMean, meanMs),
    reading(measures.eventLoopP50, p50Ms),
    reading(measures.eventLoopP99, p99Ms),
    reading(measures.eventLoopMax, maxMs),
  ];
}
