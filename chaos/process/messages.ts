// What the rig and its processes say to each other, over the channel node keeps between parent and child.
import type { Script } from "./kinds.ts";

/** How a client enqueues. */
export type EnqueueWay =
  /** `scheduler.enqueue` without a transaction. */
  | "alone"
  /** `scheduler.transaction`, one call for all tasks. */
  | "transaction"
  /** A transaction that the application opens itself; the fast path is called after its COMMIT. */
  | "caller"
  /** The same, rolled back; the fast path is called all the same. */
  | "rolled-back"
  /** The same, COMMIT sent although a statement has failed and its error was swallowed. */
  | "swallowed-error"
  /** The same, and the transaction is left open until `end-open`. */
  | "left-open";

/** A task to be enqueued. */
export interface TaskOrder {
  readonly taskId: string;
  readonly kind: string;
  readonly script: Script;
  readonly delayMs?: number;
}

/** What the rig asks of a process. */
export type Command =
  | { readonly do: "enqueue"; readonly way: EnqueueWay; readonly tasks: readonly TaskOrder[] }
  /** Enqueues one task after the other until told otherwise, and again until each is known to stand. */
  | {
      readonly do: "load";
      readonly prefix: string;
      readonly everyMs: number;
      readonly kinds: readonly string[];
      readonly runMs: number;
      /** Which part of the tasks fails once or twice first. */
      readonly failing: number;
    }
  | { readonly do: "end-load" }
  | { readonly do: "end-open" }
  | { readonly do: "operate"; readonly operation: "cancel" | "redrive"; readonly taskId: string }
  | { readonly do: "execute"; readonly taskId: string }
  | { readonly do: "status" }
  /** How many slots are taken, by running attempts and by executors beyond their timeout; asks the database. */
  | { readonly do: "slots" };

/** What a process answers. */
export type Answer =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** How a process is. */
export interface ProcessStatus {
  readonly running: number;
  readonly zombies: number;
  readonly residentBytes: number;
  /** Tries of each operation of the engine that failed since the start. */
  readonly warnings: readonly string[];
  readonly events: Readonly<Record<string, number>>;
}

/** Sent by the rig. */
export interface Request {
  readonly id: number;
  readonly command: Command;
}

/** Sent by a process. */
export type Message =
  | { readonly kind: "ready" }
  | { readonly kind: "answer"; readonly id: number; readonly answer: Answer };
