/** How far long work has come: a bar where a person looks, a line now and then where a log is kept. */
import { shownDuration } from "../story/durations.ts";
import type { Printer } from "./printer.ts";
import type { Terminal } from "./terminal.ts";

const WIDTH = 24;
/** Time between two lines of a log. */
const LOGGED_EVERY_MS = 10_000;

/** Shows the progress of one piece of work. */
export class Progress {
  readonly #printer: Printer;
  readonly #terminal: Terminal;
  readonly #verb: string;
  /** Null: nobody knows how much there is. */
  readonly #total: number | null;
  readonly #startedAtMs: number;
  #loggedAtMs: number;

  constructor(printer: Printer, terminal: Terminal, verb: string, total: number | null) {
    this.#printer = printer;
    this.#terminal = terminal;
    this.#verb = verb;
    this.#total = total;
    this.#startedAtMs = terminal.ports.clock.monotonicMs();
    this.#loggedAtMs = this.#startedAtMs;
  }

  /** Says how much is done. */
  show(done: number): void {
    const nowMs = this.#terminal.ports.clock.monotonicMs();
    const text = `${this.#verb} ${this.#bar(done)}${this.#left(done, nowMs)}`;
    if (this.#terminal.showsProgress) this.#printer.overwrite(text);
    else if (nowMs - this.#loggedAtMs >= LOGGED_EVERY_MS) {
      this.#loggedAtMs = nowMs;
      this.#printer.aside(text);
    }
  }

  /** Takes the bar away. */
  end(): void {
    this.#printer.overwrite("");
  }

  #bar(done: number): string {
    const count = done.toLocaleString("en-US");
    if (this.#total === null || this.#total === 0) return count;
    const part = Math.min(done / this.#total, 1);
    const filled = Math.round(part * WIDTH);
    const bar = "#".repeat(filled) + "-".repeat(WIDTH - filled);
    return `[${bar}] ${Math.floor(part * 100)} % ${count} of ${this.#total.toLocaleString("en-US")}`;
  }

  #left(done: number, nowMs: number): string {
    if (this.#total === null || done === 0 || done >= this.#total) return "";
    const perTaskMs = (nowMs - this.#startedAtMs) / done;
    return `, ${shownDuration(perTaskMs * (this.#total - done))} left`;
  }
}
