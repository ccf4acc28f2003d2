/** The evidence: what is known when the show is over, each part counted where it happened. */
import type { Attempt, Balance, TaskState } from "owed";

/** What is known of one task. */
export interface TaskEvidence {
  readonly state: TaskState;
  /** The process that holds a claim on it, alive or not. */
  readonly owner: string | null;
  /** Attempts that did not simply succeed. */
  readonly attempts: readonly Attempt[];
}

/** Everything the verdict rests on, each part counted where it happened. */
export interface Evidence {
  /** How many payments were to be made. */
  readonly posted: number;
  /** Payments whose POST was answered: from the driver. */
  readonly answered: ReadonlySet<string>;
  /** Committed payments: from their table. */
  readonly paymentIds: readonly string[];
  /** The store's own account. */
  readonly balance: Balance;
  /** Tasks by taskId; one that the store does not know is missing. */
  readonly tasks: ReadonlyMap<string, TaskEvidence>;
  /** How often each taskId was accepted: from the merchant. */
  readonly accepted: ReadonlyMap<string, number>;
  /** Payments whose receipt lies in the folder. */
  readonly receipts: ReadonlySet<string>;
  /** Whether an owner was a process that the demo killed. */
  readonly wasKilled: (owner: string) => boolean;
}
