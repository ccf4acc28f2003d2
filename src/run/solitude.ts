/** Makes room for tasks that were lost twice: each runs with nothing else in its process. */
import type { Clock } from "../ports/ports.ts";

/** How long such a task waits for this process to fall idle by itself before new work is held back for it. */
export const PATIENCE_MS = 10_000;

/** What runs: attempts, and executors that went on beyond their timeout. */
interface Occupancy {
  readonly running: number;
  readonly zombies: number;
}

/**
 * What may be claimed now: anything; only a task that must be alone; nothing, but another process may run that task
 * meanwhile, so it is looked whether it still waits; or nothing at all, since it runs here.
 */
type ClaimMode = "open" | "alone" | "closed" | "occupied";

/** Decides when the process is emptied for one task. */
export class Solitude {
  readonly #clock: Clock;
  /** What runs outside the worker's own slots: the fast path. */
  readonly #elsewhere: () => readonly Occupancy[];
  readonly #onOver: () => void;
  #waitingSinceMs: number | null = null;
  #isOccupied = false;

  constructor(clock: Clock, elsewhere: () => readonly Occupancy[], onOver: () => void) {
    this.#clock = clock;
    this.#elsewhere = elsewhere;
    this.#onOver = onOver;
  }

  /** Notes whether the last claim saw such a task waiting. */
  note(aloneDue: boolean): void {
    if (!aloneDue) this.#waitingSinceMs = null;
    else this.#waitingSinceMs ??= this.#clock.monotonicMs();
  }

  /**
   * What the worker may claim while this runs in its own slots. Zombies are company too, but since one may never end they
   * are waited for only as long as patience lasts.
   */
  mode(worker: Occupancy): ClaimMode {
    if (this.#isOccupied) return "occupied";
    if (this.#waitingSinceMs === null) return "open";
    const all = [worker, ...this.#elsewhere()];
    const isEmpty = all.every(({ running, zombies }) => running + (this.#isImpatient ? 0 : zombies) === 0);
    if (isEmpty) return "alone";
    return this.#isImpatient ? "closed" : "open";
  }

  /** Whether the fast path may start something. */
  get isFastPathOpen(): boolean {
    return !this.#isOccupied && !this.#isImpatient;
  }

  /** Nothing else starts from here on: such a task is about to be claimed. */
  occupy(): void {
    this.#isOccupied = true;
  }

  /** The claim is answered, or given up. */
  vacate(): void {
    this.#isOccupied = false;
  }

  /** Runs one task alone: nothing else starts until it is over. */
  async run(work: () => Promise<unknown>): Promise<void> {
    this.#isOccupied = true;
    try {
      await work();
    } finally {
      this.#isOccupied = false;
      this.#waitingSinceMs = null;
      this.#onOver();
    }
  }

  get #isImpatient(): boolean {
    return this.#waitingSinceMs !== null && this.#clock.monotonicMs() - this.#waitingSinceMs >= PATIENCE_MS;
  }
}
