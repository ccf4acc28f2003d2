/** Roll-ups: how attempts went, and how long they waited and ran, summed up by type and span of time. Counts, never tasks. */

/** Attempts of one type, summed up. */
export interface RollUp {
  readonly type: string;
  /** Tasks that were confirmed. */
  readonly confirmed: number;
  /** Attempts that failed, whether or not another one follows. */
  readonly failed: number;
  /** Tasks that ended as failed. */
  readonly givenUp: number;
  /** How long first attempts waited, from when they were due to their start: how many of them, cell by cell (`latencyCell`). */
  readonly waits: readonly number[];
  /** How long executors ran, in the same cells. */
  readonly runs: readonly number[];
  /** The attempt that ran longest; null when none has ended. */
  readonly slowest: SlowAttempt | null;
}

/** An attempt that ran for long. */
export interface SlowAttempt {
  readonly taskId: string;
  readonly ms: number;
}

/** A roll-up of a minute, or of an hour that is over. */
export interface TimedRollUp extends RollUp {
  readonly beginsAt: Date;
  readonly minutes: 1 | 60;
}

/** Which roll-ups to read. */
export interface RollUpRequest {
  /** Those that begin no longer ago than this, by the database's clock, in milliseconds. */
  readonly spanMs: number;
  readonly type?: string | undefined;
}

/** Answer to `rollUps`: oldest first, 20,000 at most, the newest. */
export interface RollUpAnswer {
  /** The database's clock. */
  readonly now: Date;
  readonly rollUps: readonly TimedRollUp[];
}

/** A minute, and an hour, in milliseconds. */
export const MINUTE_MS = 60_000;
/** As above. */
export const HOUR_MS = 3_600_000;
/** Minutes are folded into their hour when that has been over for an hour. */
export const MINUTES_KEPT_MS: number = HOUR_MS;
/** Hours are forgotten after two days. */
export const HOURS_KEPT_MS: number = 48 * HOUR_MS;
/** Rows that one answer holds. */
export const MOST_ROLL_UPS = 20_000;
/** Minutes, and hours, that one call of `foldRollUps` takes. */
export const FOLDED_AT_ONCE = 500;

/** Before the first cell ends a millisecond; each cell after it ends √2 times later, and the last one never: 6.6 hours and more. */
const LAST_CELL = 50;

/** The cell of a histogram in which a length of time is counted. */
export function latencyCell(ms: number): number {
  return ms < 1 ? 0 : Math.min(1 + Math.floor(2 * Math.log2(ms)), LAST_CELL);
}

/** Below which length of time so much of a histogram lies, within the width of a cell; null when nothing was counted. */
export function percentile(cells: readonly number[], fraction: number): number | null {
  const total = cells.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  let left = Math.max(total * fraction, 1);
  for (const [cell, count] of cells.entries()) {
    if (left > count) {
      left -= count;
      continue;
    }
    const part = left / count;
    if (cell === 0) return part;
    return 2 ** ((cell - 1 + (cell === LAST_CELL ? 0 : part)) / 2);
  }
  return 2 ** ((cells.length - 1) / 2);
}

/** Two histograms as one. */
export function addCells(left: readonly number[], right: readonly number[]): number[] {
  const [longer, shorter] = left.length >= right.length ? [left, right] : [right, left];
  return longer.map((count, cell) => count + (shorter[cell] ?? 0));
}

/** Two roll-ups as one, under the type of the first. */
export function addRollUps(left: RollUp, right: RollUp): RollUp {
  const isSlower = left.slowest === null || (right.slowest !== null && right.slowest.ms > left.slowest.ms);
  return {
    type: left.type,
    confirmed: left.confirmed + right.confirmed,
    failed: left.failed + right.failed,
    givenUp: left.givenUp + right.givenUp,
    waits: addCells(left.waits, right.waits),
    runs: addCells(left.runs, right.runs),
    slowest: isSlower ? right.slowest : left.slowest,
  };
}

/** When the minute, or hour, begins in which an instant lies. */
export function beginningOf(nowMs: number, spanMs: number): number {
  return Math.floor(nowMs / spanMs) * spanMs;
}

/** Which minutes are to be folded, and which hours forgotten: those that begin before. */
export function foldingAt(nowMs: number): { readonly minutesBefore: number; readonly hoursBefore: number } {
  return {
    minutesBefore: beginningOf(nowMs, HOUR_MS) - MINUTES_KEPT_MS,
    hoursBefore: beginningOf(nowMs, HOUR_MS) - HOURS_KEPT_MS,
  };
}
