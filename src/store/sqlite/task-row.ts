/** Tasks and attempts out of their rows. */
import type { Attempt, AttemptOutcome, FailureReason, Task, TaskState } from "../../task/task.ts";
import { bytesOf, dateOf, errorOf, headersOf } from "./row-values.ts";

/** What `readTask` and `readTasks` answer. */
export interface TaskRow {
  readonly task_id: string;
  readonly type: string;
  readonly key: string | null;
  readonly data: Uint8Array | null;
  readonly codec: string;
  readonly reference_id: string | null;
  readonly headers: string | null;
  readonly created_at: number;
  readonly state: TaskState;
  readonly generation: number;
  readonly failed_attempts: number;
  readonly lost_attempts: number;
  readonly deferred_attempts: number;
  readonly next_attempt_at: number | null;
  readonly owner: string | null;
  readonly settled_at: number | null;
  readonly failure_reason: FailureReason | null;
  readonly last_error: string | null;
}

/** What `readAttempts` answers. */
export interface AttemptRow {
  readonly outcome: AttemptOutcome;
  readonly generation: number;
  readonly owner: string;
  readonly claim: number;
  readonly accepted: number;
  readonly recorded_at: number;
  readonly duration_ms: number | null;
  readonly error: string | null;
}

/** A task as operators see it. */
export function taskOf(row: TaskRow): Task {
  return {
    taskId: row.task_id,
    type: row.type,
    key: row.key,
    state: row.state,
    data: bytesOf(row.data),
    codec: row.codec,
    referenceId: row.reference_id,
    headers: headersOf(row.headers),
    generation: row.generation,
    failedAttempts: row.failed_attempts,
    lostAttempts: row.lost_attempts,
    deferredAttempts: row.deferred_attempts,
    nextAttemptAt: dateOf(row.next_attempt_at),
    owner: row.owner,
    createdAt: new Date(row.created_at),
    settledAt: dateOf(row.settled_at),
    failureReason: row.failure_reason,
    lastError: errorOf(row.last_error),
  };
}

/** One line of a task's story. */
export function attemptOf(row: AttemptRow): Attempt {
  return {
    outcome: row.outcome,
    generation: row.generation,
    owner: row.owner,
    claim: row.claim,
    error: errorOf(row.error),
    accepted: row.accepted === 1,
    recordedAt: new Date(row.recorded_at),
    durationMs: row.duration_ms,
  };
}
