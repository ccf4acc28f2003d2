/** The task: the words of its life as types. No behaviour. */

/** Where a task stands. Running is not a state: it is a pending task under a live claim. */
export type TaskState = "pending" | "confirmed" | "failed" | "cancelled";

/** All states, in the order a task can reach them. */
export const taskStates: readonly TaskState[] = Object.freeze([
  "pending",
  "confirmed",
  "failed",
  "cancelled",
]);

/** How a task that stands already is answered: compare and refuse other content, refuse always, or take what stands. */
export type DuplicatePolicy = "compare" | "throw" | "keep";

/** Generation of a task that was never redriven. */
export const FIRST_GENERATION = 1;

/** Names a claim and no other, ever: a random process id, a counter of that process, the task's generation. */
export interface Token {
  /** The claiming process: a random 63-bit number in decimal, taken anew at each registration. */
  readonly owner: string;
  /** Number of the claim within its process; it never goes back. */
  readonly claim: number;
  /** Generation of the task when it was claimed; a redrive starts a new one. */
  readonly generation: number;
}

/** An error as it is kept: always storable, bounded, free of secrets that safeError knows. */
export interface RecordedError {
  /** Class name of the error, for example `TypeError`. */
  readonly name: string;
  /** Its message, cut at 4 KB. */
  readonly message: string;
  /** Its literal code, if it had one. */
  readonly code: string | null;
  /** Its stack with causes, cut at 16 KB. */
  readonly stack: string | null;
}

/** Why a task ended as failed. */
export type FailureReason =
  | "attempts-exhausted"
  | "permanent-error"
  | "time-expired"
  | "undecodable"
  | "lost-too-often";

/** A task under a claim of this process, as the store hands it over for execution. */
export interface ClaimedTask {
  /** The store's own number of the task. */
  readonly id: string;
  readonly taskId: string;
  readonly type: string;
  /** By what tasks of the type are told apart; null when it has none, or when the claim did not ask by keys. */
  readonly key: string | null;
  readonly data: Uint8Array;
  /** Which codec wrote `data`: `json`, or `bytes` for opaque data of the raw layer. */
  readonly codec: string;
  readonly referenceId: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly token: Token;
  readonly failedAttempts: number;
  /** Attempts whose process died, the one counted by this claim included. */
  readonly lostAttempts: number;
  readonly deferredAttempts: number;
  /** Time since the task (this generation of it) was first due, by the database's clock. */
  readonly ageMs: number;
  /** Time since the first deferral of this generation, whatever came between, by the database's clock; 0 when there was none. */
  readonly deferredForMs: number;
}

/** How an attempt ended that did not simply succeed. `late-success`: of a superseded claim; it is kept for the record. */
export type AttemptOutcome = "failed" | "deferred" | "abandoned" | "lost" | "late-success";

/** One line of a task's story. */
export interface Attempt {
  readonly outcome: AttemptOutcome;
  readonly generation: number;
  /** Process that made the attempt. */
  readonly owner: string;
  readonly claim: number;
  readonly error: RecordedError | null;
  /** False when the claim had been superseded, so that the outcome changed nothing. */
  readonly accepted: boolean;
  /** When it was recorded, by the database's clock. */
  readonly recordedAt: Date;
  /** How long the executor ran, by the process's monotonic clock; null when unknown (lost). */
  readonly durationMs: number | null;
}

/** A task as operators see it. */
export interface Task {
  readonly taskId: string;
  readonly type: string;
  /** By what tasks of the type are told apart, a merchant for example; null when it has none. */
  readonly key: string | null;
  readonly state: TaskState;
  /** The encoded data; null once it has been erased. */
  readonly data: Uint8Array | null;
  readonly codec: string;
  readonly referenceId: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly generation: number;
  readonly failedAttempts: number;
  readonly lostAttempts: number;
  readonly deferredAttempts: number;
  /** When it is due; null once it is settled. */
  readonly nextAttemptAt: Date | null;
  /** The process that holds a claim on it, alive or not; null when nobody does. */
  readonly owner: string | null;
  readonly createdAt: Date;
  readonly settledAt: Date | null;
  /** Why it failed; null in every other state. */
  readonly failureReason: FailureReason | null;
  readonly lastError: RecordedError | null;
}

/** A task with the story of its attempts, oldest first. */
export interface TaskWithAttempts extends Task {
  readonly attempts: readonly Attempt[];
}
