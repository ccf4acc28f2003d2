/** Randomness that repeats: the same seed gives the same numbers and bytes, on every machine. */
import type { RandomSource } from "../ports/ports.ts";

const TWO_TO_32 = 2 ** 32;

/** A random source of 32-bit state (splitmix32). Good enough for jitter and ids in tests, and for nothing secret. */
export function seededRandom(seed: number): RandomSource {
  let state = Math.imul(seed, 0x9e37_79b1) | 0;
  const next = (): number => {
    state = (state + 0x9e37_79b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0_aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a_2d97);
    return (mixed ^ (mixed >>> 15)) >>> 0;
  };
  return Object.freeze({
    fraction: () => next() / TWO_TO_32,
    bytes: (length: number) => Uint8Array.from({ length }, () => next() & 0xff),
  });
}
