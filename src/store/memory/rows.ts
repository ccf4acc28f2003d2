/** The rows of the memory store: one a task, which carries what is pending or settled of it, and its story. */
import type { Attempt, FailureReason, RecordedError, TaskState, Token } from "../../task/task.ts";

/** A claim on a pending task: the holder and the number. */
export interface Claim {
  readonly owner: string;
  readonly number: number;
}

/** What is still owed of a task. Replaced as a whole at every change, so that the indexes cannot be bypassed. */
export interface Pending {
  readonly dueAtMs: number;
  /** When this generation was first due. */
  readonly firstDueAtMs: number;
  readonly failedAttempts: number;
  readonly lostAttempts: number;
  readonly deferredAttempts: number;
  /** When this generation was first deferred; null when it never was. */
  readonly deferredSinceMs: number | null;
  readonly claim: Claim | null;
}

/** How a task ended, with the counters it had then. */
export interface Settled {
  readonly state: Exclude<TaskState, "pending">;
  readonly atMs: number;
  readonly failedAttempts: number;
  readonly lostAttempts: number;
  readonly deferredAttempts: number;
  readonly reason: FailureReason | null;
  readonly error: RecordedError | null;
  /** Whose success confirmed it; null when it is not confirmed. */
  readonly confirmedBy: Token | null;
}

/** A task. Once committed only `generation`, `standing` and `data` (erased) ever change, and the story grows. */
export interface TaskRow {
  readonly id: number;
  readonly taskId: string;
  readonly type: string;
  readonly key: string | null;
  data: Uint8Array | null;
  readonly codec: string;
  readonly referenceId: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly createdAtMs: number;
  /** Number of the commit that made it visible; 0 before. */
  commit: number;
  generation: number;
  standing: Pending | Settled;
  readonly attempts: Attempt[];
}

/** A task that is still owed. */
export type PendingRow = TaskRow & { standing: Pending };

/** True while the task is owed. */
export function isPending(row: TaskRow): row is PendingRow {
  return "dueAtMs" in row.standing;
}

/** How a task ended; null while it is owed. */
export function settledOf(row: TaskRow): Settled | null {
  return "atMs" in row.standing ? row.standing : null;
}

/** The state of a task. */
export function stateOf(row: TaskRow): TaskState {
  return settledOf(row)?.state ?? "pending";
}

/** True when `token` names the claim that stands on the task now. */
export function isCurrent(row: TaskRow, token: Token): row is PendingRow {
  if (!isPending(row)) return false;
  const { claim } = row.standing;
  return claim?.owner === token.owner && claim.number === token.claim && row.generation === token.generation;
}

/** True when two tokens name the same claim. */
export function isSameToken(left: Token, right: Token): boolean {
  return left.owner === right.owner && left.claim === right.claim && left.generation === right.generation;
}
