// What the processes of the comparison are told, and what they answer.
import type { Job, Place, SystemName } from "./driver.ts";

/** Passed as JSON on the command line of a process. */
export interface ProcessSettings {
  readonly system: SystemName;
  readonly place: Place;
  readonly evidenceFile: string;
  /** Where the application's own transactions go; a proxy may stand in between. */
  readonly applicationConnectionString: string;
}

/** What a client is asked. */
export type Command =
  /** Commits the application's row and enqueues; after a failure again, unless `retryMs` is null. */
  | { readonly do: "enqueue"; readonly job: Job; readonly retryMs: number | null }
  /** Tasks of which the application's row is committed. */
  | { readonly do: "committed" }
  | { readonly do: "standing" }
  | { readonly do: "unlock"; readonly workers: readonly string[] };

/** What came of an enqueue. */
export interface Enqueued {
  readonly isAcknowledged: boolean;
  readonly attempts: number;
}

/** From the comparison to a process. */
export interface Request {
  readonly id: number;
  readonly command: Command;
}

/** From a process to the comparison. */
export type Message =
  | { readonly kind: "ready"; readonly workers: readonly string[] }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "refusal"; readonly id: number; readonly reason: string };
