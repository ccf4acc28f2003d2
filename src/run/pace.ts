/** How fast attempts end: as many tasks may be claimed ahead as will start in a moment. */

/** As many tasks are claimed ahead as ended within this time. */
const PACE_MS = 100;

/** Counts how many attempts of each name, a type or a key, end in spans of time. */
export class Pace {
  #sinceMs = Number.NEGATIVE_INFINITY;
  #current = new Map<string, number>();
  #previous = new Map<string, number>();
  #currentTotal = 0;
  #previousTotal = 0;

  /** An attempt has ended. */
  ended(name: string): void {
    this.#currentTotal += 1;
    this.#current.set(name, (this.#current.get(name) ?? 0) + 1);
  }

  /** How many of a name ended in a span, now or before. */
  of(name: string): number {
    return Math.max(this.#current.get(name) ?? 0, this.#previous.get(name) ?? 0);
  }

  /** How many in all. */
  get total(): number {
    return Math.max(this.#currentTotal, this.#previousTotal);
  }

  /** Begins a new span when the last one is over. */
  turn(nowMs: number): void {
    const elapsedMs = nowMs - this.#sinceMs;
    if (elapsedMs < PACE_MS) return;
    const isNext = elapsedMs < 2 * PACE_MS;
    this.#previous = isNext ? this.#current : new Map();
    this.#previousTotal = isNext ? this.#currentTotal : 0;
    this.#current = new Map();
    this.#currentTotal = 0;
    this.#sinceMs = nowMs;
  }
}
