/** How running attempts are ended: the grace first, then the abort, then they are given back unfinished. */
import type { Timers } from "../ports/ports.ts";
import type { Funnel } from "./funnel.ts";
import { within } from "./sleep.ts";
import type { Slots } from "./slots.ts";

/** How long an aborted executor has to return before its attempt is given back. */
export const ABORT_MS = 1_000;

/** Ends what runs in some slots, once. */
export class WindDown {
  readonly #timers: Timers;
  readonly #funnel: Funnel;
  readonly #slots: readonly Slots[];
  #hurry: () => void = () => undefined;

  constructor(timers: Timers, funnel: Funnel, slots: readonly Slots[]) {
    this.#timers = timers;
    this.#funnel = funnel;
    this.#slots = slots;
  }

  /** Resolves when all is quiet, or given back; answers whether everything ended by itself. `quiet` must not reject. */
  async run(quiet: Promise<unknown>, graceMs: number): Promise<boolean> {
    const hurried = new Promise<void>((resolve) => {
      this.#hurry = resolve;
    });
    let isQuiet = false;
    const ended = quiet.then(() => {
      isQuiet = true;
    });
    await within(this.#timers, Promise.race([ended, hurried]), graceMs);
    if (isQuiet) return true;
    for (const slots of this.#slots) this.#funnel.abort("stopping", { slots });
    if ((await within(this.#timers, ended, ABORT_MS)) === "late") {
      for (const slots of this.#slots) this.#funnel.abandon(slots);
    }
    return false;
  }

  /** Cuts the grace short. */
  hurry(): void {
    this.#hurry();
  }
}
