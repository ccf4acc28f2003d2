/**
 * From where the next claim reads. What stands before was seen and taken: its rows are gone, but while somebody holds an old
 * snapshot their index entries are not, and each claim would walk over all of them again.
 */
import type { Clock } from "../../ports/ports.ts";

/** What a claim told of one type: whether it found as many as it wanted, and the instant up to which it took them, if any. */
export interface Reach {
  readonly isFull: boolean;
  /** In microseconds since 1970. */
  readonly takenUpTo: string | null;
}

/** A floor trails by this much, so that a transaction which commits a little late is not passed over. */
const TRAILS_US = 2_000_000n;
/** A whole scan comes at least this often: whoever commits later still waits no longer. */
const LONGEST_MS = 30_000;
/** Otherwise whole scans take up to this part of the time. */
const PART = 1 / 20;

/** The floors of one process. They only say where to look first: with all of them forgotten nothing is missed. */
export class Floors {
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #byType = new Map<string, string>();
  #wholeAtMs = Number.NEGATIVE_INFINITY;
  #wholeTookMs = 0;

  constructor(clock: Pick<Clock, "monotonicMs">) {
    this.#clock = clock;
  }

  /** The floor of each type for a claim that is sent now, in microseconds since 1970; null: from the beginning. */
  next(types: readonly string[]): readonly (string | null)[] {
    const sinceMs = this.#clock.monotonicMs() - this.#wholeAtMs;
    if (sinceMs >= Math.min(LONGEST_MS, this.#wholeTookMs / PART)) this.forget();
    return types.map((type) => this.#byType.get(type) ?? null);
  }

  /** Takes in what a claim of a type told that was sent at an instant of the clock. */
  note(type: string, { isFull, takenUpTo }: Reach, sentMs: number): void {
    if (!this.#byType.has(type)) {
      this.#wholeAtMs = sentMs;
      this.#wholeTookMs = this.#clock.monotonicMs() - sentMs;
    }
    if (!isFull) this.#byType.delete(type);
    else if (takenUpTo !== null) this.#byType.set(type, String(BigInt(takenUpTo) - TRAILS_US));
  }

  /** The next claim reads from the beginning: there may be something to find. */
  forget(): void {
    this.#byType.clear();
  }
}
