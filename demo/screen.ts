/** The screen: one live line in a terminal, a line a second anywhere else. */

/** Where the demo writes. */
export interface Output {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const LINE_EVERY_MS = 1_000;

/** Writes lines that stay, and a line of progress that is overwritten where that is possible. */
export class Screen {
  readonly #output: Output;
  readonly #startedMs = performance.now();
  #lastProgressMs = Number.NEGATIVE_INFINITY;
  #hasLiveLine = false;

  constructor(output: Output) {
    this.#output = output;
  }

  /** A line as it is. */
  line(text = ""): void {
    this.#clear();
    this.#output.write(`${text}\n`);
  }

  /** A line with the time since the start. */
  event(text: string): void {
    this.line(`${this.#time()}  ${text}`);
  }

  /** The state of things; without a terminal at most once a second. */
  progress(text: string): void {
    const line = `${this.#time()}  ${text}`;
    if (this.#output.isTTY === true) {
      // A line that wraps could not be overwritten.
      this.#output.write(`\r\u001b[K${line.slice(0, (this.#output.columns ?? 80) - 1)}`);
      this.#hasLiveLine = true;
      return;
    }
    const nowMs = performance.now();
    if (nowMs - this.#lastProgressMs < LINE_EVERY_MS) return;
    this.#lastProgressMs = nowMs;
    this.#output.write(`${line}\n`);
  }

  #time(): string {
    return `${((performance.now() - this.#startedMs) / 1_000).toFixed(1).padStart(5)} s`;
  }

  #clear(): void {
    if (this.#hasLiveLine) this.#output.write("\r\u001b[K");
    this.#hasLiveLine = false;
  }
}
