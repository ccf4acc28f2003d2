/** What people do to tasks: cancel, redrive, erase, delete, prune. */
import type { OperatorAnswer, OperatorCall, PruneRequest } from "../contract.ts";
import { isPending, type Settled, stateOf, type TaskRow } from "./rows.ts";
import { ending } from "./settlements.ts";
import type { Tables } from "./tables.ts";

type Seen = Pick<OperatorCall, "generation">;

/** Ends a pending task, whatever its claim. */
export function cancel(tables: Tables, taskId: string, nowMs: number, seen: Seen = {}): OperatorAnswer {
  const row = tables.find(taskId);
  if (row === undefined || !isPending(row) || isOver(row, seen)) return refusal(row);
  tables.settle(row, ending(row, { state: "cancelled", atMs: nowMs }));
  return { done: true };
}

/** Makes a failed or cancelled task owed again. One whose data was erased cannot be executed any more, and stays. */
export function redrive(tables: Tables, taskId: string, nowMs: number, seen: Seen = {}): OperatorAnswer {
  const row = tables.find(taskId);
  if (row === undefined || isPending(row) || isOver(row, seen)) return refusal(row);
  if (stateOf(row) === "confirmed" || row.data === null) return refusal(row);
  tables.reopen(row, {
    dueAtMs: nowMs,
    firstDueAtMs: nowMs,
    failedAttempts: 0,
    lostAttempts: 0,
    deferredAttempts: 0,
    deferredSinceMs: null,
    claim: null,
  });
  return { done: true };
}

/** Removes the data of a settled task. */
export function erase(tables: Tables, taskId: string, seen: Seen = {}): OperatorAnswer {
  const row = tables.find(taskId);
  if (row === undefined || isPending(row) || isOver(row, seen)) return refusal(row);
  row.data = null;
  return { done: true };
}

/** Deletes a failed or cancelled task. */
export function deleteSettled(tables: Tables, taskId: string, seen: Seen = {}): OperatorAnswer {
  const row = tables.find(taskId);
  if (row === undefined || isPending(row) || isOver(row, seen)) return refusal(row);
  if (stateOf(row) === "confirmed") return refusal(row);
  tables.prune(row);
  return { done: true };
}

/** Deletes what was confirmed or cancelled long enough ago, longest first. */
export function prune(tables: Tables, request: PruneRequest, nowMs: number): number {
  const gone = prunable(tables, request, nowMs);
  for (const row of gone) tables.prune(row);
  return gone.length;
}

/** What `prune` would delete. */
export function prunable(tables: Tables, request: PruneRequest, nowMs: number): readonly TaskRow[] {
  const gone: TaskRow[] = [];
  for (const row of tables.prunable().ascending()) {
    const settledForMs = nowMs - (row.standing as Settled).atMs;
    if (gone.length >= request.limit || settledForMs <= request.olderThanMs) break;
    gone.push(row);
  }
  return gone;
}

/** Whether the generation that a person saw is over. */
function isOver({ generation }: TaskRow, seen: Seen): boolean {
  return seen.generation !== undefined && seen.generation !== generation;
}

function refusal(row: TaskRow | undefined): OperatorAnswer {
  return { done: false, state: row === undefined ? "gone" : stateOf(row) };
}
