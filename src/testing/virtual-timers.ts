/** Timers on a clock that moves only when it is told to. */
import { MessageChannel } from "node:worker_threads";

import type { Timer, Timers } from "../ports/ports.ts";

interface Entry {
  readonly dueMs: number;
  readonly callback: () => void;
  readonly keepsProcessAlive: boolean;
}

/** Timers in the order in which they fire: by time, then by when they were set. */
export class VirtualTimers implements Timers {
  readonly #entries: Entry[] = [];
  #nowMs = 0;

  /** Virtual time since the start, in milliseconds. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Timers that are set and have neither fired nor been cancelled. */
  get pending(): number {
    return this.#entries.length;
  }

  /** Those of them that would hold a real process open. */
  get holding(): number {
    return this.#entries.filter((entry) => entry.keepsProcessAlive).length;
  }

  /** When the next timer fires; Infinity when none is set. */
  get nextMs(): number {
    return this.#entries[0]?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /** Sets a timer. Throws for a delay that is no number: a real timer would fire at once, and spin. */
  after(delayMs: number, callback: () => void, options?: { readonly keepsProcessAlive?: boolean }): Timer {
    if (Number.isNaN(delayMs)) throw new TypeError("a timer was set with a delay that is no number");
    const keepsProcessAlive = options?.keepsProcessAlive !== false;
    const entry = { dueMs: this.#nowMs + Math.max(delayMs, 0), callback, keepsProcessAlive };
    const place = this.#entries.findLastIndex(({ dueMs }) => dueMs <= entry.dueMs);
    this.#entries.splice(place + 1, 0, entry);
    return {
      cancel: () => {
        const found = this.#entries.indexOf(entry);
        if (found >= 0) this.#entries.splice(found, 1);
      },
    };
  }

  /** Moves the clock to an instant, not beyond the next timer, and fires that timer if it is due then. */
  stepTo(instantMs: number): void {
    const due = this.nextMs <= instantMs ? this.#entries.shift() : undefined;
    this.#nowMs = Math.max(this.#nowMs, due?.dueMs ?? instantMs);
    due?.callback();
  }
}

/** Waits until everything that waits for nothing but promises has run. */
export class TurnEnd {
  readonly #channel = new MessageChannel();
  readonly #waiters: (() => void)[] = [];

  constructor() {
    this.#channel.port1.on("message", () => this.#waiters.shift()?.());
    this.#channel.port1.unref();
  }

  /**
   * Resolves in a turn of the event loop of its own: all microtasks of this one have run by then, and a rejection
   * that nobody handled has been reported.
   */
  async reached(): Promise<void> {
    this.#channel.port1.ref();
    await new Promise<void>((resolve) => {
      this.#waiters.push(resolve);
      this.#channel.port2.postMessage(null);
    });
    if (this.#waiters.length === 0) this.#channel.port1.unref();
  }
}
