/** Writing outcomes: what is accepted from whom. Failures need the current token; a success of the generation dominates. */
import type { Attempt, RecordedError, Token } from "../../task/task.ts";
import {
  attemptOutcomeOf,
  type ConfirmationStanding,
  type ConfirmSettlement,
  type FailSettlement,
  type RetrySettlement,
  type SettleAnswer,
  type Settlement,
} from "../settlement.ts";
import {
  isCurrent,
  isPending,
  isSameToken,
  type PendingRow,
  type Settled,
  settledOf,
  stateOf,
  type TaskRow,
} from "./rows.ts";
import type { Tables } from "./tables.ts";

/** Writes one outcome. */
export function settle(tables: Tables, settlement: Settlement, nowMs: number): SettleAnswer {
  const row = tables.findById(settlement.id);
  if (row === undefined || row.taskId !== settlement.taskId) {
    return { verdict: settlement.kind === "confirm" ? "recorded" : "refused", state: "gone" };
  }
  const verdict =
    settlement.kind === "confirm"
      ? confirm(tables, row, settlement, nowMs)
      : settleUnsuccessful(tables, row, settlement, nowMs);
  return { verdict, state: stateOf(row) };
}

function confirm(
  tables: Tables,
  row: TaskRow,
  settlement: ConfirmSettlement,
  nowMs: number,
): SettleAnswer["verdict"] {
  const { token } = settlement;
  if (isCurrent(row, token)) {
    confirmRow(tables, { row, token, atMs: nowMs });
    return "applied";
  }
  const noted = attemptUnder(row, token, (attempt) => attempt.outcome === "late-success");
  if (noted !== undefined) return noted.accepted ? "late" : "recorded";
  const confirmedBy = settledOf(row)?.confirmedBy ?? null;
  if (confirmedBy !== null && isSameToken(confirmedBy, token)) {
    return "applied";
  }
  const dominates = row.generation === token.generation && (isPending(row) || stateOf(row) === "failed");
  row.attempts.push(attemptOf(settlement, "late-success", null, dominates, nowMs));
  if (!dominates) return "recorded";
  confirmRow(tables, { row, token, atMs: nowMs });
  return "late";
}

function settleUnsuccessful(
  tables: Tables,
  row: TaskRow,
  settlement: Exclude<Settlement, ConfirmSettlement>,
  nowMs: number,
): SettleAnswer["verdict"] {
  const outcome = attemptOutcomeOf(settlement) as Exclude<ReturnType<typeof attemptOutcomeOf>, null>;
  const noted = attemptUnder(row, settlement.token, (attempt) => attempt.outcome === outcome);
  if (noted !== undefined) return noted.accepted ? "applied" : "refused";
  const current = isCurrent(row, settlement.token);
  const error = settlement.kind === "release" ? null : settlement.error;
  row.attempts.push(attemptOf(settlement, outcome, error, current, nowMs));
  if (!current) return "refused";
  switch (settlement.kind) {
    case "retry":
      giveBack(tables, row, settlement, nowMs);
      break;
    case "fail":
      fail(tables, row, settlement, nowMs);
      break;
    case "release":
      tables.amend(row, { claim: null, dueAtMs: nowMs });
      break;
  }
  return "applied";
}

function giveBack(tables: Tables, row: PendingRow, settlement: RetrySettlement, nowMs: number): void {
  const { failedAttempts, deferredAttempts, deferredSinceMs } = row.standing;
  const deferred = settlement.counted === "deferred";
  tables.amend(row, {
    claim: null,
    dueAtMs: nowMs + Math.max(settlement.delayMs, 0),
    failedAttempts: failedAttempts + (deferred ? 0 : 1),
    deferredAttempts: deferredAttempts + (deferred ? 1 : 0),
    deferredSinceMs: deferred ? (deferredSinceMs ?? nowMs) : deferredSinceMs,
  });
}

function fail(tables: Tables, row: PendingRow, settlement: FailSettlement, nowMs: number): void {
  const failedAttempts = row.standing.failedAttempts + (settlement.counted ? 1 : 0);
  const { reason, error } = settlement;
  tables.settle(row, ending(row, { state: "failed", atMs: nowMs, failedAttempts, reason, error }));
}

/** A task that a transaction has confirmed and not yet committed. */
export interface Confirmation {
  readonly row: TaskRow;
  readonly token: Token;
  readonly atMs: number;
}

/** The transaction commits. */
export function confirmRow(tables: Tables, { row, token, atMs }: Confirmation): void {
  tables.settle(row, ending(row, { state: "confirmed", atMs, confirmedBy: token }));
}

/** Where a task stands that was confirmed in a transaction. */
export function standingOfConfirmation(
  row: TaskRow | undefined,
  token: Token,
  isLocked: (row: TaskRow) => boolean,
): ConfirmationStanding {
  if (row === undefined) return "lost";
  if (isCurrent(row, token)) return isLocked(row) ? "open" : "held";
  const confirmedBy = settledOf(row)?.confirmedBy ?? null;
  return confirmedBy !== null && isSameToken(confirmedBy, token) ? "confirmed" : "lost";
}

/** How a task ends: with the counters it has, unless said otherwise. */
export function ending(row: TaskRow, settled: Pick<Settled, "state" | "atMs"> & Partial<Settled>): Settled {
  const { failedAttempts, lostAttempts, deferredAttempts } = row.standing;
  const nothing = { reason: null, error: null, confirmedBy: null };
  return { failedAttempts, lostAttempts, deferredAttempts, ...nothing, ...settled };
}

/** The line of the story that this claim has left, if it has left such a one. */
function attemptUnder(
  row: TaskRow,
  token: Token,
  matches: (attempt: Attempt) => boolean,
): Attempt | undefined {
  return row.attempts.find((attempt) => isSameToken(attempt, token) && matches(attempt));
}

function attemptOf(
  settlement: Settlement,
  outcome: Attempt["outcome"],
  error: RecordedError | null,
  accepted: boolean,
  nowMs: number,
): Attempt {
  const { owner, claim, generation } = settlement.token;
  const recordedAt = new Date(nowMs);
  return {
    outcome,
    generation,
    owner,
    claim,
    error,
    accepted,
    recordedAt,
    durationMs: settlement.durationMs,
  };
}
