// Percentiles of measured times.

/** Times in milliseconds; null when there was none. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

/** Of times in ascending order: each percentile is one of them, the nearest rank. */
export function percentilesOf(sorted: readonly number[]): Percentiles {
  const at = (part: number): number | null =>
    sorted[Math.max(Math.ceil(sorted.length * part) - 1, 0)] ?? null;
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}
