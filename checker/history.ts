// The history of a run: what every process saw, and what the database itself recorded. The checker reads nothing else.

/** Names a claim; see Token in src/task/task.ts. */
export interface HistoryToken {
  readonly owner: string;
  readonly claim: number;
  readonly generation: number;
}

/** Outcome of an operation as its caller saw it; `info`: unknown, it may or may not have happened, for ever. */
export type Seen = "ok" | "fail" | "info";

/** One event of one process. `seq` orders the events of a process; `monotonicMs` is its own clock, comparable only within a boot. */
export interface ProcessEvent {
  readonly process: string;
  /** Grows with each restart of the process. */
  readonly boot: number;
  readonly seq: number;
  readonly monotonicMs: number;
  readonly event: ProcessEventBody;
}

/** What can happen in a process. */
export type ProcessEventBody =
  /** The call is about to be sent. */
  | {
      readonly kind: "enqueue.invoke";
      readonly call: string;
      readonly taskIds: readonly string[];
      /** Of the data of each of them. Absent: not known. */
      readonly digests?: readonly string[];
    }
  | {
      readonly kind: "enqueue.answer";
      readonly call: string;
      readonly seen: Seen;
      readonly created: readonly string[];
    }
  /** COMMIT of the transaction of these calls, or its rollback (whole, or of the savepoint that held them). */
  | { readonly kind: "commit.invoke"; readonly calls: readonly string[] }
  | { readonly kind: "commit.answer"; readonly calls: readonly string[]; readonly seen: Seen }
  | { readonly kind: "rollback"; readonly calls: readonly string[] }
  | { readonly kind: "fast.call"; readonly taskIds: readonly string[] }
  /** `sentMs` as for a heartbeat; without it the lease is counted from this event, which is kinder to the process. */
  | {
      readonly kind: "process.registered";
      readonly owner: string;
      readonly leaseMs: number;
      readonly sentMs?: number;
    }
  /** A heartbeat was acknowledged; `sentMs` is when it was sent, on the monotonic clock of this process. */
  | { readonly kind: "heartbeat"; readonly owner: string; readonly sentMs: number; readonly seen: Seen }
  | { readonly kind: "process.lost"; readonly owner: string }
  /** `byId`: it asks for tasks by their ids and not for whatever is due. */
  | {
      readonly kind: "claim.invoke";
      readonly owner: string;
      readonly claim: number;
      readonly byId?: boolean;
    }
  | {
      readonly kind: "claim.answer";
      readonly owner: string;
      readonly claim: number;
      readonly seen: Seen;
      readonly taskIds: readonly string[];
    }
  | {
      readonly kind: "execution.start";
      readonly taskId: string;
      readonly token: HistoryToken;
      /** Of the data that the executor is given. Absent: not known. */
      readonly digest?: string;
    }
  /** One that outlived its attempt (timed-out, abandoned) ends a second time, when its executor returns. */
  | {
      readonly kind: "execution.end";
      readonly taskId: string;
      readonly token: HistoryToken;
      readonly outcome: "succeeded" | "failed" | "deferred" | "abandoned" | "undecodable" | "timed-out";
      /** Of a failed one: whether its error said that no attempt will ever succeed. Absent: not known. */
      readonly permanent?: boolean;
    }
  /** An outcome is about to be written, and was. */
  | {
      readonly kind: "settle.invoke";
      readonly taskId: string;
      readonly token: HistoryToken;
      readonly decision: "confirm" | "retry" | "defer" | "fail" | "release";
    }
  | {
      readonly kind: "settle.answer";
      readonly taskId: string;
      readonly token: HistoryToken;
      readonly seen: Seen;
      readonly verdict: string | null;
      /** Which of those that wait for an answer. Absent: the oldest. */
      readonly decision?: "confirm";
    }
  /** A circuit breaker of the process is not closed any more, or is closed again. Absent `key`: it stops the whole type. */
  | {
      readonly kind: "breaker";
      readonly type: string;
      readonly key?: string;
      readonly isClosed: boolean;
    }
  | { readonly kind: "hook.confirmed"; readonly taskId: string }
  | { readonly kind: "hook.failed"; readonly taskId: string }
  /** The whole scheduler is stopped, not its worker alone. */
  | { readonly kind: "stop.begin"; readonly boundMs: number }
  | { readonly kind: "stop.end" }
  /** The worker alone is stopped; its process goes on. */
  | { readonly kind: "worker.stop.begin" }
  /**
   * An effect outside the database: executor code reached the point at which money moves. For types with transactional
   * completion: one row that was found in the table of effects, written down by whoever counted them.
   */
  | { readonly kind: "effect"; readonly taskId: string; readonly token: HistoryToken };

/** What the nemesis, or an operator, did. Written by the driver of the run, on its own clock. */
export interface NemesisEvent {
  readonly atMs: number;
  /** Number of the last commit before it. Absent: told from `databaseMs`, else from `atMs`. */
  readonly afterSeq?: number;
  /** The database's clock at the event. Absent: `atMs`, which is taken to run with it or to start with the run. */
  readonly databaseMs?: number;
  readonly action: /** `kill` also when a task ended its process; `pause` also when its event loop stood still. */
    | {
        readonly kind: "kill" | "pause" | "resume" | "restart";
        readonly process: string;
        readonly boot: number;
      }
    | { readonly kind: "cut" | "heal"; readonly process: string }
    | { readonly kind: "database.down" | "database.up" | "database.restored" }
    | {
        readonly kind: "clock.jump" /** A process, or `database`. */;
        readonly process: string;
        readonly byMs: number;
      }
    | {
        readonly kind: "operator";
        readonly operation: "cancel" | "redrive" | "erase" | "edit";
        readonly taskId: string;
      }
    /** From here on no fault is injected; everything must come to rest. */
    | { readonly kind: "quiet" };
}

/** One change of one row, as the database committed it. `seq` is the commit order; rows of one commit share it. */
export interface AuditEntry {
  readonly seq: number;
  /** The database's clock at the change. */
  readonly atMs: number;
  readonly change: /** A pending row came to be: enqueued (born claimed or not), or redriven (`generation` above 1). */
    | { readonly kind: "pending.insert"; readonly taskId: string; readonly row: PendingImage }
    | {
        readonly kind: "pending.update";
        readonly taskId: string;
        readonly before: PendingImage;
        readonly after: PendingImage;
      }
    | { readonly kind: "pending.delete"; readonly taskId: string; readonly row: PendingImage }
    | {
        readonly kind: "settled.insert";
        readonly taskId: string;
        readonly state: "confirmed" | "failed" | "cancelled";
        readonly generation: number;
        /** Why it failed: a FailureReason. Absent: not known. */
        readonly reason?: string;
      }
    | {
        readonly kind: "settled.delete";
        readonly taskId: string;
        readonly state: "confirmed" | "failed" | "cancelled";
        readonly generation: number;
      }
    /** The task row itself was removed: by retention. */
    | { readonly kind: "task.delete"; readonly taskId: string }
    | { readonly kind: "process.insert" | "process.beat" | "process.delete"; readonly owner: string };
}

/** The columns of a pending row that the checker looks at. */
export interface PendingImage {
  readonly type: string;
  /** Absent: it has none, or it is not known. */
  readonly key?: string;
  readonly dueAtMs: number;
  readonly failedAttempts: number;
  readonly lostAttempts: number;
  readonly deferredAttempts: number;
  readonly generation: number;
  readonly owner: string | null;
  readonly claim: number | null;
}

/** What the checker has to know about how the run was set up. */
export interface RunSettings {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly pollIntervalMs: number;
  readonly maxLostAlone: number;
  /** Per type: most failed attempts, and the delays allowed before failed attempt k + 1 (k from 1). */
  readonly types: Readonly<
    Record<
      string,
      {
        readonly maxFailedAttempts: number;
        readonly smallestDelayMs: (failedAttempts: number) => number;
        readonly largestDelayMs: (failedAttempts: number) => number;
        /** Executed with transactional completion: effects are counted exactly. */
        readonly transactional: boolean;
      }
    >
  >;
  /** True when the run ended at rest: nothing pending but what the settings say stays so. */
  readonly endedAtRest: boolean;
  /** Types whose tasks may be pending at rest: nobody executes them. */
  readonly mayStayPending?: readonly string[];
  /** Most tasks of one claim. Absent: 500. */
  readonly batchSize?: number;
  /** How long confirmed and cancelled tasks are kept. Absent: not checked. */
  readonly retentionMs?: number;
  /** Longest delay between two tries of the engine while the database does not answer. Absent: 2 s. */
  readonly retryCapMs?: number;
  /** What is granted on top of every upper bound of time: the machine is busy too. Absent: 1 s. */
  readonly toleranceMs?: number;
  /** How far `atMs` of the audit may lie behind the instant that the statement used. Absent: 250 ms. */
  readonly clockToleranceMs?: number;
  /** True when calls to the database fail, or are slow, without an event of the nemesis. */
  readonly callsFailByChance?: boolean;
}

/** Everything about one run. */
export interface History {
  readonly settings: RunSettings;
  readonly processes: readonly ProcessEvent[];
  readonly nemesis: readonly NemesisEvent[];
  readonly audit: readonly AuditEntry[];
}
