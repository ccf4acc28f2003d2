/** Outcomes of attempts as they are written, part of the store contract. */
import type { AttemptOutcome, FailureReason, RecordedError, TaskState, Token } from "../task/task.ts";

interface SettlementOf<Kind extends string> {
  readonly kind: Kind;
  readonly id: string;
  /** Looked at where the token is not current: after a restore from a backup a number may mean another task. */
  readonly taskId: string;
  readonly token: Token;
  readonly durationMs: number;
}

/** The executor succeeded. */
export type ConfirmSettlement = SettlementOf<"confirm">;

/** To be attempted again. */
export interface RetrySettlement extends SettlementOf<"retry"> {
  /** Due this long after the database's now. */
  readonly delayMs: number;
  /** Which counter goes up by one. The first deferral starts the time of `deferredForMs`; nothing ends it but a redrive. */
  readonly counted: "failed" | "deferred";
  readonly error: RecordedError;
}

/** Not to be attempted again. */
export interface FailSettlement extends SettlementOf<"fail"> {
  readonly reason: FailureReason;
  /** True when the attempt itself failed, so that `failedAttempts` goes up by one. */
  readonly counted: boolean;
  readonly error: RecordedError;
}

/** Given back without cost, due now; no counter moves. */
export type ReleaseSettlement = SettlementOf<"release">;

/** The outcome of one attempt, to be written. */
export type Settlement = ConfirmSettlement | RetrySettlement | FailSettlement | ReleaseSettlement;

/** What became of one settlement. */
export interface SettleAnswer {
  /**
   * `applied`: the token was current (also when an earlier try of the same settlement had already been applied);
   * `late`: a success of a superseded token that confirmed its pending or failed task; `recorded`: logged, and nothing
   * else changed (cancelled task, older generation); `refused`: a failure, deferral or release of a superseded token;
   * `busy`: somebody outside holds a lock on the task, nothing was written for it, settle it again a little later.
   */
  readonly verdict: "applied" | "late" | "recorded" | "refused" | "busy";
  /** Where the task stands now; "gone" when it is not kept any more. */
  readonly state: TaskState | "gone";
}

/** A task under a claim, as its holder names it. */
export type HeldTask = Pick<ConfirmSettlement, "id" | "taskId" | "token">;

/**
 * Where a task stands that was confirmed inside a transaction of a caller, as its holder asks who has not settled it
 * otherwise: `confirmed`: under this claim; `held`: the claim is current, and no transaction that confirmed it can be
 * committed any more; `open`: one is not over, ask again; `lost`: it is not confirmed under this claim, and never will be.
 */
export type ConfirmationStanding = "confirmed" | "held" | "open" | "lost";

/** What the attempt log keeps of a settlement that was accepted; a confirmation leaves nothing. */
export function attemptOutcomeOf(settlement: Settlement): AttemptOutcome | null {
  switch (settlement.kind) {
    case "confirm":
      return null;
    case "retry":
      return settlement.counted;
    case "fail":
      return "failed";
    case "release":
      return "abandoned";
  }
}
