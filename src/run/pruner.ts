/** The pruner: deletes settled tasks past their retention, in small batches, beside the work. */
import type { Ports, Timer } from "../ports/ports.ts";
import type { Store } from "../store/contract.ts";
import type { Availability } from "./availability.ts";

/** Most tasks of one deletion. */
const BATCH = 500;
/** Time between two looks while there is nothing to delete; a quarter of it is drawn by chance, so that processes spread. */
const IDLE_MS = 60_000;
/** Time between two deletions while there is more. */
const BUSY_MS = 250;

/** Prunes while a worker runs. */
export class Pruner {
  readonly #store: Store;
  readonly #ports: Ports;
  readonly #retentionMs: number;
  readonly #availability: Availability;
  #timer: Timer | null = null;
  #pruning: Promise<void> = Promise.resolve();
  #isStopped = true;

  constructor(store: Store, ports: Ports, retentionMs: number, availability: Availability) {
    this.#store = store;
    this.#ports = ports;
    this.#retentionMs = retentionMs;
    this.#availability = availability;
  }

  /** Starts looking. */
  start(): void {
    this.#isStopped = false;
    this.#schedule(IDLE_MS * (0.75 + this.#ports.random.fraction() / 4));
  }

  /** Stops; resolves when a deletion under way is over. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#pruning;
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    const prune = (): void => {
      this.#pruning = this.#prune().then((nextMs) => this.#schedule(nextMs));
    };
    this.#timer = this.#ports.timers.after(delayMs, prune, { keepsProcessAlive: false });
  }

  async #prune(): Promise<number> {
    try {
      const pruned = await this.#store.prune({ olderThanMs: this.#retentionMs, limit: BATCH });
      this.#availability.succeeded("prune");
      return pruned >= BATCH ? BUSY_MS : IDLE_MS;
    } catch (error) {
      this.#availability.failed("prune", error);
      return IDLE_MS;
    }
  }
}
