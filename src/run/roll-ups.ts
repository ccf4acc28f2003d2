/** Counts attempts by type, and adds the counts to the store's roll-ups now and then. It never touches a task. */
import { StoreUnavailableError } from "../errors.ts";
import type { Ports, Timer } from "../ports/ports.ts";
import type { RollUp, SlowAttempt, Store } from "../store/contract.ts";
import { addCells, latencyCell } from "../store/roll-up.ts";
import type { Outcome } from "../task/outcome.ts";
import type { ClaimedTask } from "../task/task.ts";
import { attemptNumber } from "./attempt.ts";
import type { Availability } from "./availability.ts";
import type { LiveClaims } from "./live-claims.ts";
import { isOutcomeUnknown } from "./strays.ts";

/** Time between two looks whether there is enough to be written. */
const LOOK_MS = 10_000;
/** From so many counts on a type is written at the next look: a row costs some 400 bytes of WAL, a task at most 10 of them. */
const ENOUGH = 100;
/** What is fewer waits for so long. It is what a crash may lose. */
const LONGEST_MS = 50_000;
/** Types that are counted at once; those beyond them are counted together. */
const MOST_TYPES = 200;
/** The name of those. */
const OTHER_TYPES = "(other types)";

/** What is counted of one type until it is written. */
class Tally {
  readonly type: string;
  readonly sinceMs: number;
  confirmed = 0;
  failed = 0;
  givenUp = 0;
  waits: number[] = [];
  runs: number[] = [];
  slowest: SlowAttempt | null = null;

  constructor(type: string, sinceMs: number) {
    this.type = type;
    this.sinceMs = sinceMs;
  }

  get counts(): number {
    return this.confirmed + this.failed;
  }

  toRollUp(): RollUp {
    const { type, confirmed, failed, givenUp, waits, runs, slowest } = this;
    return { type, confirmed, failed, givenUp, waits, runs, slowest };
  }

  add({ confirmed, failed, givenUp, waits, runs, slowest }: RollUp): void {
    this.confirmed += confirmed;
    this.failed += failed;
    this.givenUp += givenUp;
    this.waits = addCells(this.waits, waits);
    this.runs = addCells(this.runs, runs);
    if (slowest !== null && slowest.ms > (this.slowest?.ms ?? -1)) this.slowest = slowest;
  }
}

/** What the counting works with. */
interface RollUpsParts {
  readonly store: Store;
  readonly ports: Ports;
  readonly claims: LiveClaims;
  readonly availability: Availability;
  /** False: nothing is counted. */
  readonly isOn: boolean;
}

/** Counts the attempts of one process. Its timer never holds the process open, and is set only while there is something to write. */
export class RollUps {
  readonly #parts: RollUpsParts;
  readonly #tallies = new Map<string, Tally>();
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(parts: RollUpsParts) {
    this.#parts = parts;
  }

  /**
   * An attempt starts. The first of a generation tells how long its task has waited since it was due: up to the claim, or
   * the insert of a task that was born claimed, by the database's clock, and from there on by this process's own.
   */
  started(task: ClaimedTask): void {
    if (!this.#parts.isOn || attemptNumber(task) !== 1) return;
    const { claims } = this.#parts;
    count(this.#tallyOf(task.type).waits, task.ageMs + claims.heldForMs(task.token.claim));
  }

  /** Its executor has answered, or its time is up. */
  ended({ type, taskId }: ClaimedTask, outcome: Outcome["kind"], durationMs: number): void {
    if (!this.#parts.isOn || outcome === "abandoned" || outcome === "undecodable") return;
    const tally = this.#tallyOf(type);
    count(tally.runs, durationMs);
    if (durationMs > (tally.slowest?.ms ?? -1)) tally.slowest = { taskId, ms: durationMs };
  }

  /** What came of it was written. */
  settled(type: string, what: "confirmed" | "failed" | "given up"): void {
    if (!this.#parts.isOn) return;
    const tally = this.#tallyOf(type);
    if (what === "confirmed") tally.confirmed += 1;
    else if (what === "failed") tally.failed += 1;
    else tally.givenUp += 1;
  }

  /** Writes what is left, once; what cannot be written now is lost. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#timer = null;
    await this.#writing;
    await this.#write([...this.#tallies.values()]);
  }

  #tallyOf(type: string): Tally {
    const found = this.#tallies.get(type);
    if (found !== undefined) return found;
    if (this.#tallies.size >= MOST_TYPES && type !== OTHER_TYPES) return this.#tallyOf(OTHER_TYPES);
    const tally = new Tally(type, this.#parts.ports.clock.monotonicMs());
    this.#tallies.set(type, tally);
    this.#schedule();
    return tally;
  }

  #schedule(): void {
    if (this.#timer !== null || this.#isClosed) return;
    const look = (): void => {
      this.#timer = null;
      this.#writing = this.#look();
    };
    this.#timer = this.#parts.ports.timers.after(LOOK_MS, look, { keepsProcessAlive: false });
  }

  async #look(): Promise<void> {
    const nowMs = this.#parts.ports.clock.monotonicMs();
    const due = [...this.#tallies.values()].filter(
      ({ counts, sinceMs }) => counts >= ENOUGH || nowMs - sinceMs >= LONGEST_MS,
    );
    await this.#write(due);
    if (this.#tallies.size > 0) this.#schedule();
  }

  /** What was certainly not written is counted on. What was written, perhaps, is not: it would be counted twice. */
  async #write(due: readonly Tally[]): Promise<void> {
    if (due.length === 0) return;
    const { store, availability } = this.#parts;
    for (const { type } of due) this.#tallies.delete(type);
    try {
      await store.recordRollUps(due.map((tally) => tally.toRollUp()));
      availability.succeeded("roll-ups");
    } catch (error) {
      availability.failed("roll-ups", error);
      if (!(error instanceof StoreUnavailableError) || isOutcomeUnknown(error)) return;
      for (const tally of due) this.#tallyOf(tally.type).add(tally.toRollUp());
    }
  }
}

/** Histograms end with the last cell in which something was counted, so that the short ones stay short. */
function count(cells: number[], ms: number): void {
  const cell = latencyCell(ms);
  while (cells.length <= cell) cells.push(0);
  cells[cell] = (cells[cell] ?? 0) + 1;
}
