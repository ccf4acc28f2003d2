/** How running attempts are ended: the grace first, then the abort, then they are given back unfinished. */
import type { Timer, Timers } from "../ports/ports.ts";
import { ABORT_MS } from "./attempt.ts";
import type { Funnel } from "./funnel.ts";
import { within } from "./sleep.ts";
import type { Slots } from "./slots.ts";

/** Ends what runs in some slots, once. */
export class WindDown {
  readonly #timers: Timers;
  readonly #funnel: Funnel;
  readonly #slots: readonly Slots[];
  #limit: (graceMs: number) => void = () => undefined;

  constructor(timers: Timers, funnel: Funnel, slots: readonly Slots[]) {
    this.#timers = timers;
    this.#funnel = funnel;
    this.#slots = slots;
  }

  /** Resolves when all is quiet, or given back; answers whether everything ended by itself. `quiet` must not reject. */
  async run(quiet: Promise<unknown>, graceMs: number): Promise<boolean> {
    let isQuiet = false;
    const ended = quiet.then(() => {
      isQuiet = true;
    });
    await this.#grace(ended, graceMs);
    if (isQuiet) return true;
    for (const slots of this.#slots) this.#funnel.abort("stopping", { slots });
    if ((await within(this.#timers, ended, ABORT_MS)) === "late") {
      for (const slots of this.#slots) this.#funnel.abandon(slots);
    }
    return false;
  }

  /** Ends the grace of a run under way after `graceMs` from now, unless it ends sooner. */
  limit(graceMs: number): void {
    this.#limit(graceMs);
  }

  /** Of several graces the one that is over first counts. */
  #grace(ended: Promise<void>, graceMs: number): Promise<void> {
    return new Promise((resolve) => {
      const graces: Timer[] = [];
      const over = (): void => {
        this.#limit = () => undefined;
        for (const grace of graces) grace.cancel();
        resolve();
      };
      this.#limit = (limitMs) => void graces.push(this.#timers.after(limitMs, over));
      this.#limit(graceMs);
      void ended.then(over);
    });
  }
}
