/** Says once, per operation, that the database stopped answering, and once that it answers again. */
import { safeError } from "../task/safe-error.ts";
import type { Reporter } from "./reporter.ts";

/** Delay before the first retry of an operation of the engine's own. */
const FIRST_RETRY_MS = 100;
/** Longest delay between retries: an outage is noticed to be over within this time. */
const LONGEST_RETRY_MS = 2_000;

/** Tracks failures in a row per operation. */
export class Availability {
  readonly #failures = new Map<string, number>();
  readonly #reporter: Reporter;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** Notes a failure; answers how long to wait before trying again. */
  failed(operation: string, error: unknown): number {
    const failures = (this.#failures.get(operation) ?? 0) + 1;
    this.#failures.set(operation, failures);
    if (failures === 1) this.#reporter.report("store.unavailable", { operation, error: safeError(error) });
    return Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 30), LONGEST_RETRY_MS);
  }

  /** Notes a success. */
  succeeded(operation: string): void {
    if (!this.#failures.delete(operation)) return;
    this.#reporter.report("store.recovered", { operation });
  }

  /** Whether the last try of any operation failed. */
  get isFailing(): boolean {
    return this.#failures.size > 0;
  }
}
