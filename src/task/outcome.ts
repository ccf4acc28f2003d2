/** What the outcome of an attempt means for its task: the one decision both paths share. Pure. */
import type { Backoff } from "./backoff.ts";
import { defaultRetryPolicy, LOSSES_BEFORE_ALONE, type RetryPolicy } from "./policy.ts";
import type { ClaimedTask, FailureReason, RecordedError } from "./task.ts";

/** How an attempt of this process ended. */
export type Outcome =
  | { readonly kind: "succeeded" }
  | { readonly kind: "failed"; readonly error: RecordedError; readonly permanent: boolean }
  /** The executor asked to come later. */
  | { readonly kind: "deferred"; readonly error: RecordedError; readonly delayMs: number }
  /** This process cannot read the data; another version of it may. */
  | { readonly kind: "undecodable"; readonly error: RecordedError }
  /** Given back by a graceful stop. */
  | { readonly kind: "abandoned" };

/** What is to be written. */
export type Decision =
  | { readonly kind: "confirm" }
  | {
      readonly kind: "retry";
      readonly delayMs: number;
      readonly counted: "failed" | "deferred";
      readonly error: RecordedError;
    }
  | {
      readonly kind: "fail";
      readonly reason: FailureReason;
      readonly counted: boolean;
      readonly error: RecordedError;
    }
  | { readonly kind: "release" };

/** What of a claimed task the decision looks at. */
export type DecidedTask = Pick<
  ClaimedTask,
  "failedAttempts" | "lostAttempts" | "deferredAttempts" | "ageMs" | "deferredForMs"
>;

/** Longest delay before a retry, whatever a strategy answers: ten years. */
const LONGEST_RETRY_DELAY_MS = 10 * 366 * 24 * 3_600_000;

/** Delay before undecodable data is tried again, perhaps by a newer process: one minute. */
export const UNDECODABLE_DELAY_MS = 60_000;

/**
 * The bound in time counts from the first deferral, which may have been another one long ago: data is given up as
 * undecodable only when the task was also deferred for this part of it, a minute each time.
 */
const UNDECODABLE_PART = 0.5;

/**
 * Decides what an outcome means.
 * @param ranForMs how long the attempt took; added to the ages told at the claim
 * @param fraction a random number from 0 to 1 for the jitter
 */
export function decide(
  outcome: Outcome,
  task: DecidedTask,
  policy: RetryPolicy,
  ranForMs: number,
  fraction: number,
): Decision {
  switch (outcome.kind) {
    case "succeeded":
      return { kind: "confirm" };
    case "abandoned":
      return { kind: "release" };
    case "failed":
      return decideFailure(outcome, task, policy, ranForMs, fraction);
    case "deferred":
      if (task.deferredForMs + ranForMs + outcome.delayMs <= policy.maxDeferralMs) {
        return { kind: "retry", delayMs: outcome.delayMs, counted: "deferred", error: outcome.error };
      }
      return decideFailure({ error: outcome.error, permanent: false }, task, policy, ranForMs, fraction);
    case "undecodable":
      if (
        task.deferredForMs < policy.maxDeferralMs ||
        task.deferredAttempts * UNDECODABLE_DELAY_MS < policy.maxDeferralMs * UNDECODABLE_PART
      ) {
        return { kind: "retry", delayMs: UNDECODABLE_DELAY_MS, counted: "deferred", error: outcome.error };
      }
      return { kind: "fail", reason: "undecodable", counted: false, error: outcome.error };
  }
}

function decideFailure(
  outcome: { readonly error: RecordedError; readonly permanent: boolean },
  task: DecidedTask,
  policy: RetryPolicy,
  ranForMs: number,
  fraction: number,
): Decision {
  const { error } = outcome;
  const failedAttempts = task.failedAttempts + 1;
  if (outcome.permanent) return { kind: "fail", reason: "permanent-error", counted: true, error };
  if (failedAttempts >= policy.maxFailedAttempts) {
    return { kind: "fail", reason: "attempts-exhausted", counted: true, error };
  }
  if (task.ageMs + ranForMs >= policy.retryForMs)
    return { kind: "fail", reason: "time-expired", counted: true, error };
  return {
    kind: "retry",
    delayMs: boundedDelayMs(policy, failedAttempts, fraction),
    counted: "failed",
    error,
  };
}

/** A user's own strategy may throw or answer anything; the schedule stays finite, never negative, and no hot loop. */
function boundedDelayMs(policy: RetryPolicy, failedAttempts: number, fraction: number): number {
  const delayMs = answerOf(policy.backoff, failedAttempts, fraction);
  const isUsable = typeof delayMs === "number" && !Number.isNaN(delayMs);
  const usable = isUsable ? delayMs : defaultRetryPolicy.backoff.delayMs(failedAttempts, fraction);
  return Math.min(Math.max(usable, 0), LONGEST_RETRY_DELAY_MS);
}

function answerOf(backoff: Backoff, failedAttempts: number, fraction: number): unknown {
  try {
    return backoff.delayMs(failedAttempts, fraction);
  } catch {
    return null;
  }
}

/** Decides, before a claimed task is executed, whether it may be executed at all; null when it may. */
export function decideBeforeAttempt(task: DecidedTask, policy: RetryPolicy): Decision | null {
  if (task.lostAttempts - LOSSES_BEFORE_ALONE >= policy.maxLostAlone) {
    return {
      kind: "fail",
      reason: "lost-too-often",
      counted: false,
      error: {
        name: "TaskLostError",
        message:
          `its process died ${task.lostAttempts} times while it was executing this task, ` +
          `${policy.maxLostAlone} times with nothing else running: look for a crash, an exit or an out-of-memory in its executor`,
        code: "OWED_TASK_LOST",
        stack: null,
      },
    };
  }
  return null;
}
