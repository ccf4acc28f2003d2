/** Rows of the view into tasks as operators see them. */
import type {
  Attempt,
  AttemptOutcome,
  FailureReason,
  Task,
  TaskState,
  TaskWithAttempts,
} from "../../task/task.ts";
import { bytesOf, dateOf, errorOf, headersOf, numberOf, recordedErrorOf, textOf } from "./column.ts";
import type { Row } from "./connections.ts";

/** A task. */
export function taskOf(row: Row): Task {
  const data = row["data"] ?? null;
  return {
    taskId: textOf(row, "task_id"),
    type: textOf(row, "type"),
    key: row["key"] ?? null,
    // Checked by the tables.
    state: textOf(row, "state") as TaskState,
    data: data === null ? null : bytesOf(data),
    codec: textOf(row, "codec"),
    referenceId: row["reference_id"] ?? null,
    headers: headersOf(row["headers"]),
    generation: numberOf(row, "generation"),
    failedAttempts: numberOf(row, "failed_attempts"),
    lostAttempts: numberOf(row, "lost_attempts"),
    deferredAttempts: numberOf(row, "deferred_attempts"),
    nextAttemptAt: dateOf(row["next_attempt_ms"]),
    owner: row["owner"] ?? null,
    createdAt: new Date(numberOf(row, "created_ms")),
    settledAt: dateOf(row["settled_ms"]),
    failureReason: (row["failure_reason"] ?? null) as FailureReason | null,
    lastError: errorOf(row["last_error"]),
  };
}

/** A task with its story. */
export function taskWithAttemptsOf(row: Row): TaskWithAttempts {
  const story = JSON.parse(row["attempts"] ?? "[]") as readonly unknown[];
  return { ...taskOf(row), attempts: story.map(attemptOf) };
}

/** One attempt, in the order in which `getTask` lists its parts. */
function attemptOf(parts: unknown): Attempt {
  const [outcome, generation, owner, claim, error, accepted, recordedMs, durationMs] = parts as readonly [
    AttemptOutcome,
    number,
    string,
    number,
    unknown,
    boolean,
    number,
    number | null,
  ];
  return {
    outcome,
    generation,
    owner,
    claim,
    error: recordedErrorOf(error),
    accepted,
    recordedAt: new Date(recordedMs),
    durationMs,
  };
}
