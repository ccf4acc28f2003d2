/** The real ports: the only file that touches the runtime's clock, timers and random source. */
import { randomFillSync } from "node:crypto";

import type { Ports } from "./ports.ts";

/** Longest delay a runtime timer keeps; a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Time, timers and randomness of this process. */
export const realPorts: Ports = Object.freeze({
  clock: {
    monotonicMs: () => performance.now(),
    wallMs: () => Date.now(),
  },
  timers: {
    after(delayMs: number, callback: () => void, options?: { readonly keepsProcessAlive?: boolean }) {
      const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), LONGEST_TIMER_MS));
      if (options?.keepsProcessAlive === false) timer.unref();
      return { cancel: () => clearTimeout(timer) };
    },
  },
  random: {
    fraction: () => Math.random(),
    bytes: (length: number) => randomFillSync(new Uint8Array(length)),
  },
});
