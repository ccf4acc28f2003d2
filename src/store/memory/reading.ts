/** What people and gauges read: tasks, pages, counts. */
import { InvalidInputError } from "../../errors.ts";
import type { RecordedError, Task, TaskWithAttempts } from "../../task/task.ts";
import type { Balance, ListByTaskIdRequest, ListRequest, StoreStatistics, TaskPage } from "../contract.ts";
import { compareTaskIds, taskIdRange } from "../task-id-range.ts";
import type { Processes } from "./processes.ts";
import { isPending, type Pending, settledOf, stateOf, type TaskRow } from "./rows.ts";
import type { Tables } from "./tables.ts";

/** A task as operators see it. */
export function taskOf(row: TaskRow): Task {
  const { failedAttempts, lostAttempts, deferredAttempts } = row.standing;
  const settled = settledOf(row);
  const pending = isPending(row) ? row.standing : null;
  return {
    taskId: row.taskId,
    type: row.type,
    key: row.key,
    state: stateOf(row),
    data: row.data?.slice() ?? null,
    codec: row.codec,
    referenceId: row.referenceId,
    headers: row.headers,
    generation: row.generation,
    failedAttempts,
    lostAttempts,
    deferredAttempts,
    nextAttemptAt: pending === null ? null : new Date(pending.dueAtMs),
    owner: pending?.claim?.owner ?? null,
    createdAt: new Date(row.createdAtMs),
    settledAt: settled === null ? null : new Date(settled.atMs),
    failureReason: settled?.reason ?? null,
    lastError: settled?.error ?? lastErrorOf(row),
  };
}

/** A task with its story. */
export function taskWithAttemptsOf(row: TaskRow): TaskWithAttempts {
  return { ...taskOf(row), attempts: [...row.attempts] };
}

/** A page of the tasks of a state. The cursor is the number of the last task, so changes elsewhere cannot shift it. */
export function list(tables: Tables, processes: Processes, request: ListRequest, nowMs: number): TaskPage {
  const { type, ready, limit } = request;
  if (!Number.isInteger(limit) || limit < 1 || limit > 1_000) {
    throw new InvalidInputError("limit", `is ${limit}`, "give a whole number from 1 to 1,000");
  }
  const found: TaskRow[] = [];
  for (const row of rowsFrom(tables, request)) {
    if (type !== undefined && row.type !== type) continue;
    if (!isEnqueuedBetween(row, request)) continue;
    if (
      ready === true &&
      !(isPending(row) && row.standing.dueAtMs <= nowMs && isUnheld(row.standing, processes))
    )
      continue;
    found.push(row);
    if (found.length > limit) break;
  }
  const page = found.slice(0, limit);
  const nextCursor = found.length > limit ? String(page[page.length - 1]?.id) : null;
  return { tasks: page.map(taskOf), nextCursor };
}

function isEnqueuedBetween({ createdAtMs }: TaskRow, request: ListRequest): boolean {
  const { enqueuedFrom, enqueuedBefore } = request;
  if (enqueuedFrom !== undefined && createdAtMs < enqueuedFrom.getTime()) return false;
  return enqueuedBefore === undefined || createdAtMs < enqueuedBefore.getTime();
}

/** A page by the ids; this store keeps no order of ids, and sorts what it finds. */
export function listByTaskId(tables: Tables, request: ListByTaskIdRequest): TaskPage {
  const { from, after, limit } = taskIdRange(request);
  const found = [...tables.all()]
    .filter(({ taskId }) => taskId.startsWith(from) && (after === "" || compareTaskIds(taskId, after) > 0))
    .sort((left, right) => compareTaskIds(left.taskId, right.taskId));
  const page = found.slice(0, limit);
  const nextCursor = found.length > limit ? (page[page.length - 1]?.taskId ?? null) : null;
  return { tasks: page.map(taskOf), nextCursor };
}

/** Counts for gauges; all of them are at hand here, so none is cut short. */
export function statistics(tables: Tables, processes: Processes, nowMs: number): StoreStatistics {
  let oldestDueAtMs = Number.POSITIVE_INFINITY;
  const orphanedTypes: string[] = [];
  for (const type of tables.pendingTypes()) {
    for (const queues of tables.queuesOf(type).values()) {
      for (const queue of Object.values(queues))
        oldestDueAtMs = Math.min(oldestDueAtMs, queue.first()?.standing.dueAtMs ?? Number.POSITIVE_INFINITY);
    }
    if (!processes.someoneExecutes(type)) orphanedTypes.push(type);
  }
  return {
    pending: tables.inState("pending").size,
    failed: tables.inState("failed").size,
    cancelled: tables.inState("cancelled").size,
    confirmed: tables.inState("confirmed").size,
    countedUpTo: Number.MAX_SAFE_INTEGER,
    oldestDueAgeMs: oldestDueAtMs <= nowMs ? nowMs - oldestDueAtMs : null,
    orphanedTypes: orphanedTypes.sort(),
    processes: processes.size,
  };
}

/** The terms of the conservation law. */
export function balance(tables: Tables): Balance {
  return {
    ...tables.counters,
    pending: tables.inState("pending").size,
    confirmed: tables.inState("confirmed").size,
    failed: tables.inState("failed").size,
    cancelled: tables.inState("cancelled").size,
  };
}

function rowsFrom(tables: Tables, { state, order, cursor }: ListRequest): Iterable<TaskRow> {
  const rows = tables.inState(state);
  if (cursor === undefined) return order === "ascending" ? rows.ascending() : rows.descending();
  const id = Number(cursor);
  if (!Number.isSafeInteger(id)) {
    throw new InvalidInputError("cursor", "is not one of this store", "pass a page's nextCursor unchanged");
  }
  return order === "ascending" ? rows.after({ id }) : rows.descending({ id });
}

/** A claim of a process that is not registered any more holds nothing. */
function isUnheld({ claim }: Pending, processes: Processes): boolean {
  return claim === null || !processes.isAlive(claim.owner);
}

/** The latest error of the present generation that was accepted. */
function lastErrorOf(row: TaskRow): RecordedError | null {
  const last = row.attempts.findLast(
    ({ error, accepted, generation }) => error !== null && accepted && generation === row.generation,
  );
  return last?.error ?? null;
}
