/** Types with pending tasks that nobody executes: told when they change, and every hour while they last. */
import type { Clock } from "../ports/ports.ts";
import type { Store } from "../store/contract.ts";
import type { Availability } from "./availability.ts";
import type { Reporter } from "./reporter.ts";

/** Time between two looks of a worker. */
export const LOOK_MS = 60_000;
/** Time after which they are told again. What only a deploy can mend would be forgotten otherwise. */
const REMINDER_MS = 3_600_000;

/** What the look works with. */
interface OrphanedTypesParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly availability: Availability;
  readonly reporter: Reporter;
}

/** Remembers which types were told, and when. */
export class OrphanedTypes {
  readonly #parts: OrphanedTypesParts;
  #told = "[]";
  #toldMs = 0;

  constructor(parts: OrphanedTypesParts) {
    this.#parts = parts;
  }

  /** Asks the store, at a bounded cost; answers when to come back. */
  async look(): Promise<number> {
    const { store, availability } = this.#parts;
    try {
      const { orphanedTypes } = await store.statistics();
      availability.succeeded("statistics");
      this.note(orphanedTypes);
    } catch (error) {
      availability.failed("statistics", error);
    }
    return LOOK_MS;
  }

  /** Takes in what the store answered. */
  note(types: readonly string[]): void {
    const { clock, reporter } = this.#parts;
    const nowMs = clock.monotonicMs();
    const found = JSON.stringify([...types].sort());
    const isTold = found === this.#told && nowMs - this.#toldMs < REMINDER_MS;
    this.#told = found;
    if (types.length === 0 || isTold) return;
    this.#toldMs = nowMs;
    reporter.report("types.orphaned", { types });
  }
}
