/** How often and how long a task is attempted before it ends as failed. */
import { InvalidInputError } from "../errors.ts";
import { type Backoff, binaryExponential } from "./backoff.ts";
import { shown, wholeNumber } from "./option-checks.ts";

/** The part of the policy that a scheduler and each definition can set. */
export interface RetryOptions {
  /** Delays between failed attempts. Default: binary exponential from 1 s, at most 6 h, a tenth of jitter. */
  readonly backoff?: Backoff | undefined;
  /** How many failed attempts end the task. Default 25, which with the default backoff is about three days. */
  readonly maxFailedAttempts?: number | undefined;
  /** A bound in time as well: a failure later than this after the task was first due is its last. Default: none. */
  readonly retryForMs?: number | undefined;
  /** How many deaths of its process, each suffered with nothing else running in it, end the task. Default 5. */
  readonly maxLostAlone?: number | undefined;
}

/** The whole policy, every default filled in. */
export interface RetryPolicy {
  readonly backoff: Backoff;
  readonly maxFailedAttempts: number;
  readonly retryForMs: number;
  readonly maxLostAlone: number;
  /** How long after its first deferral a task may still be deferred: RetryAfterError, or data this process cannot decode. */
  readonly maxDeferralMs: number;
}

/** Losses a task may suffer in company before it is claimed alone. */
export const LOSSES_BEFORE_ALONE = 2;

/** What holds unless the scheduler or the definition says otherwise. */
export const defaultRetryPolicy: RetryPolicy = Object.freeze({
  backoff: binaryExponential({ baseMs: 1_000 }),
  maxFailedAttempts: 25,
  retryForMs: Number.POSITIVE_INFINITY,
  maxLostAlone: 5,
  maxDeferralMs: 24 * 3_600_000,
});

/** The policy of the Go package this library grew out of: 10 failed attempts, from 1 s doubling up to 5 min; under nine minutes in all. */
export const originalRetryOptions: Required<Pick<RetryOptions, "backoff" | "maxFailedAttempts">> =
  Object.freeze({
    backoff: binaryExponential({ baseMs: 1_000, maxDelayMs: 300_000, jitter: 0 }),
    maxFailedAttempts: 10,
  });

/** Lays `options` over `base`. Throws InvalidInputError for a value that cannot be used. */
export function retryPolicy(base: RetryPolicy, options: RetryOptions): RetryPolicy {
  const { backoff, maxFailedAttempts, retryForMs, maxLostAlone } = options;
  if (backoff !== undefined && typeof backoff?.delayMs !== "function") {
    throw new InvalidInputError(
      "backoff",
      "is no strategy",
      "use constant, linear, exponential or binaryExponential",
    );
  }
  if (maxFailedAttempts !== undefined) wholeNumber("maxFailedAttempts", maxFailedAttempts, 1);
  if (retryForMs !== undefined && !(typeof retryForMs === "number" && retryForMs > 0)) {
    throw new InvalidInputError("retryForMs", `is ${shown(retryForMs)}`, "give milliseconds, more than 0");
  }
  if (maxLostAlone !== undefined) wholeNumber("maxLostAlone", maxLostAlone, 1);
  return Object.freeze({
    ...base,
    ...(backoff === undefined ? {} : { backoff }),
    ...(maxFailedAttempts === undefined ? {} : { maxFailedAttempts }),
    ...(retryForMs === undefined ? {} : { retryForMs }),
    ...(maxLostAlone === undefined ? {} : { maxLostAlone }),
  });
}
