/** One circuit breaker: closed, open for a while, half open for probes. It reads no clock and sets no timer: it is told the time. */
import type { BreakerOptions } from "../task/executor.ts";
import type { RecordedError } from "../task/task.ts";

/** The options, every default filled in. */
export type BreakerSettings = Readonly<
  Required<{ [Name in keyof BreakerOptions]: NonNullable<BreakerOptions[Name]> }>
>;

/** What holds unless an executor says otherwise. */
export const DEFAULT_BREAKER: BreakerSettings = Object.freeze({
  per: "type",
  failures: 10,
  coolDownMs: 10_000,
  maxCoolDownMs: 300_000,
  probes: 1,
});

/** What an attempt says of what its executor depends on; null: nothing. */
export type Sign =
  | { readonly kind: "success" }
  /** `afterMs`: how long the dependency asked to be left alone. */
  | { readonly kind: "failure"; readonly error: RecordedError; readonly afterMs: number };

/** What a sign, or the time, has made of a breaker. */
export type BreakerChange = "opened" | "half-opened" | "closed";

/** Names a start to the breaker, so that it knows what to make of its end. */
export interface BreakerPass {
  /** How often the breaker had changed by then. */
  readonly turn: number;
  readonly isProbe: boolean;
}

/** A breaker. One that is closed and has seen no failure is worth nothing, and can be forgotten. */
export class Breaker {
  readonly #settings: BreakerSettings;
  #standing: "closed" | "open" | "half-open" = "closed";
  #failures = 0;
  /** How often in a row it opened without having closed. */
  #openings = 0;
  #untilMs = 0;
  #coolDownMs = 0;
  #probing = 0;
  #turn = 0;
  #error: RecordedError | null = null;

  constructor(settings: BreakerSettings) {
    this.#settings = settings;
  }

  get standing(): "closed" | "open" | "half-open" {
    return this.#standing;
  }

  get failures(): number {
    return this.#failures;
  }

  get openings(): number {
    return this.#openings;
  }

  /** How long it stays open this time. */
  get coolDownMs(): number {
    return this.#coolDownMs;
  }

  /** The last failure that counted. */
  get error(): RecordedError | null {
    return this.#error;
  }

  /** How long until the next probe; 0 unless it is open. */
  leftMs(nowMs: number): number {
    return this.#standing === "open" ? Math.max(this.#untilMs - nowMs, 0) : 0;
  }

  /** Looks at the time: an open one may have been open for long enough. */
  look(nowMs: number): BreakerChange | null {
    if (this.#standing !== "open" || nowMs < this.#untilMs) return null;
    this.#turnTo("half-open");
    this.#probing = 0;
    return "half-opened";
  }

  /** How many attempts may start. */
  get room(): number {
    if (this.#standing === "closed") return Number.POSITIVE_INFINITY;
    return this.#standing === "open" ? 0 : Math.max(this.#settings.probes - this.#probing, 0);
  }

  /** An attempt starts. */
  start(): BreakerPass {
    const isProbe = this.#standing === "half-open";
    if (isProbe) this.#probing += 1;
    return { turn: this.#turn, isProbe };
  }

  /** False for what started before the last change: it is of the past, and says nothing. */
  isCurrent({ turn }: BreakerPass): boolean {
    return turn === this.#turn;
  }

  /** An attempt ends that started after the last change. */
  end({ isProbe }: BreakerPass, sign: Sign | null, nowMs: number): BreakerChange | null {
    if (isProbe) this.#probing -= 1;
    if (sign === null) return null;
    if (sign.kind === "success") {
      this.#failures = 0;
      return isProbe ? this.#close() : null;
    }
    this.#failures += 1;
    this.#error = sign.error;
    const isOver = isProbe || this.#failures >= this.#settings.failures;
    return isOver ? this.#open(sign.afterMs, nowMs) : null;
  }

  #open(askedMs: number, nowMs: number): BreakerChange {
    const { coolDownMs, maxCoolDownMs } = this.#settings;
    const grownMs = coolDownMs * 2 ** Math.min(this.#openings, 30);
    this.#coolDownMs = Math.min(Math.max(grownMs, askedMs), maxCoolDownMs);
    this.#openings += 1;
    this.#untilMs = nowMs + this.#coolDownMs;
    this.#turnTo("open");
    return "opened";
  }

  #close(): BreakerChange {
    this.#openings = 0;
    this.#error = null;
    this.#turnTo("closed");
    return "closed";
  }

  #turnTo(standing: "closed" | "open" | "half-open"): void {
    this.#standing = standing;
    this.#turn += 1;
  }
}
