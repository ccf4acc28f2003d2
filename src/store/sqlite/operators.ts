/** What people do to tasks: cancel, redrive, erase, delete, prune. Each within one write transaction, its record included. */
import { StoreRefusedError } from "../../errors.ts";
import type { TaskState } from "../../task/task.ts";
import { keyHash, typeHash } from "../../task/type-hash.ts";
import type { ActName, OperatorAnswer, OperatorCall } from "../contract.ts";
import { recordAct } from "./acts.ts";
import { type Connection, integerOf } from "./connection.ts";
import { readSecureDelete, setSecureDelete } from "./connection-statements.ts";
import {
  addPruned,
  cancelPending,
  countPrunable,
  deletePending,
  deleteSettled,
  eraseData,
  findPrunable,
  findTask,
  pruneAttempts,
  pruneSettled,
  pruneTasks,
  reopenSettled,
  subtractConfirmed,
} from "./operator-statements.ts";

interface Found {
  readonly id: number;
  readonly type: string;
  readonly key: string | null;
  readonly reference_id: string | null;
  readonly state: TaskState;
  readonly is_erased: number;
  readonly generation: number;
}

/** An operation on a task that is kept. Answers whether it was done. */
type Operation = (connection: Connection, found: Found, nowMs: number) => boolean;

/** Ends a pending task, whatever its claim. */
const cancel: Operation = (connection, { id, state }, now) => {
  if (state !== "pending") return false;
  connection.run(cancelPending, { id, now });
  connection.run(deletePending, { id });
  return true;
};

/** Makes a failed or cancelled task owed again. One whose data was erased cannot be executed any more, and stays. */
const redrive: Operation = (connection, { id, state, type, key, is_erased }, now) => {
  if (state === "pending" || state === "confirmed" || is_erased === 1) return false;
  const keyNumber = key === null ? null : integerOf(keyHash(type, key));
  connection.run(reopenSettled, { id, type_hash: integerOf(typeHash(type)), key_hash: keyNumber, now });
  connection.run(deleteSettled, { id });
  return true;
};

/** Removes the data of a settled task, and overwrites it in the file. */
const erase: Operation = (connection, { id, state }) => {
  if (state === "pending") return false;
  overwriting(connection, () => connection.run(eraseData, { id }));
  return true;
};

/** Deletes a failed or cancelled task with its story, and overwrites its data in the file. */
const deleteEnded: Operation = (connection, { id, state }) => {
  if (state === "pending" || state === "confirmed") return false;
  const ids = JSON.stringify([id]);
  overwriting(connection, () => {
    connection.run(deleteSettled, { id });
    connection.run(pruneTasks, { ids });
    connection.run(pruneAttempts, { ids });
  });
  connection.run(addPruned, { number: 1 });
  return true;
};

const operations = { cancel, redrive, erase, delete: deleteEnded } as const;

/** Carries out an operation, if the task is in the generation that was seen and its state allows it, and records it. */
export function operate(
  connection: Connection,
  action: Exclude<ActName, "reveal">,
  taskId: string,
  nowMs: number,
  { generation, by }: Pick<OperatorCall, "generation" | "by"> = {},
): OperatorAnswer {
  const found = connection.first<Found>(findTask, { task_id: taskId });
  const isSeen = generation === undefined || found?.generation === generation;
  const isDone = found !== undefined && isSeen && operations[action](connection, found, nowMs);
  const answer: OperatorAnswer = isDone ? { done: true } : { done: false, state: found?.state ?? "gone" };
  if (by === undefined) return answer;
  const act = {
    ...by,
    action,
    taskId,
    type: found?.type ?? null,
    referenceId: found?.reference_id ?? null,
    generation: found === undefined ? null : (generation ?? found.generation),
    state: found?.state ?? null,
    outcome: answer.done ? "done" : answer.state,
  } as const;
  recordAct(connection, act, nowMs);
  return answer;
}

/** Without it the pages that are freed keep what stood in them until they are used again. */
function overwriting(connection: Connection, work: () => void): void {
  const before = connection.first<{ readonly secure_delete: number }>(readSecureDelete)?.secure_delete ?? 0;
  connection.exec(setSecureDelete[1] ?? "");
  try {
    work();
  } finally {
    connection.exec(setSecureDelete[before] ?? "");
  }
}

/** Deletes at most `limit` tasks that were confirmed or cancelled before an instant, longest ago first. */
export function prune(connection: Connection, beforeMs: number, limit: number): number {
  const rows = connection.all<{ readonly id: number; readonly state: TaskState }>(findPrunable, {
    before: beforeMs,
    limit,
  });
  if (rows.length === 0) return 0;
  const ids = JSON.stringify(rows.map(({ id }) => id));
  const settled = connection.run(pruneSettled, { ids });
  const tasks = connection.run(pruneTasks, { ids });
  if (settled !== rows.length || tasks !== rows.length) {
    throw new StoreRefusedError(`of ${rows.length} tasks to prune ${settled} were settled and ${tasks} kept`);
  }
  connection.run(pruneAttempts, { ids });
  connection.run(addPruned, { number: tasks });
  const confirmed = rows.filter(({ state }) => state === "confirmed").length;
  if (confirmed > 0) connection.run(subtractConfirmed, { number: confirmed });
  return tasks;
}

/** How many tasks were confirmed or cancelled before an instant, up to a bound. */
export function prunableTasks(connection: Connection, beforeMs: number, limit: number): number {
  return (
    connection.first<{ readonly number: number }>(countPrunable, { before: beforeMs, limit })?.number ?? 0
  );
}
