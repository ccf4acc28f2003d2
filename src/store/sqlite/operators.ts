/** What people do to tasks: cancel, redrive, erase, prune. Each within one write transaction. */
import { StoreRefusedError } from "../../errors.ts";
import type { TaskState } from "../../task/task.ts";
import { typeHash } from "../../task/type-hash.ts";
import type { OperatorAnswer, OperatorCall } from "../contract.ts";
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
  readType,
  reopenSettled,
  subtractConfirmed,
} from "./operator-statements.ts";

interface Found {
  readonly id: number;
  readonly state: TaskState;
  readonly is_erased: number;
  readonly generation: number;
}

type Seen = Pick<OperatorCall, "generation">;

/** Ends a pending task, whatever its claim. */
export function cancel(
  connection: Connection,
  taskId: string,
  nowMs: number,
  seen: Seen = {},
): OperatorAnswer {
  const found = find(connection, taskId);
  if (found?.state !== "pending" || isOver(found, seen)) return refusal(found);
  connection.run(cancelPending, { id: found.id, now: nowMs });
  connection.run(deletePending, { id: found.id });
  return { done: true };
}

/** Makes a failed or cancelled task owed again. One whose data was erased cannot be executed any more, and stays. */
export function redrive(
  connection: Connection,
  taskId: string,
  nowMs: number,
  seen: Seen = {},
): OperatorAnswer {
  const found = find(connection, taskId);
  if (found === undefined || found.state === "pending" || found.state === "confirmed") return refusal(found);
  if (found.is_erased === 1 || isOver(found, seen)) return refusal(found);
  const { id } = found;
  const type = connection.first<{ readonly type: string }>(readType, { id })?.type ?? "";
  connection.run(reopenSettled, { id, type_hash: integerOf(typeHash(type)), now: nowMs });
  connection.run(deleteSettled, { id });
  return { done: true };
}

/** Removes the data of a settled task, and overwrites it in the file. */
export function erase(connection: Connection, taskId: string, seen: Seen = {}): OperatorAnswer {
  const found = find(connection, taskId);
  if (found === undefined || found.state === "pending" || isOver(found, seen)) return refusal(found);
  overwriting(connection, () => connection.run(eraseData, { id: found.id }));
  return { done: true };
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

function find(connection: Connection, taskId: string): Found | undefined {
  return connection.first<Found>(findTask, { task_id: taskId });
}

/** Whether the generation that a person saw is over. */
function isOver({ generation }: Found, seen: Seen): boolean {
  return seen.generation !== undefined && seen.generation !== generation;
}

function refusal(found: Found | undefined): OperatorAnswer {
  return { done: false, state: found?.state ?? "gone" };
}

/** How many tasks were confirmed or cancelled before an instant, up to a bound. */
export function prunableTasks(connection: Connection, beforeMs: number, limit: number): number {
  return (
    connection.first<{ readonly number: number }>(countPrunable, { before: beforeMs, limit })?.number ?? 0
  );
}
