/** The claim numbers of this process that are still of use. A row under any other number in its name is free. */
import type { Clock } from "../ports/ports.ts";

/** Counts what stands under each claim number. Numbers only go up, also over a new registration. */
export class LiveClaims {
  #last = 0;
  readonly #clock: Clock;
  readonly #holders = new Map<number, number>();
  /** Since when tasks stand under each number, as far as this process knows. */
  readonly #heldSince = new Map<number, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes the next number; it is live with one holder (the statement about to be sent). */
  take(): number {
    this.#last += 1;
    this.#holders.set(this.#last, 1);
    return this.#last;
  }

  /** Adds holders: tasks that stand under the number. */
  hold(claim: number, count = 1): void {
    const holders = this.#holders.get(claim);
    if (holders === undefined) return;
    this.#holders.set(claim, holders + count);
    if (!this.#heldSince.has(claim)) this.#heldSince.set(claim, this.#clock.monotonicMs());
  }

  /** How long ago the claim, or the insert, of a live number was answered. */
  heldForMs(claim: number): number {
    const sinceMs = this.#heldSince.get(claim);
    return sinceMs === undefined ? 0 : this.#clock.monotonicMs() - sinceMs;
  }

  /** Takes one holder away; with the last one the number is void. */
  drop(claim: number): void {
    const holders = this.#holders.get(claim);
    if (holders === undefined) return;
    if (holders > 1) {
      this.#holders.set(claim, holders - 1);
      return;
    }
    this.#holders.delete(claim);
    this.#heldSince.delete(claim);
  }

  /** True while the number is live. */
  has(claim: number): boolean {
    return this.#holders.has(claim);
  }

  /** All live numbers. */
  list(): readonly number[] {
    return [...this.#holders.keys()];
  }
}
