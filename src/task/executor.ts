/** Executors: the application's code for a type, typed or raw. */
import { InvalidInputError } from "../errors.ts";
import { checkDefinition, readData, type TaskDefinition } from "./definition.ts";
import {
  checkFunction,
  checkNames,
  checkObject,
  isRecord,
  optionNames,
  shown,
  wholeNumber,
} from "./option-checks.ts";
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
}

/** What a typed executor gets. */
export interface TypedAttempt<Data> extends AttemptContext {
  readonly data: Data;
}

/** Limits of one executor. */
export interface ExecutorOptions {
  /** How long an attempt may take before its signal aborts and it counts as failed. Default: the scheduler's, 5 minutes. */
  readonly timeoutMs?: number | undefined;
  /** How many tasks of this type run at once in this process. Default: the worker's whole concurrency. */
  readonly concurrency?: number | undefined;
}

const executorOptions = optionNames<ExecutorOptions>({ timeoutMs: true, concurrency: true });

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

/** A type with its code, as a scheduler keeps it. */
export interface BoundExecutor {
  readonly type: string;
  readonly retry: RetryOptions;
  readonly options: ExecutorOptions;
  /** Fails by throwing, or by a promise that rejects. */
  run(task: ClaimedTask, context: AttemptContext): unknown;
}

/** The code of one type. It may run more than once for a task: make it idempotent under `taskId`. */
export type Handler<Data> = (attempt: TypedAttempt<Data>) => void | Promise<unknown>;

/**
 * Gives a definition its code. Returning means success; a throw is a failed attempt, retried with backoff. Throw
 * PermanentError to fail at once, RetryAfterError to come later without counting a failure.
 */
export function executor<Output>(
  definition: TaskDefinition<unknown, Output>,
  ...rest: [handler: Handler<Output>] | [options: ExecutorOptions, handler: Handler<Output>]
): BoundExecutor {
  checkDefinition(definition);
  const [options, handler] = rest.length === 2 ? rest : [{}, rest[0]];
  checkFunction(`executor of "${definition.type}"`, handler, "pass the code of the type");
  checkExecutorOptions(definition.type, options);
  return Object.freeze({
    type: definition.type,
    retry: definition.retry,
    options,
    run(task: ClaimedTask, context: AttemptContext): unknown {
      const read = readData(definition, task.codec, task.data);
      if (!(read instanceof Promise)) return handler(withData(context, read));
      return read.then((data) => handler(withData(context, data)));
    },
  });
}

/** Not copied: the context was made for this attempt alone, and its signal is made only when it is asked for. */
function withData<Data>(context: AttemptContext, data: Data): TypedAttempt<Data> {
  return Object.assign(context, { data });
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

function checkExecutorOptions(type: string, options: ExecutorOptions): void {
  checkObject(`options of "${type}"`, options, "pass { timeoutMs, concurrency } before the code, or nothing");
  checkNames(`executor of "${type}"`, options, executorOptions);
  const { timeoutMs, concurrency } = options;
  if (timeoutMs !== undefined && !(Number.isFinite(timeoutMs) && timeoutMs > 0)) {
    throw new InvalidInputError(
      `timeoutMs of "${type}"`,
      `is ${shown(timeoutMs)}`,
      "give milliseconds, more than 0",
    );
  }
  if (concurrency !== undefined) wholeNumber(`concurrency of "${type}"`, concurrency, 1);
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
