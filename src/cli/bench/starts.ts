/** An executor that does nothing but note when it was called. */
import type { Clock } from "../../ports/ports.ts";

/** When tasks started. */
export class Starts {
  readonly #clock: Clock;
  readonly #startedMs = new Map<string, number>();
  readonly #waiting = new Map<string, (startedMs: number) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The executor. */
  readonly handler = async ({ taskId }: { readonly taskId: string }): Promise<void> => {
    const nowMs = this.#clock.monotonicMs();
    this.#startedMs.set(taskId, nowMs);
    this.#waiting.get(taskId)?.(nowMs);
  };

  /** When a task started, as soon as it has. */
  of(taskId: string): Promise<number> {
    const startedMs = this.#startedMs.get(taskId);
    if (startedMs !== undefined) return Promise.resolve(startedMs);
    return new Promise((resolve) => void this.#waiting.set(taskId, resolve));
  }
}
