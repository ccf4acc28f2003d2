/** What comes round beside the tasks while a worker runs: pruning, and the look for types that nobody executes. */
import type { Timer, Timers } from "../ports/ports.ts";

/** Does a round of work again and again. */
export class Periodic {
  readonly #timers: Timers;
  readonly #round: () => Promise<number>;
  #timer: Timer | null = null;
  #underWay: Promise<void> = Promise.resolve();
  #isStopped = true;

  /** @param round answers after how many milliseconds the next one begins; must not reject */
  constructor(timers: Timers, round: () => Promise<number>) {
    this.#timers = timers;
    this.#round = round;
  }

  /** Starts; the first round begins after `delayMs`. */
  start(delayMs: number): void {
    this.#isStopped = false;
    this.#schedule(delayMs);
  }

  /** Stops; resolves when a round under way is over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#underWay;
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel(); // a round that outlived a stop must not go on beside those of the next start
    if (this.#isStopped) return;
    const begin = (): void => {
      this.#underWay = this.#round().then((nextMs) => this.#schedule(nextMs));
    };
    this.#timer = this.#timers.after(delayMs, begin, { keepsProcessAlive: false });
  }
}
