/** Tells other processes of work that is left to them: at once, and then at most once in a while. A hint, never more. */
import type { Timer, Timers } from "../ports/ports.ts";
import type { WakeUps } from "../store/contract.ts";
import type { Availability } from "./availability.ts";

/** Least time between two announcements of one process. */
export const ANNOUNCE_EVERY_MS = 20;

/** The announcements of one process: never two under way at once. */
export class Announcements {
  readonly #wakeUps: WakeUps | undefined;
  readonly #timers: Timers;
  readonly #availability: Availability;
  #underWay: Promise<void> | null = null;
  #pause: Timer | null = null;
  #isWanted = false;
  #isClosed = false;

  constructor(wakeUps: WakeUps | undefined, timers: Timers, availability: Availability) {
    this.#wakeUps = wakeUps;
    this.#timers = timers;
    this.#availability = availability;
  }

  /** Work is left to others. Many calls make one announcement; the last of them is always followed by one. */
  announce(): void {
    if (this.#isClosed || this.#wakeUps?.announce === undefined) return;
    this.#isWanted = true;
    this.#next();
  }

  /** Sends what is still to be announced, and no more after that; resolves when it was answered. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#underWay;
    this.#endPause();
    await this.#underWay;
    this.#pause?.cancel();
  }

  #next(): void {
    if (!this.#isWanted || this.#underWay !== null || this.#pause !== null) return;
    this.#isWanted = false;
    this.#pause = this.#timers.after(ANNOUNCE_EVERY_MS, () => this.#endPause(), { keepsProcessAlive: false });
    this.#underWay = this.#send().finally(() => {
      this.#underWay = null;
      this.#next();
    });
  }

  #endPause(): void {
    this.#pause?.cancel();
    this.#pause = null;
    this.#next();
  }

  async #send(): Promise<void> {
    try {
      await this.#wakeUps?.announce?.();
      this.#availability.succeeded("announce");
    } catch (error) {
      this.#availability.failed("announce", error); // whoever polls finds the work all the same
    }
  }
}
