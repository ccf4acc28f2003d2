/** What one measurement says. */

/** Times of single tasks, in milliseconds. */
export interface Latency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly longest: number;
}

/** One line of the result. */
export interface Measurement {
  /** Literal name, for machines. */
  readonly code: string;
  /** What was done, for people. */
  readonly what: string;
  readonly tasks: number;
  readonly durationMs: number;
  /** Null where tasks came one after the other on purpose, so that a rate says nothing. */
  readonly perSecond: number | null;
  /** Null where tasks were not timed one by one. */
  readonly latencyMs: Latency | null;
}

/** To the microsecond. */
export function rounded(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

/** The times below which so much of all lies; nearest rank. */
export function latencyOf(times: readonly number[]): Latency {
  const sorted = times.toSorted((left, right) => left - right);
  const rank = (part: number): number =>
    rounded(sorted[Math.max(Math.ceil(sorted.length * part) - 1, 0)] ?? 0);
  return { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), longest: rank(1) };
}
