/** How everything stands: read from the store at most once a second, however many look. */
import type { Clock } from "../ports/ports.ts";
import type { DashboardStore } from "./options.ts";
import type { Standing } from "./visit.ts";

/** How long what was read is shown again. */
const REUSED_MS = 1_000;

/** Reads the standing, and remembers it for a moment. */
export class StandingReader {
  readonly #store: DashboardStore;
  readonly #clock: Clock;
  #last: { readonly atMs: number; readonly answer: Promise<Standing> } | null = null;

  constructor(store: DashboardStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** The standing. Rejects with what the store rejects with; that is not remembered. */
  read(): Promise<Standing> {
    const nowMs = this.#clock.monotonicMs();
    if (this.#last !== null && nowMs - this.#last.atMs < REUSED_MS) return this.#last.answer;
    const answer = this.#ask();
    const last = { atMs: nowMs, answer };
    this.#last = last;
    answer.catch(() => {
      if (this.#last === last) this.#last = null;
    });
    return answer;
  }

  /** What is remembered is wrong from now on: somebody has just changed something. */
  forget(): void {
    this.#last = null;
  }

  /** One after the other: the store has two connections, and the tasks come first. */
  async #ask(): Promise<Standing> {
    const statistics = await this.#store.statistics();
    const processes = await this.#store.processes();
    const { now, findings } = await this.#store.examine();
    return { now, statistics, processes, findings };
  }
}
