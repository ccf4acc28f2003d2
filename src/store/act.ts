/** Acts: what people did to tasks, or tried to, on record. */
import type { TaskState } from "../task/task.ts";

/** Who acts, as it is put on record. */
export interface Operator {
  /** Who it is, in whatever words the application has for people. */
  readonly actor: string;
  /** By which way: `dashboard`, `command`, or what an application calls its own. */
  readonly via: string;
  /** Why; null when nothing was said. */
  readonly reason: string | null;
}

/** What can be done to a task, and seeing its data. */
export type ActName = "redrive" | "cancel" | "erase" | "delete" | "reveal";

/** An act about to be recorded. */
export interface NewAct extends Operator {
  readonly action: ActName;
  readonly taskId: string;
  /** Type and reference of the task; null when no task of that id was kept. */
  readonly type: string | null;
  readonly referenceId: string | null;
  /** The generation that was acted on: the one that was seen, where the call named it. Null when there was no task. */
  readonly generation: number | null;
  /** The state before; null when there was no task. */
  readonly state: TaskState | null;
  /** Done, or where the task stood instead. */
  readonly outcome: "done" | TaskState | "gone";
}

/** An act on record. Acts are never changed, and outlive their tasks. */
export interface Act extends NewAct {
  /** By the database's clock. */
  readonly at: Date;
}

/** Which acts to list, newest first. */
export interface ActRequest {
  /** Of one task, or of one person; of both together nothing is listed faster than of the task. */
  readonly taskId?: string | undefined;
  readonly actor?: string | undefined;
  /** Where the last page ended, from its `nextCursor`. */
  readonly cursor?: string | undefined;
  /** Acts a page, 1 to 1,000. */
  readonly limit: number;
}

/** A page of acts. */
export interface ActPage {
  readonly acts: readonly Act[];
  /** Pass it as `cursor` for the next page; null when this was the last. */
  readonly nextCursor: string | null;
}
