/** The real ports: the only file that touches the runtime's clock, timers and random source. */
import { randomFillSync } from "node:crypto";

import type { Ports } from "./ports.ts";

/** Longest delay a runtime timer keeps, about 24.8 days; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Random bytes are drawn this many at a time: each drawing is dear, and every task without an id of its own needs 16. */
const POOL_BYTES = 4_096;

class RandomPool {
  readonly #pool = new Uint8Array(POOL_BYTES);
  #used = POOL_BYTES;

  /** Bytes that are handed out once. */
  take(length: number): Uint8Array {
    if (length > POOL_BYTES) return randomFillSync(new Uint8Array(length));
    if (this.#used + length > POOL_BYTES) {
      randomFillSync(this.#pool);
      this.#used = 0;
    }
    this.#used += length;
    return this.#pool.slice(this.#used - length, this.#used);
  }
}

const randomPool = new RandomPool();

/** Time, timers and randomness of this process. */
export const realPorts: Ports = Object.freeze({
  clock: {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
  },
  timers: {
    after(delayMs: number, callback: () => void, options?: { readonly keepsProcessAlive?: boolean }) {
      let timer: NodeJS.Timeout;
      const wait = (leftMs: number): void => {
        const next = leftMs > LONGEST_TIMER_MS ? () => wait(leftMs - LONGEST_TIMER_MS) : callback;
        timer = setTimeout(next, Math.min(leftMs, LONGEST_TIMER_MS));
        if (options?.keepsProcessAlive === false) timer.unref();
      };
      wait(Math.max(delayMs, 0));
      return { cancel: () => clearTimeout(timer) };
    },
  },
  random: {
    fraction: () => Math.random(),
    bytes: (length: number) => randomPool.take(length),
  },
});
