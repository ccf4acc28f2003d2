/** Pages of tasks: what is asked for, and what is answered. */
import type { Task, TaskState } from "../task/task.ts";

/** Which tasks to list. */
export interface ListRequest {
  readonly state: TaskState;
  readonly type?: string | undefined;
  /** Only pending tasks that are due and that nobody holds. */
  readonly ready?: boolean | undefined;
  /** Only tasks that were enqueued at this instant or later, by the database's clock. */
  readonly enqueuedFrom?: Date | undefined;
  /** Only tasks that were enqueued before. */
  readonly enqueuedBefore?: Date | undefined;
  /** Where the last page ended, from its `nextCursor`. */
  readonly cursor?: string | undefined;
  /** Tasks a page, 1 to 1,000. */
  readonly limit: number;
  /** By age: `ascending` is oldest first. */
  readonly order: "ascending" | "descending";
}

/** Which tasks to list by the beginning of their ids, whatever their state. */
export interface ListByTaskIdRequest {
  /** How the ids begin; "" is every task. */
  readonly prefix: string;
  /** Where the last page ended, from its `nextCursor`. */
  readonly cursor?: string | undefined;
  /** Tasks a page, 1 to 1,000. */
  readonly limit: number;
}

/**
 * How much the order of ages and that of instants may differ for a task between two instants to be found all the same: a
 * statement that waits for a lock numbers tasks later than it dates them, and a database's clock may be set back.
 */
export const DISORDER_MS = 600_000;

/** A page of tasks. It may hold fewer than asked for, or none, and more follow all the same: of many tasks only so many are looked at. */
export interface TaskPage {
  readonly tasks: readonly Task[];
  /** Pass it as `cursor` for the next page; null when this was the last. */
  readonly nextCursor: string | null;
}
