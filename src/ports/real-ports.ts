/** The real ports: the only file that touches the runtime's clock, timers and random source. */
import { randomFillSync } from "node:crypto";

import type { Ports, Timer } from "./ports.ts";

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

/** A class, since every attempt sets one. */
class RunningTimer implements Timer {
  #timeout: NodeJS.Timeout;

  constructor(delayMs: number, callback: () => void, keepsProcessAlive: boolean) {
    this.#timeout = this.#wait(delayMs, callback, keepsProcessAlive);
  }

  cancel(): void {
    clearTimeout(this.#timeout);
  }

  #wait(leftMs: number, callback: () => void, keepsProcessAlive: boolean): NodeJS.Timeout {
    const goOn = (): void => {
      this.#timeout = this.#wait(leftMs - LONGEST_TIMER_MS, callback, keepsProcessAlive);
    };
    const timeout = setTimeout(
      leftMs > LONGEST_TIMER_MS ? goOn : callback,
      Math.min(leftMs, LONGEST_TIMER_MS),
    );
    if (!keepsProcessAlive) timeout.unref();
    return timeout;
  }
}

/** A timer of no delay would take a millisecond. */
function inLaterTurn(callback: () => void, options?: { readonly keepsProcessAlive?: boolean }): Timer {
  const immediate = setImmediate(callback);
  if (options?.keepsProcessAlive === false) immediate.unref();
  return { cancel: () => clearImmediate(immediate) };
}

/** Time, timers and randomness of this process. */
export const realPorts: Ports = Object.freeze({
  clock: {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
  },
  timers: {
    after(delayMs: number, callback: () => void, options?: { readonly keepsProcessAlive?: boolean }) {
      if (delayMs <= 0) return inLaterTurn(callback, options);
      return new RunningTimer(delayMs, callback, options?.keepsProcessAlive !== false);
    },
  },
  random: {
    fraction: () => Math.random(),
    bytes: (length: number) => randomPool.take(length),
  },
});
