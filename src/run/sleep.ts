/** Waiting that can be cut short. */
import type { Timer, Timers } from "../ports/ports.ts";

/** Resolves after `delayMs`, or as soon as the signal aborts. Never rejects. */
export function sleep(
  timers: Timers,
  delayMs: number,
  signal?: AbortSignal,
  keepsProcessAlive = true,
): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve();
    let timer: Timer | null = null;
    const done = (): void => {
      timer?.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    timer = timers.after(delayMs, done, { keepsProcessAlive });
    signal?.addEventListener("abort", done, { once: true });
  });
}

/** Resolves with "done" when the work settles, either way, or with "late" after `limitMs`. Never rejects. */
export function within(timers: Timers, work: Promise<unknown>, limitMs: number): Promise<"done" | "late"> {
  return new Promise((resolve) => {
    const timer = timers.after(limitMs, () => resolve("late"));
    const done = (): void => {
      timer.cancel();
      resolve("done");
    };
    work.then(done, done);
  });
}
