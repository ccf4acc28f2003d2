/** Tasks and processes as machines read them: plain values, with instants in ISO 8601. Data is told by its size alone. */
import type { Act, RegisteredProcess } from "../store/contract.ts";
import type { Attempt, RecordedError, Task } from "../task/task.ts";

/** A task. Its data may hold what does not belong into a log. */
export function taskShape(task: Task): Readonly<Record<string, unknown>> {
  const { data, nextAttemptAt, createdAt, settledAt, headers: _, ...rest } = task;
  return {
    ...rest,
    dataBytes: data?.byteLength ?? null,
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
    createdAt: createdAt.toISOString(),
    settledAt: settledAt?.toISOString() ?? null,
    lastError: errorShape(task.lastError),
  };
}

/** One line of a story. */
export function attemptShape(attempt: Attempt): Readonly<Record<string, unknown>> {
  return { ...attempt, recordedAt: attempt.recordedAt.toISOString() };
}

/** What a person did. */
export function actShape(act: Act): Readonly<Record<string, unknown>> {
  return { ...act, at: act.at.toISOString() };
}

/** A process. */
export function processShape(process: RegisteredProcess): Readonly<Record<string, unknown>> {
  return {
    ...process,
    registeredAt: process.registeredAt.toISOString(),
    beatAt: process.beatAt.toISOString(),
  };
}

function errorShape(error: RecordedError | null): Readonly<Record<string, unknown>> | null {
  if (error === null) return null;
  const { name, code, message } = error;
  return { name, code, message };
}
