/** Says, per operation, that it fails: at once, again every minute for as long as it does, and once when it succeeds again. */
import type { Clock } from "../ports/ports.ts";
import { safeError } from "../task/safe-error.ts";
import type { Reporter } from "./reporter.ts";

/** Delay before the first retry of an operation of the engine's own. */
const FIRST_RETRY_MS = 100;
/** Longest delay between retries: an outage is noticed to be over within this time. */
const LONGEST_RETRY_MS = 2_000;
/** Time between two reminders. What only a person can mend, a schema that is too new, would be forgotten otherwise. */
const REMINDER_MS = 60_000;

interface Failing {
  readonly sinceMs: number;
  readonly times: number;
  readonly toldMs: number;
}

/** Tracks failures in a row per operation. */
export class Availability {
  readonly #failing = new Map<string, Failing>();
  readonly #reporter: Reporter;
  readonly #clock: Clock;

  constructor(reporter: Reporter, clock: Clock) {
    this.#reporter = reporter;
    this.#clock = clock;
  }

  /** Notes a failure; answers how long to wait before trying again. */
  failed(operation: string, error: unknown): number {
    const nowMs = this.#clock.monotonicMs();
    const { sinceMs, times, toldMs } = this.#failing.get(operation) ?? {
      sinceMs: nowMs,
      times: 0,
      toldMs: nowMs,
    };
    const isReminder = nowMs - toldMs >= REMINDER_MS;
    this.#failing.set(operation, { sinceMs, times: times + 1, toldMs: isReminder ? nowMs : toldMs });
    const failure = { operation, error: safeError(error) };
    if (times === 0) this.#reporter.report("store.unavailable", failure);
    if (isReminder)
      this.#reporter.report("store.still-unavailable", { ...failure, failingForMs: nowMs - sinceMs });
    return Math.min(FIRST_RETRY_MS * 2 ** Math.min(times, 30), LONGEST_RETRY_MS);
  }

  /** What fails now, and for how long. */
  failing(): readonly { readonly operation: string; readonly failingForMs: number }[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#failing].map(([operation, { sinceMs }]) => ({
      operation,
      failingForMs: nowMs - sinceMs,
    }));
  }

  /** Notes a success. */
  succeeded(operation: string): void {
    if (!this.#failing.delete(operation)) return;
    this.#reporter.report("store.recovered", { operation });
  }
}
