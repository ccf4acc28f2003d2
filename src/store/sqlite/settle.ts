/** Writing outcomes: what is accepted from whom. Failures need the current token; a success of the generation dominates. */
import { StoreRefusedError } from "../../errors.ts";
import type { AttemptOutcome, TaskState } from "../../task/task.ts";
import {
  attemptOutcomeOf,
  type ConfirmationStanding,
  type ConfirmSettlement,
  type FailSettlement,
  type HeldTask,
  type RetrySettlement,
  type SettleAnswer,
  type Settlement,
} from "../settlement.ts";
import { type Connection, integerOf, type SqlParameters } from "./connection.ts";
import { errorJson } from "./row-values.ts";
import {
  addConfirmed,
  confirmFailed,
  endUnderGeneration,
  endUnderToken,
  findAttempt,
  findHeld,
  insertAttempt,
  insertConfirmed,
  insertFailed,
  readStanding,
  releaseClaim,
  retryDeferred,
  retryFailed,
} from "./settle-statements.ts";

type Unsuccessful = Exclude<Settlement, ConfirmSettlement>;

interface Counters {
  readonly failed_attempts: number;
  readonly lost_attempts: number;
  readonly deferred_attempts: number;
}

/** Writes outcomes, one after the other, within one write transaction. */
export function settleAll(
  connection: Connection,
  settlements: readonly Settlement[],
  nowMs: number,
): readonly SettleAnswer[] {
  const batch = new SettlementBatch(connection, nowMs);
  const answers = settlements.map((settlement) => batch.settle(settlement));
  batch.end();
  return answers;
}

/** Confirms a task under its current claim, on a connection that a caller's transaction is open on; false otherwise. */
export function confirmUnderToken(connection: Connection, task: HeldTask, nowMs: number): boolean {
  const key = keyOf(task);
  const ended = connection.first<Counters>(endUnderToken, key);
  if (ended === undefined) return false;
  connection.run(insertConfirmed, { ...key, ...countersOf(ended), now: nowMs });
  connection.run(addConfirmed, { number: 1 });
  return true;
}

/** Where such a task stands. Without the write lock a task that stands may be about to be confirmed. */
export function standingOfConfirmation(
  connection: Connection,
  { id, taskId, token }: HeldTask,
): ConfirmationStanding {
  const key = keyOf({ id, token });
  const row = connection.first<{ readonly state: TaskState; readonly is_mine: number }>(readStanding, {
    ...key,
    task_id: taskId,
  });
  if (row?.is_mine === 1 && row.state === "confirmed") return "confirmed";
  return connection.first(findHeld, key) === undefined ? "lost" : "held";
}

/** Outcomes that are written together. */
class SettlementBatch {
  readonly #connection: Connection;
  readonly #nowMs: number;
  #confirmed = 0;

  constructor(connection: Connection, nowMs: number) {
    this.#connection = connection;
    this.#nowMs = nowMs;
  }

  settle(settlement: Settlement): SettleAnswer {
    return settlement.kind === "confirm" ? this.#confirm(settlement) : this.#settleUnsuccessful(settlement);
  }

  /** Writes what the single outcomes have in common. */
  end(): void {
    if (this.#confirmed > 0) this.#connection.run(addConfirmed, { number: this.#confirmed });
  }

  #confirm(settlement: ConfirmSettlement): SettleAnswer {
    const key = keyOf(settlement);
    const ended = this.#connection.first<Counters>(endUnderToken, key);
    if (ended !== undefined) {
      this.#writeConfirmed(key, ended);
      return { verdict: "applied", state: "confirmed" };
    }
    const standing = this.#standing(key, settlement.taskId);
    if (standing === undefined) return { verdict: "recorded", state: "gone" };
    const noted = this.#noted(key, "late-success");
    if (noted !== undefined) return { verdict: noted ? "late" : "recorded", state: standing.state };
    if (standing.state === "confirmed" && standing.isMine) return { verdict: "applied", state: "confirmed" };
    return this.#confirmLate(settlement, key, standing.state);
  }

  #confirmLate(settlement: ConfirmSettlement, key: Key, state: TaskState): SettleAnswer {
    const { id, generation, owner, claim } = key;
    const pending = this.#connection.first<Counters>(endUnderGeneration, { id, generation });
    if (pending !== undefined) this.#writeConfirmed(key, pending);
    const failed =
      pending === undefined &&
      this.#connection.run(confirmFailed, { id, generation, owner, claim, now: this.#nowMs }) > 0;
    if (failed) this.#confirmed += 1;
    const dominates = pending !== undefined || failed;
    this.#note(settlement, "late-success", dominates, null);
    return dominates ? { verdict: "late", state: "confirmed" } : { verdict: "recorded", state };
  }

  #writeConfirmed(key: Key, counters: Counters): void {
    this.#connection.run(insertConfirmed, { ...key, ...countersOf(counters), now: this.#nowMs });
    this.#confirmed += 1;
  }

  #settleUnsuccessful(settlement: Unsuccessful): SettleAnswer {
    const key = keyOf(settlement);
    const outcome = attemptOutcomeOf(settlement);
    if (outcome === null) throw new StoreRefusedError(`${settlement.kind} is no outcome`);
    const accepted = this.#apply(settlement, key);
    if (!accepted) {
      const standing = this.#standing(key, settlement.taskId);
      if (standing === undefined) return { verdict: "refused", state: "gone" };
      const noted = this.#noted(key, outcome);
      if (noted !== undefined) return { verdict: noted ? "applied" : "refused", state: standing.state };
      this.#note(settlement, outcome, false, errorOfSettlement(settlement));
      return { verdict: "refused", state: standing.state };
    }
    this.#note(settlement, outcome, true, errorOfSettlement(settlement));
    return { verdict: "applied", state: settlement.kind === "fail" ? "failed" : "pending" };
  }

  /** Writes what the outcome means for its task. Answers false, having written nothing, unless the token is current. */
  #apply(settlement: Unsuccessful, key: Key): boolean {
    switch (settlement.kind) {
      case "retry":
        return this.#retry(settlement, key);
      case "fail":
        return this.#fail(settlement, key);
      case "release":
        return this.#connection.run(releaseClaim, { ...key, now: this.#nowMs }) > 0;
    }
  }

  #retry({ counted, delayMs }: RetrySettlement, key: Key): boolean {
    const due = Math.ceil(this.#nowMs + Math.max(delayMs, 0));
    if (counted === "failed") return this.#connection.run(retryFailed, { ...key, due }) > 0;
    return this.#connection.run(retryDeferred, { ...key, due, now: this.#nowMs }) > 0;
  }

  #fail(settlement: FailSettlement, key: Key): boolean {
    const ended = this.#connection.first<Counters>(endUnderToken, key);
    if (ended === undefined) return false;
    const counters = countersOf(ended);
    this.#connection.run(insertFailed, {
      ...key,
      ...counters,
      failed_attempts: counters.failed_attempts + (settlement.counted ? 1 : 0),
      failure_reason: settlement.reason,
      error: errorJson(settlement.error),
      now: this.#nowMs,
    });
    return true;
  }

  #standing(key: Key, taskId: string): { readonly state: TaskState; readonly isMine: boolean } | undefined {
    const row = this.#connection.first<{ readonly state: TaskState; readonly is_mine: number }>(
      readStanding,
      { ...key, task_id: taskId },
    );
    return row === undefined ? undefined : { state: row.state, isMine: row.is_mine === 1 };
  }

  /** Whether this claim's outcome was accepted when it was first written; undefined when it never was written. */
  #noted(key: Key, outcome: AttemptOutcome): boolean | undefined {
    const row = this.#connection.first<{ readonly accepted: number }>(findAttempt, { ...key, outcome });
    return row === undefined ? undefined : row.accepted === 1;
  }

  #note(settlement: Settlement, outcome: AttemptOutcome, accepted: boolean, error: string | null): void {
    this.#connection.run(insertAttempt, {
      ...keyOf(settlement),
      outcome,
      accepted: accepted ? 1 : 0,
      now: this.#nowMs,
      duration_ms: settlement.durationMs,
      error,
    });
  }
}

/** A task under a token. */
interface Key extends SqlParameters {
  readonly id: bigint;
  readonly owner: bigint;
  readonly claim: number;
  readonly generation: number;
}

function keyOf({ id, token }: Pick<Settlement, "id" | "token">): Key {
  const { owner, claim, generation } = token;
  return { id: integerOf(id), owner: integerOf(owner), claim, generation };
}

/** Only the counters: a row must not bring other names into the parameters. */
function countersOf({
  failed_attempts,
  lost_attempts,
  deferred_attempts,
}: Counters): Counters & SqlParameters {
  return { failed_attempts, lost_attempts, deferred_attempts };
}

function errorOfSettlement(settlement: Unsuccessful): string | null {
  return settlement.kind === "release" ? null : errorJson(settlement.error);
}
