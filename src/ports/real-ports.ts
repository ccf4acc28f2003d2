/** The real ports: the only file that touches the runtime's clock, timers and random source. */
import { randomFillSync } from "node:crypto";

import type { Ports } from "./ports.ts";

/** Longest delay a runtime timer keeps, about 24.8 days; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

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
    bytes: (length: number) => randomFillSync(new Uint8Array(length)),
  },
});
