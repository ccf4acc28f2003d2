/** How long to wait before a failed task is attempted again. Pure: the random number is passed in. */
import { InvalidInputError } from "../errors.ts";
import { checkNames, checkObject, finiteNumber, numberOption, optionNames, shown } from "./option-checks.ts";

/** Default upper bound of every delay: six hours. */
export const DEFAULT_MAX_DELAY_MS = 6 * 3_600_000;

/** Default jitter: each delay is moved by up to a tenth, up or down. */
export const DEFAULT_JITTER = 0.1;

/** The exponent stops growing here, so that no power overflows. */
const LARGEST_EXPONENT = 1_000;

/** A backoff strategy. */
export interface Backoff {
  /**
   * Delay in milliseconds before the next attempt.
   * @param failedAttempts how many attempts have failed so far, 1 or more
   * @param fraction a random number from 0 (included) to 1 (excluded)
   * @returns finite, from 0 to the cap, for every input
   */
  delayMs(failedAttempts: number, fraction: number): number;
}

/** What all strategies share. */
export interface BackoffOptions {
  /** Upper bound of every delay. Default: six hours. */
  readonly maxDelayMs?: number;
  /**
   * Spreads tasks that failed together: a number from 0 to 1 moves each delay by up to that part of it, up or down;
   * `"full"` draws it evenly between 0 and the delay. Default 0.1. The cap holds all the same.
   */
  readonly jitter?: number | "full";
}

/** Options of strategies that grow. */
export interface GrowingBackoffOptions extends BackoffOptions {
  /** The delay after the first failure. */
  readonly baseMs: number;
}

/** Options of `constant`. */
type ConstantOptions = BackoffOptions & { readonly delayMs: number };
/** Options of `exponential`. */
type ExponentialOptions = GrowingBackoffOptions & { readonly factor: number };

const constantOptions = optionNames<ConstantOptions>({ delayMs: true, maxDelayMs: true, jitter: true });
const growingOptions = optionNames<GrowingBackoffOptions>({ baseMs: true, maxDelayMs: true, jitter: true });
const exponentialOptions = optionNames<ExponentialOptions>({
  baseMs: true,
  factor: true,
  maxDelayMs: true,
  jitter: true,
});

function strategy(options: BackoffOptions, rawDelayMs: (failedAttempts: number) => number): Backoff {
  const maxDelayMs = numberOption("backoff.maxDelayMs", options.maxDelayMs, DEFAULT_MAX_DELAY_MS, 0);
  const { jitter = DEFAULT_JITTER } = options;
  if (jitter !== "full" && !(typeof jitter === "number" && jitter >= 0 && jitter <= 1)) {
    throw new InvalidInputError(
      "backoff.jitter",
      `is ${shown(jitter)}`,
      'give a number from 0 to 1, or "full"',
    );
  }
  return Object.freeze({
    delayMs(failedAttempts: number, fraction: number): number {
      const attempt = Number.isFinite(failedAttempts) ? Math.max(1, failedAttempts) : LARGEST_EXPONENT;
      const delay = Math.min(rawDelayMs(attempt), maxDelayMs);
      const spread = jitter === "full" ? fraction : 1 + jitter * (2 * fraction - 1);
      return Math.min(Math.max(delay * spread, 0), maxDelayMs);
    },
  });
}

/** The same delay every time. */
export function constant(options: ConstantOptions): Backoff {
  checkObject("options", options, "pass { delayMs }");
  checkNames("constant", options, constantOptions);
  const delayMs = finiteNumber("backoff.delayMs", options.delayMs, 0);
  return strategy(options, () => delayMs);
}

/** `baseMs`, twice, three times, four times it. */
export function linear(options: GrowingBackoffOptions): Backoff {
  checkObject("options", options, "pass { baseMs }");
  checkNames("linear", options, growingOptions);
  const baseMs = finiteNumber("backoff.baseMs", options.baseMs, 0);
  return strategy(options, (attempt) => baseMs * attempt);
}

/** `baseMs`, then each delay `factor` times the one before. */
export function exponential(options: ExponentialOptions): Backoff {
  checkObject("options", options, "pass { baseMs, factor }");
  checkNames("exponential", options, exponentialOptions);
  const baseMs = finiteNumber("backoff.baseMs", options.baseMs, 0);
  const factor = finiteNumber("backoff.factor", options.factor, 1);
  return strategy(options, (attempt) =>
    baseMs === 0 ? 0 : baseMs * factor ** Math.min(attempt - 1, LARGEST_EXPONENT),
  );
}

/** `baseMs`, then each delay twice the one before. */
export function binaryExponential(options: GrowingBackoffOptions): Backoff {
  checkObject("options", options, "pass { baseMs }");
  checkNames("binaryExponential", options, growingOptions);
  return exponential({ ...options, factor: 2 });
}
