/** Executors: the application's code for a type, typed or raw. */
import { isRecord } from "./option-checks.ts";
import type { RetryOptions } from "./policy.ts";
import type { ClaimedTask } from "./task.ts";

/** What an executor knows about its attempt. */
export interface AttemptContext {
  /** The idempotency key: the same on every attempt of this task. */
  readonly taskId: string;
  readonly type: string;
  readonly referenceId: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  /** 1 for the first attempt; failed, deferred and lost ones are counted. */
  readonly attempt: number;
  /** Attempts that failed before this one. */
  readonly failedAttempts: number;
  /** 1, or more after a redrive. */
  readonly generation: number;
  /** Aborts at the timeout, when the process stops, and when it has lost its lease. Pass it on to what you call. */
  readonly signal: AbortSignal;
  /**
   * Confirms the task inside a transaction of yours, of the kind that the scheduler's enqueue takes: call it last, outside of
   * savepoints, and let the transaction commit. Throws ClaimLostError when the claim does not stand any more, so that the
   * transaction rolls back. Once it was called, the task is confirmed by the commit of that transaction and by nothing
   * else: the engine reads whether it happened. On a synchronous store it finishes before it returns.
   */
  readonly complete: (transaction: object) => void | Promise<void>;
}

/** How the engine runs the work of an executor in a transaction of its own. */
export interface AttemptTransactionOptions {
  /** Passed on to databases that have isolation levels. Default: the connection's. */
  readonly isolationLevel?: "read committed" | "repeatable read" | "serializable" | null;
  /** How often the work is run again after a serialization failure or a deadlock, within the attempt. Default 0. */
  readonly maxRetries?: number;
}

/** What the engine hands to a bound executor: the context of the attempt, and a transaction for whoever asks for one. */
export interface AttemptHost<Tx> extends AttemptContext {
  /**
   * Runs the work in a transaction of the store's own that confirms the task as its last statement. Resolves once it is
   * known to be committed. A contravariant property: what takes another tx does not fit.
   */
  readonly transact: (work: (tx: Tx) => unknown, options: AttemptTransactionOptions) => Promise<void>;
}

/** Limits of one executor. */
export interface ExecutorOptions {
  /** How long an attempt may take before its signal aborts and it counts as failed. Default: the scheduler's, 5 minutes. */
  readonly timeoutMs?: number | undefined;
  /** How many tasks of this type run at once in this process. Default: the worker's whole concurrency. */
  readonly concurrency?: number | undefined;
  /** How many tasks of this type and of one key run at once in this process. Tasks without a key are not limited by it. Default: no limit. */
  readonly concurrencyPerKey?: number | undefined;
  /** Stops claiming while what the executor depends on is down. `true` takes all defaults. Default: off. */
  readonly breaker?: true | BreakerOptions | undefined;
}

/** When a circuit breaker opens and how it closes again; each process has its own. */
export interface BreakerOptions {
  /** What it stops: all tasks of the type, or those of one key; tasks without a key are then never stopped. Default "type". */
  readonly per?: "type" | "key" | undefined;
  /** How many failures in a row open it. PermanentError and undecodable data are none. Default 10. */
  readonly failures?: number | undefined;
  /** How long it stays open before a probe goes through, in milliseconds. Each probe that fails doubles it. Default 10 s. */
  readonly coolDownMs?: number | undefined;
  /** Longest it stays open, in milliseconds. Default 5 minutes. */
  readonly maxCoolDownMs?: number | undefined;
  /** How many probes run at once. Default 1. */
  readonly probes?: number | undefined;
}

/** A task as the raw layer sees it: opaque bytes. */
export interface RawTask {
  readonly taskId: string;
  readonly type: string;
  readonly data: Uint8Array;
  readonly codec: string;
  readonly referenceId: string | null;
}

/**
 * The raw layer: one executor for opaque bytes of many types. It settles by returning, or by throwing. Only types that
 * the scheduler is told by name are kept from taking all slots; `types: "all"` is one pool.
 */
export interface TaskExecutor {
  execute(task: RawTask, context: AttemptContext): void | Promise<void>;
}

/** A type with its code, as a scheduler keeps it. `Tx` is what it does its work in, if it asks for a transaction. */
export interface BoundExecutor<Tx = unknown> {
  readonly type: string;
  readonly retry: RetryOptions;
  readonly options: ExecutorOptions;
  /** The store in whose transactions it works, where it names one: the scheduler must have the same. */
  readonly store?: object | undefined;
  /** Fails by throwing, or by a promise that rejects. A property, so that what takes another tx does not fit. */
  readonly run: (task: ClaimedTask, host: AttemptHost<Tx>) => unknown;
}

/** Binds a raw executor to a type. */
export function bindRawExecutor(type: string, raw: TaskExecutor): BoundExecutor {
  return Object.freeze({
    type,
    retry: {},
    options: {},
    run(task: ClaimedTask, context: AttemptContext): unknown {
      const { taskId, data, codec, referenceId } = task;
      return raw.execute({ taskId, type: task.type, data, codec, referenceId }, context);
    },
  });
}

/** Whether the value is what `executor` answers. */
export function isBoundExecutor(value: unknown): value is BoundExecutor {
  if (!isRecord(value)) return false;
  const { type, retry, options, run } = value;
  return typeof type === "string" && isRecord(retry) && isRecord(options) && typeof run === "function";
}

/**
 * The default executor of the original: it fails every task loudly. For raw schedulers that enqueue and must notice
 * when something is executed all the same; it is passed on purpose and never widens what a typed process claims.
 */
export const failingExecutor: TaskExecutor = Object.freeze({
  execute(task: RawTask): never {
    throw new Error(`no executor is set up for type "${task.type}"; task "${task.taskId}" was not executed`);
  },
});
