/** The claim numbers of this process that are still of use. A row under any other number in its name is free. */

/** Counts what stands under each claim number. Numbers only go up, also over a new registration. */
export class LiveClaims {
  #last = 0;
  readonly #holders = new Map<number, number>();

  /** Takes the next number; it is live with one holder (the statement about to be sent). */
  take(): number {
    this.#last += 1;
    this.#holders.set(this.#last, 1);
    return this.#last;
  }

  /** Adds holders: tasks that stand under the number. */
  hold(claim: number, count = 1): void {
    const holders = this.#holders.get(claim);
    if (holders !== undefined) this.#holders.set(claim, holders + count);
  }

  /** Takes one holder away; with the last one the number is void. */
  drop(claim: number): void {
    const holders = this.#holders.get(claim);
    if (holders === undefined) return;
    if (holders <= 1) this.#holders.delete(claim);
    else this.#holders.set(claim, holders - 1);
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
