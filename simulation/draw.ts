// Luck by name: each stream is fixed by the numbers it is named with, so a plan that is cut down keeps the rest of its luck.

const TWO_TO_32 = 2 ** 32;

function mixed(value: number): number {
  let state = Math.imul(value ^ (value >>> 16), 0x21f0_aaad);
  state = Math.imul(state ^ (state >>> 15), 0x735a_2d97);
  return state ^ (state >>> 15);
}

/** Mixes a number into a running 32-bit hash. */
export function mix(hash: number, value: number): number {
  return mixed((Math.imul(hash, 0x9e37_79b1) + value) | 0);
}

/** Mixes text into a running 32-bit hash. */
export function mixText(hash: number, text: string): number {
  let state = hash;
  for (let index = 0; index < text.length; index += 1)
    state = Math.imul(state ^ text.charCodeAt(index), 0x0100_0193);
  return mixed(state);
}

/** A stream of random numbers. */
export class Draw {
  #state: number;

  constructor(...name: readonly number[]) {
    let state = 0x5eed;
    for (const part of name) state = mix(state, part);
    this.#state = state;
  }

  /** From 0 (included) to 1 (excluded). */
  fraction(): number {
    this.#state = (this.#state + 0x9e37_79b9) | 0;
    return (mixed(this.#state) >>> 0) / TWO_TO_32;
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** A number from `low` up to `high`. */
  between(low: number, high: number): number {
    return low + (high - low) * this.fraction();
  }

  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  /** One of the list. */
  pick<Item>(list: readonly Item[]): Item {
    return list[this.whole(0, list.length - 1)] as Item; // the index is within the list
  }
}
