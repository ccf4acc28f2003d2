/** Pages of tasks: what is asked for, and what is answered. */
import type { Task, TaskState } from "../task/task.ts";

/** Which tasks to list. */
export interface ListRequest {
  readonly state: TaskState;
  readonly type?: string | undefined;
  /** Only pending tasks that are due and that nobody holds. */
  readonly ready?: boolean | undefined;
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

/** A page of tasks. */
export interface TaskPage {
  readonly tasks: readonly Task[];
  /** Pass it as `cursor` for the next page; null when this was the last. */
  readonly nextCursor: string | null;
}
