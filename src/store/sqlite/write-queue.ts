/** One writer at a time within the process: SQLite has one write lock, and waiting for it in turn is fair. */
import { StoreUnavailableError } from "../../errors.ts";
import type { Ports } from "../../ports/ports.ts";

interface Waiter {
  admit(): void;
  refuse(error: unknown): void;
}

/** Longest time for which turns are passed on without a return to the event loop. */
const SLICE_MS = 5;

/** Gives the turn to one caller after the other, in the order they came. */
export class WriteQueue {
  readonly #ports: Pick<Ports, "clock" | "timers">;
  readonly #waiters = new Set<Waiter>();
  #taken = false;
  /** Since when turns have been passed on without a return to the event loop. */
  #sliceStartMs = 0;

  constructor(ports: Pick<Ports, "clock" | "timers">) {
    this.#ports = ports;
  }

  /** Resolves to the function that gives the turn back. Rejects with StoreUnavailableError after `waitMs`. */
  async turn(waitMs: number): Promise<() => void> {
    if (this.#taken) await this.#wait(waitMs);
    else this.#sliceStartMs = this.#ports.clock.monotonicMs();
    this.#taken = true;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#passOn();
    };
  }

  /** Work on SQLite is synchronous: after a slice of it the event loop gets a turn, or a busy queue would starve it. */
  #passOn(): void {
    const isShort = this.#ports.clock.monotonicMs() - this.#sliceStartMs < SLICE_MS;
    if (isShort || this.#waiters.size === 0) return this.#admitNext();
    this.#ports.timers.after(0, () => {
      this.#sliceStartMs = this.#ports.clock.monotonicMs();
      this.#admitNext();
    });
  }

  #admitNext(): void {
    const [next] = this.#waiters;
    this.#taken = next !== undefined;
    next?.admit();
  }

  /** Sends all who wait away. */
  refuseAll(error: unknown): void {
    for (const waiter of this.#waiters) waiter.refuse(error);
  }

  #wait(waitMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        this.#waiters.delete(waiter);
        timer.cancel();
        settle();
      };
      const waiter: Waiter = {
        admit: () => end(resolve),
        refuse: (error) => end(() => reject(error)),
      };
      this.#waiters.add(waiter);
      const timer = this.#ports.timers.after(waitMs, () => waiter.refuse(tooLong(waitMs)));
    });
  }
}

function tooLong(waitMs: number): StoreUnavailableError {
  return new StoreUnavailableError(
    `another transaction of this process held the write lock for ${waitMs} ms: keep transactions short`,
    { outcomeUnknown: false },
  );
}
