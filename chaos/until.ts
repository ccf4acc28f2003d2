// Waiting for something to become true.
import { setTimeout as delay } from "node:timers/promises";

/** Resolves with how long it took; throws, naming it, when it does not happen in time. A condition that throws is not met. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 30_000,
): Promise<number> {
  const startMs = performance.now();
  let last: unknown = null;
  for (;;) {
    try {
      if (await condition()) return performance.now() - startMs;
      last = null;
    } catch (error) {
      last = error;
    }
    if (performance.now() - startMs > limitMs) {
      throw new Error(`not within ${limitMs} ms: ${what}`, last === null ? {} : { cause: last });
    }
    await delay(25);
  }
}
