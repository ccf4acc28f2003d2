// The plan of a simulation: plain data, drawn from a seed, that can be cut down, written to a file and played again.

/** What becomes of one call over the network. */
export const fates = [
  "ok",
  /** The answer, or the request, takes long, within the client's timeout. */
  "slow",
  /** Refused before anything is carried out. */
  "refused",
  /** Carried out; the connection is lost before the answer. */
  "reset",
  /** The client gives up; the server carries it out afterwards. */
  "late",
  /** Carried out; the answer never comes, and the client gives up. */
  "mute",
  /** Within a transaction: the statement fails and aborts the transaction, the connection lives. */
  "aborted",
] as const;

/** What becomes of one call over the network. */
export type Fate = (typeof fates)[number];

/** What an executor does in one attempt. */
export interface Step {
  readonly kind:
    | "succeed"
    | "fail"
    | "permanent"
    | "retryAfter"
    | "undecodable"
    | "hang"
    /** The process dies. */
    | "kill"
    /** The event loop stands still, then success. */
    | "block";
  readonly runMs: number;
  /** Throws as soon as its signal aborts. */
  readonly heedsSignal: boolean;
  /** Delay of `retryAfter`, length of `block`. */
  readonly extraMs: number;
}

/** A task that clients may enqueue. */
export interface PlannedTask {
  readonly taskId: string;
  readonly type: number;
  /** One per attempt; the last one repeats. */
  readonly steps: readonly Step[];
  readonly delayMs: number;
  readonly runAt: boolean;
  /** Absent: none. */
  readonly key?: string;
  readonly onDuplicate: "compare" | "throw" | "keep";
}

/** Tasks of one call to enqueue. */
export interface PlannedCall {
  readonly tasks: readonly number[];
  /** Another number is other data under the same taskId. */
  readonly content: number;
  readonly raw: boolean;
  readonly savepoint: "none" | "released" | "rolledBack";
  /** An error of this call is caught and the transaction goes on. */
  readonly swallowed: boolean;
}

/** What a client does at one time. */
export interface PlannedRequest {
  readonly atMs: number;
  readonly node: number;
  /** `transaction`: scheduler.transaction; `begin`: a transaction of the client's own; `alone`: scheduler.enqueue without one. */
  readonly kind: "transaction" | "begin" | "alone";
  readonly calls: readonly PlannedCall[];
  /** How long it keeps the transaction open. */
  readonly holdMs: number;
  readonly isolation: "read committed" | "repeatable read" | null;
  /** Rows of the user's own that it reads and writes, in this order. */
  readonly rows: readonly number[];
  readonly ending: "commit" | "rollback" | "never";
  readonly tryNow: "never" | "before" | "after" | "twice";
  /** How often the whole is tried again after an error, with the same taskIds. */
  readonly retries: number;
}

/** What the nemesis, or an operator, does at one time. */
export type PlannedAction = { readonly atMs: number } & (
  | { readonly kind: "crash"; readonly node: number; readonly downMs: number }
  | { readonly kind: "pause"; readonly node: number; readonly forMs: number }
  | { readonly kind: "cut"; readonly node: number; readonly forMs: number }
  | {
      readonly kind: "deploy";
      readonly node: number;
      readonly graceMs: number;
      /** A second signal this long after the first. */
      readonly againMs: number | null;
      readonly downMs: number;
    }
  | {
      readonly kind: "stopWorker";
      readonly node: number;
      readonly graceMs: number;
      readonly downMs: number;
    }
  | { readonly kind: "outage"; readonly forMs: number; readonly readOnly: boolean }
  | { readonly kind: "nodeJump"; readonly node: number; readonly byMs: number }
  | { readonly kind: "databaseJump"; readonly byMs: number }
  | { readonly kind: "restore"; readonly commits: number }
  | {
      readonly kind: "operator";
      readonly node: number;
      readonly operation: "cancel" | "redrive" | "erase";
      readonly task: number;
    }
  | { readonly kind: "direct"; readonly node: number; readonly task: number }
);

/** When the executor of a type is stopped. */
export interface PlannedBreaker {
  readonly per: "type" | "key";
  readonly failures: number;
  readonly coolDownMs: number;
  readonly maxCoolDownMs: number;
  readonly probes: number;
}

/** A type of task. */
export interface PlannedType {
  readonly name: string;
  readonly maxFailedAttempts: number;
  readonly baseMs: number;
  readonly maxDelayMs: number;
  readonly timeoutMs: number;
  readonly concurrency: number | null;
  /**
   * Its executor writes its effect and completes its task in one transaction: the engine's (`tx`), or one that it opens
   * itself (`complete`). Absent: neither.
   */
  readonly completion?: "tx" | "complete";
  /** Absent: no limit. */
  readonly concurrencyPerKey?: number;
  /** Absent: none. */
  readonly breaker?: PlannedBreaker;
}

/** A node: a worker, or only a client. */
export interface PlannedNode {
  readonly worker: {
    readonly concurrency: number;
    readonly batchSize: number;
    readonly pollIntervalMs: number;
  } | null;
  readonly types: readonly number[];
  readonly fastPath: number;
  readonly skewMs: number;
}

/** The network between nodes and database. */
export interface PlannedNetwork {
  readonly leastMs: number;
  readonly mostMs: number;
  /** After this a client gives up on a call. */
  readonly timeoutMs: number;
  /** Probability of each fate but `ok`. */
  readonly odds: Readonly<Partial<Record<Fate, number>>>;
  /** When given, exactly these calls have a fate and the odds are not looked at. */
  readonly only: Readonly<Record<string, Fate>> | null;
}

/** How wake-ups across processes go. */
export interface PlannedWakeUps {
  /** Whether workers listen; if not, they only announce. */
  readonly listen: boolean;
  /** Probability that one wake-up, or one call to send it, is lost. */
  readonly lost: number;
  /** Probability that a connection that listens goes deaf after a while, without a word. */
  readonly deaf: number;
  /** Behind a transaction pooler none is heard; the store knows it, or it does not. */
  readonly pooler: "none" | "known" | "unknown";
}

/** Everything about one simulation. */
export interface Plan {
  readonly seed: number;
  readonly leaseMs: number;
  readonly maxLostAlone: number;
  readonly chunkTasks: number;
  readonly retentionMs: number;
  readonly types: readonly PlannedType[];
  readonly nodes: readonly PlannedNode[];
  readonly network: PlannedNetwork;
  /** Absent: the database can wake nobody. */
  readonly wakeUps?: PlannedWakeUps;
  readonly tasks: readonly PlannedTask[];
  readonly requests: readonly PlannedRequest[];
  readonly actions: readonly PlannedAction[];
  /** From here on no fault is injected. */
  readonly quietAtMs: number;
  /** Everything must be at rest this long after; null: as long as the guarantees allow its attempts, one after the other. */
  readonly restLimitMs: number | null;
}
