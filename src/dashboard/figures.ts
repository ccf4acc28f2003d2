/** Figures over time, out of roll-ups: how many attempts, how they ended, how long they waited and ran. */
import type { Clock } from "../ports/ports.ts";
import type { RollUp, RollUpAnswer } from "../store/contract.ts";
import { addRollUps, beginningOf, HOUR_MS, MINUTE_MS } from "../store/roll-up.ts";
import { shownDuration } from "../story/durations.ts";
import type { DashboardStore } from "./options.ts";

/** How far back: an hour by minutes, or a day by hours. */
export type Span = "hour" | "day";

/** One step of a span. */
export interface Step {
  readonly beginsAt: Date;
  /** All types together. */
  readonly sum: RollUp;
}

/** One type in a span. */
export interface TypeFigures {
  readonly total: RollUp;
  readonly steps: readonly Pick<RollUp, "confirmed" | "failed">[];
}

/** What there is to show of a span. */
export interface Figures {
  readonly span: Span;
  readonly steps: readonly Step[];
  readonly total: RollUp;
  /** Each type by itself, in no order. */
  readonly types: readonly TypeFigures[];
}

const spans: Readonly<Record<Span, { readonly stepMs: number; readonly steps: number }>> = {
  hour: { stepMs: MINUTE_MS, steps: 60 },
  day: { stepMs: HOUR_MS, steps: 24 },
};

/** How long what was read is shown again: the processes add to it every ten seconds. */
const REUSED_MS = 5_000;
/** Readings that are remembered. */
const MOST_READINGS = 20;

const nothing = (type: string): RollUp => ({
  type,
  confirmed: 0,
  failed: 0,
  givenUp: 0,
  waits: [],
  runs: [],
  slowest: null,
});

/** Reads the span of an address; an hour unless it says a day. */
export function spanOf(query: URLSearchParams): Span {
  return query.get("span") === "day" ? "day" : "hour";
}

/** Sums roll-ups up by steps and by types. */
export function figuresOf({ now, rollUps }: RollUpAnswer, span: Span): Figures {
  const { stepMs, steps: count } = spans[span];
  const lastMs = beginningOf(now.getTime(), stepMs);
  const sums = Array.from({ length: count }, () => nothing(""));
  const types = new Map<string, { total: RollUp; steps: { confirmed: number; failed: number }[] }>();
  let total = nothing("");
  for (const rollUp of rollUps) {
    const place = count - 1 - (lastMs - beginningOf(rollUp.beginsAt.getTime(), stepMs)) / stepMs;
    const before = sums[place];
    if (before === undefined) continue;
    sums[place] = addRollUps(before, rollUp);
    total = addRollUps(total, rollUp);
    const ofType = types.get(rollUp.type) ?? {
      total: nothing(rollUp.type),
      steps: Array.from({ length: count }, () => ({ confirmed: 0, failed: 0 })),
    };
    ofType.total = addRollUps(ofType.total, rollUp);
    const step = ofType.steps[place];
    if (step !== undefined) {
      step.confirmed += rollUp.confirmed;
      step.failed += rollUp.failed;
    }
    types.set(rollUp.type, ofType);
  }
  const steps = sums.map((sum, place) => ({
    beginsAt: new Date(lastMs - (count - 1 - place) * stepMs),
    sum,
  }));
  return { span, steps, total, types: [...types.values()] };
}

/** Reads figures, and remembers them for a moment, however many look. */
export class FiguresReader {
  readonly #store: DashboardStore;
  readonly #clock: Clock;
  readonly #readings = new Map<string, { readonly atMs: number; readonly answer: Promise<Figures> }>();

  constructor(store: DashboardStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The figures of a span, of one type if it is given. Rejects with what the store rejects with; that is not remembered. */
  read(span: Span, type?: string): Promise<Figures> {
    const key = `${span} ${type ?? ""}`;
    const nowMs = this.#clock.monotonicMs();
    const last = this.#readings.get(key);
    if (last !== undefined && nowMs - last.atMs < REUSED_MS) return last.answer;
    const { stepMs, steps } = spans[span];
    const answer = this.#store
      .rollUps({ spanMs: stepMs * steps, type })
      .then((found) => figuresOf(found, span));
    this.#readings.delete(key);
    this.#readings.set(key, { atMs: nowMs, answer });
    for (const old of [...this.#readings.keys()].slice(0, -MOST_READINGS)) this.#readings.delete(old);
    answer.catch(() => this.#readings.delete(key));
    return answer;
  }
}

/** How many of the attempts failed, from 0 to 1; null when there were none. */
export function failureRatio({ confirmed, failed }: RollUp): number | null {
  return confirmed + failed === 0 ? null : failed / (confirmed + failed);
}

/** A length of time as far as it is known: within the width of a cell. */
export function shownLatency(ms: number | null): string {
  if (ms === null) return "–";
  if (ms < 1) return "under 1 ms";
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 60_000 ? `${(ms / 1_000).toFixed(1)} s` : shownDuration(ms);
}

/** "3.1 %"; what is not quite nothing is not told as nothing. */
export function shownRatio(ratio: number | null): string {
  if (ratio === null) return "–";
  if (ratio > 0 && ratio < 0.001) return "under 0.1 %";
  return `${(ratio * 100).toFixed(ratio === 0 || ratio >= 0.1 ? 0 : 1)} %`;
}
