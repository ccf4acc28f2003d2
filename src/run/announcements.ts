/** Tells other processes of work that is left to them: at once, and then at most so often. A hint, never more. */
import type { Ports, Timer } from "../ports/ports.ts";
import type { WakeUps } from "../store/contract.ts";
import type { Availability } from "./availability.ts";

/** One announcement of a process in so long, over time. */
const ANNOUNCE_EVERY_MS = 20;
/**
 * So many may be ahead of that. Work that comes every 20 ms, but unevenly, would otherwise wait ever after for as long as it
 * was once early: half of 50 tasks a second waited 9 ms.
 */
const AHEAD_AT_MOST = 4;

/** The announcements of one process: never two under way at once. */
export class Announcements {
  readonly #wakeUps: WakeUps | undefined;
  readonly #ports: Ports;
  readonly #availability: Availability;
  #underWay: Promise<void> | null = null;
  #pause: Timer | null = null;
  /** Until then the time is used up by what was sent. */
  #usedUntilMs = Number.NEGATIVE_INFINITY;
  #isWanted = false;
  #isClosed = false;

  constructor(wakeUps: WakeUps | undefined, ports: Ports, availability: Availability) {
    this.#wakeUps = wakeUps;
    this.#ports = ports;
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
    this.#pause?.cancel();
    this.#pause = null;
    this.#usedUntilMs = Number.NEGATIVE_INFINITY;
    this.#next();
    await this.#underWay;
  }

  #next(): void {
    if (!this.#isWanted || this.#underWay !== null || this.#pause !== null) return;
    const nowMs = this.#ports.clock.monotonicMs();
    const waitMs = this.#usedUntilMs - AHEAD_AT_MOST * ANNOUNCE_EVERY_MS - nowMs;
    if (waitMs > 0) {
      const over = (): void => {
        this.#pause = null;
        this.#next();
      };
      this.#pause = this.#ports.timers.after(Math.ceil(waitMs), over, { keepsProcessAlive: false });
      return;
    }
    this.#isWanted = false;
    this.#usedUntilMs = Math.max(this.#usedUntilMs, nowMs) + ANNOUNCE_EVERY_MS;
    this.#underWay = this.#send().finally(() => {
      this.#underWay = null;
      this.#next();
    });
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
