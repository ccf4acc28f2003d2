// Rows and settings of scripted runs.
import type { HistoryToken, PendingImage, RunSettings } from "../../checker/history.ts";

/** Delays of the types in scripted runs: 200 ms, doubling, at most 2 s, a tenth of jitter. */
export function scriptedDelayMs(failedAttempts: number): number {
  return Math.min(200 * 2 ** (failedAttempts - 1), 2_000);
}

const policy = {
  maxFailedAttempts: 3,
  smallestDelayMs: (failedAttempts: number) => scriptedDelayMs(failedAttempts) * 0.9,
  largestDelayMs: (failedAttempts: number) => scriptedDelayMs(failedAttempts) * 1.1,
};

/** What scripted runs are set up with. */
export const scriptedSettings: RunSettings = Object.freeze({
  leaseMs: 3_000,
  heartbeatMs: 1_000,
  pollIntervalMs: 500,
  maxLostAlone: 2,
  types: {
    mail: { ...policy, transactional: false },
    payment: { ...policy, transactional: true },
  },
  endedAtRest: true,
  batchSize: 10,
  retentionMs: 60_000,
  toleranceMs: 200,
  clockToleranceMs: 0,
});

/** A row that nobody holds. */
export function freeRow(dueAtMs: number, type = "mail"): PendingImage {
  return {
    type,
    dueAtMs,
    failedAttempts: 0,
    lostAttempts: 0,
    deferredAttempts: 0,
    generation: 1,
    owner: null,
    claim: null,
  };
}

/** The token of a row that is held. */
export function tokenOf({ owner, claim, generation }: PendingImage): HistoryToken {
  return { owner: owner ?? "", claim: claim ?? 0, generation };
}
