/** What people and gauges read, each in one snapshot: tasks, pages, counts. */
import { InvalidInputError } from "../../errors.ts";
import type { Task, TaskState, TaskWithAttempts } from "../../task/task.ts";
import { typeHash } from "../../task/type-hash.ts";
import type { Balance, ListByTaskIdRequest, ListRequest, StoreStatistics, TaskPage } from "../contract.ts";
import { DISORDER_MS } from "../page.ts";
import { taskIdRange } from "../task-id-range.ts";
import { type Kind, scans } from "./claim-statements.ts";
import { type Connection, integerOf, type SqlParameters } from "./connection.ts";
import { cursorBehind, startOf } from "./page-cursor.ts";
import {
  countCancelledUpTo,
  countFailedUpTo,
  countPending,
  countPendingUpTo,
  countProcesses,
  countSettled,
  countTasks,
  idsInRange,
  idsToTheEnd,
  lastTask,
  nextTask,
  pendingPages,
  readAttempts,
  readConfirmed,
  readExecuted,
  readOldest,
  readPruned,
  readTask,
  readTasks,
  readTypeName,
  readyPages,
  settledPages,
} from "./reading-statements.ts";
import { type AttemptRow, attemptOf, type TaskRow, taskOf } from "./task-row.ts";

const MOST_PER_PAGE = 1_000;
/** Tasks that one page looks at. */
const WALKED_AT_ONCE = 5_000;
const LARGEST_ID = 2n ** 63n - 1n;
const COUNTED_UP_TO = 10_000;
const kinds: readonly Kind[] = Object.freeze(["ready", "suspect", "alone"]);

/** A task with its story; null when it is not kept. */
export function getTask(connection: Connection, taskId: string): TaskWithAttempts | null {
  const row = connection.first<TaskRow & { readonly id: number }>(readTask, { task_id: taskId });
  if (row === undefined) return null;
  const attempts = connection.all<AttemptRow>(readAttempts, { id: row.id });
  return { ...taskOf(row), attempts: attempts.map(attemptOf) };
}

/** Throws InvalidInputError for a request that no page answers. */
export function assertListRequest(request: ListRequest): void {
  const { limit } = request;
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_PER_PAGE) {
    throw new InvalidInputError("limit", `is ${limit}`, "give a whole number from 1 to 1,000");
  }
  startOf(request);
}

/** A page of tasks. */
export function listTasks(connection: Connection, request: ListRequest, nowMs: number): TaskPage {
  const { limit } = request;
  const walk = walkOf(request, nowMs);
  // Where every task fits, one more than the page holds tells whether another page follows.
  const walked = isFiltered(request) ? WALKED_AT_ONCE : limit + 1;
  const values = { ...walk.parameters, ...edges(connection, request), after: startOf(request), walked };
  const found = connection.all<{ readonly id: number }>(walk.statements.found, {
    ...values,
    limit: limit + 1,
  });
  const page = found.slice(0, limit);
  const tasks = readPage(connection, page);
  const last = page[page.length - 1];
  if (found.length > limit && last !== undefined)
    return { tasks, nextCursor: cursorBehind(last.id, request) };
  const reach = connection.first<{ readonly walked: number; readonly last: number | null }>(
    walk.statements.reach,
    values,
  );
  const isAtEnd = reach === undefined || reach.walked < walked || reach.last === null;
  return { tasks, nextCursor: isAtEnd ? null : cursorBehind(reach.last, request) };
}

/** Whether a walk may come upon tasks that do not belong to the list: of confirmed ones it always may. */
function isFiltered(request: ListRequest): boolean {
  const { state, type, ready, enqueuedFrom, enqueuedBefore } = request;
  if (state === "confirmed" || ready === true) return true;
  return type !== undefined || enqueuedFrom !== undefined || enqueuedBefore !== undefined;
}

/** Between which instants, and so between which numbers: instants have no index, and numbers are nearly in their order. */
function edges(connection: Connection, { enqueuedFrom, enqueuedBefore }: ListRequest): SqlParameters {
  const [from, before] = [enqueuedFrom?.getTime() ?? null, enqueuedBefore?.getTime() ?? null];
  return {
    from,
    before,
    first: from === null ? 0 : lastBefore(connection, from - DISORDER_MS),
    last: before === null ? LARGEST_ID : lastBefore(connection, before + DISORDER_MS),
  };
}

/** The last number of a task that was enqueued before an instant, by halving the numbers. */
function lastBefore(connection: Connection, instantMs: number): number {
  let low = 0;
  let high = (connection.first<{ readonly id: number | null }>(lastTask)?.id ?? 0) + 1;
  while (high - low > 1) {
    const id = Math.floor((low + high) / 2);
    const task = connection.first<{ readonly id: number; readonly created_at: number }>(nextTask, { id });
    if (task !== undefined && task.id < high && task.created_at < instantMs) low = task.id;
    else high = id;
  }
  return low;
}

/** A page of tasks by their ids. */
export function listTasksById(connection: Connection, request: ListByTaskIdRequest): TaskPage {
  const { from, after, below, limit } = taskIdRange(request);
  const range = { from, after, limit: limit + 1 };
  const found = connection.all<{ readonly id: number; readonly task_id: string }>(
    below === null ? idsToTheEnd : idsInRange,
    below === null ? range : { ...range, below },
  );
  const page = found.slice(0, limit);
  const nextCursor = found.length > limit ? (page[page.length - 1]?.task_id ?? null) : null;
  return { tasks: readPage(connection, page), nextCursor };
}

/** How many tasks are in a state. */
export function countTasksIn(connection: Connection, state: TaskState): number {
  return state === "pending"
    ? numberOf(connection, countPending)
    : numberOf(connection, countSettled, { state });
}

/** The terms of the conservation law. */
export function readBalance(connection: Connection): Balance {
  const pruned = numberOf(connection, readPruned);
  return {
    enqueued: numberOf(connection, countTasks) + pruned,
    pending: countTasksIn(connection, "pending"),
    confirmed: countTasksIn(connection, "confirmed"),
    failed: countTasksIn(connection, "failed"),
    cancelled: countTasksIn(connection, "cancelled"),
    pruned,
  };
}

/** Counts for gauges; none of them walks further than a bound. */
export function readStatistics(connection: Connection, nowMs: number): StoreStatistics {
  const bound = { bound: COUNTED_UP_TO };
  const types = pendingTypes(connection);
  const oldest = Math.min(...types.map(({ kind, hash }) => oldestDue(connection, kind, hash)));
  return {
    pending: numberOf(connection, countPendingUpTo, bound),
    failed: numberOf(connection, countFailedUpTo, bound),
    cancelled: numberOf(connection, countCancelledUpTo, bound),
    confirmed: numberOf(connection, readConfirmed),
    countedUpTo: COUNTED_UP_TO,
    oldestDueAgeMs: oldest <= nowMs ? nowMs - oldest : null,
    orphanedTypes: orphanedTypes(connection, types),
    processes: numberOf(connection, countProcesses),
  };
}

interface PendingType {
  readonly kind: Kind;
  readonly hash: bigint;
}

function pendingTypes(connection: Connection): PendingType[] {
  return kinds.flatMap((kind) =>
    connection
      .all<{ readonly type_hash: string }>(scans[kind].types)
      .map(({ type_hash }) => ({ kind, hash: integerOf(type_hash) })),
  );
}

function oldestDue(connection: Connection, kind: Kind, hash: bigint): number {
  const row = connection.first<{ readonly due: number | null }>(readOldest[kind], { type_hash: hash });
  return row?.due ?? Number.POSITIVE_INFINITY;
}

function orphanedTypes(connection: Connection, types: readonly PendingType[]): string[] {
  const executed = new Set<string>();
  for (const row of connection.all<{ readonly types: string | null }>(readExecuted)) {
    if (row.types === null) return [];
    for (const type of JSON.parse(row.types) as readonly string[]) executed.add(typeHash(type));
  }
  const orphans = types.filter(({ hash }) => !executed.has(String(hash)));
  const names = orphans.flatMap(({ kind, hash }) =>
    connection.all<{ readonly type: string }>(readTypeName[kind], { type_hash: hash }),
  );
  return [...new Set(names.map(({ type }) => type))].sort();
}

function walkOf(
  { state, type, ready, order }: ListRequest,
  nowMs: number,
): { readonly statements: (typeof pendingPages)["ascending"]; readonly parameters: SqlParameters } {
  if (state !== "pending") {
    return { statements: settledPages[state][order], parameters: { type: type ?? null } };
  }
  const type_hash = type === undefined ? null : integerOf(typeHash(type));
  if (ready === true) return { statements: readyPages[order], parameters: { type_hash, now: nowMs } };
  return { statements: pendingPages[order], parameters: { type_hash } };
}

function readPage(connection: Connection, rows: readonly { readonly id: number }[]): Task[] {
  const ids = JSON.stringify(rows.map(({ id }) => id));
  return connection.all<TaskRow>(readTasks, { ids }).map(taskOf);
}

function numberOf(connection: Connection, sql: string, parameters: SqlParameters = {}): number {
  return connection.first<{ readonly number: number }>(sql, parameters)?.number ?? 0;
}
