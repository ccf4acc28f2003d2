/** The real ports: the only file that touches the runtime's clock, timers and random source. */
import { randomFillSync } from "node:crypto";
import { monitorEventLoopDelay } from "node:perf_hooks";

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

/** How late the event loop was, in milliseconds, since it was last read. */
export interface EventLoopDelay {
  readonly meanMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Watches the event loop until it is stopped. */
export interface EventLoopWatch {
  /** What was seen since the last reading. */
  read(): EventLoopDelay;
  stop(): void;
}

/** How often the event loop is looked at. */
const WATCH_RESOLUTION_MS = 20;
const NANOSECONDS = 1e6;

/** Begins to watch how late the event loop of this process is; it does not hold the process open. */
export function watchEventLoop(): EventLoopWatch {
  const histogram = monitorEventLoopDelay({ resolution: WATCH_RESOLUTION_MS });
  histogram.enable();
  // What is measured is the time between two looks, which the looks themselves take part of.
  const delayMs = (nanoseconds: number): number =>
    histogram.count === 0 ? 0 : Math.max(nanoseconds / NANOSECONDS - WATCH_RESOLUTION_MS, 0);
  return {
    read() {
      const delay = {
        meanMs: delayMs(histogram.mean),
        p50Ms: delayMs(histogram.percentile(50)),
        p99Ms: delayMs(histogram.percentile(99)),
        maxMs: delayMs(histogram.max),
      };
      histogram.reset();
      return delay;
    },
    stop: () => void histogram.disable(),
  };
}
