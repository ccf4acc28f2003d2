/** Typed executors: a definition and its code, in a transaction of the engine's if it asks for one. */
import { InvalidInputError } from "../errors.ts";
import type { Store } from "../store/contract.ts";
import { isolationLevelOf } from "../store/isolation-level.ts";
import { checkDefinition, readData, type TaskDefinition } from "../task/definition.ts";
import type {
  AttemptContext,
  AttemptHost,
  AttemptTransactionOptions,
  BoundExecutor,
  BreakerOptions,
  ExecutorOptions,
} from "../task/executor.ts";
import {
  checkFunction,
  checkNames,
  checkObject,
  countOption,
  isRecord,
  numberOption,
  optionNames,
  shown,
  wholeNumber,
} from "../task/option-checks.ts";
import type { ClaimedTask } from "../task/task.ts";
import type { SchedulerTransaction, WorkResult } from "./transaction-session.ts";

/** What a typed executor gets. */
export interface TypedAttempt<Data> extends AttemptContext {
  readonly data: Data;
}

/** What a transactional executor gets: a transaction, which is committed together with the confirmation of the task. */
export interface TransactionalAttempt<Data, Api, Synchronous extends boolean = false>
  extends Omit<TypedAttempt<Data>, "complete"> {
  /** As in `scheduler.transaction`: the api of the store's driver, and `enqueue`, `enqueueAll`, `savepoint`. */
  readonly tx: SchedulerTransaction<Api, Synchronous>;
}

/** Options of an executor whose work and confirmation are committed together. */
export interface TransactionalOptions<Transaction, Api, Synchronous extends boolean>
  extends ExecutorOptions,
    AttemptTransactionOptions {
  /**
   * The store of the scheduler, which gives `tx` its type. Or true: then say the type yourself, as in
   * `({ data, tx }: TransactionalAttempt<Order, PostgresTransactionApi>) => ...`.
   */
  readonly transactional: true | Store<Transaction, Api, Synchronous>;
}

/** The code of one type. It may run more than once for a task: make it idempotent under `taskId`. */
export type Handler<Data> = (attempt: TypedAttempt<Data>) => void | Promise<unknown>;

type AnyOptions = ExecutorOptions & Partial<TransactionalOptions<unknown, unknown, boolean>>;
type AnyHandler = (attempt: never) => unknown;

const breakerOptions = optionNames<BreakerOptions>({
  per: true,
  failures: true,
  coolDownMs: true,
  maxCoolDownMs: true,
  probes: true,
});

const executorOptions = optionNames<AnyOptions>({
  timeoutMs: true,
  concurrency: true,
  concurrencyPerKey: true,
  breaker: true,
  transactional: true,
  isolationLevel: true,
  maxRetries: true,
});

/**
 * Gives a definition its code. Returning means success; a throw is a failed attempt, retried with backoff. Throw
 * PermanentError to fail at once, RetryAfterError to come later without counting a failure.
 *
 * With `transactional` the code works in a transaction of the store's own, `tx`: what it writes there, what it enqueues
 * there, and the confirmation of the task are committed together, or not at all. On a synchronous store it must not be async.
 */
export function executor<Output, Transaction, Api, Synchronous extends boolean, Value>(
  definition: TaskDefinition<unknown, Output>,
  options: TransactionalOptions<Transaction, Api, Synchronous>,
  handler: (attempt: TransactionalAttempt<Output, Api, Synchronous>) => WorkResult<Synchronous, Value>,
): BoundExecutor<SchedulerTransaction<Api, Synchronous>>;
export function executor<Output>(
  definition: TaskDefinition<unknown, Output>,
  ...rest: [handler: Handler<Output>] | [options: ExecutorOptions, handler: Handler<Output>]
): BoundExecutor;
export function executor(
  definition: TaskDefinition<unknown, unknown>,
  ...rest: [handler: AnyHandler] | [options: AnyOptions, handler: AnyHandler]
): BoundExecutor {
  checkDefinition(definition);
  const [options, handler] = rest.length === 2 ? rest : [{}, rest[0]];
  checkFunction(`executor of "${definition.type}"`, handler, "pass the code of the type");
  checkExecutorOptions(definition.type, options);
  const { transactional, isolationLevel = null, maxRetries = 0 } = options;
  // The host is not copied: it was made for this attempt alone, and its signal is made only when it is asked for.
  const call = handler as (attempt: object) => unknown; // the overloads have typed what it gets
  const work =
    transactional === undefined
      ? (host: AttemptHost<unknown>, data: unknown) => call(Object.assign(host, { data }))
      : (host: AttemptHost<unknown>, data: unknown) =>
          host.transact((tx) => call(Object.assign(host, { data, tx })), { isolationLevel, maxRetries });
  return Object.freeze({
    type: definition.type,
    retry: definition.retry,
    options,
    store: typeof transactional === "object" ? transactional : undefined,
    run(task: ClaimedTask, host: AttemptHost<unknown>): unknown {
      const read = readData(definition, task.codec, task.data);
      return read instanceof Promise ? read.then((data) => work(host, data)) : work(host, read);
    },
  });
}

function checkExecutorOptions(type: string, options: AnyOptions): void {
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
  countOption(`concurrencyPerKey of "${type}"`, options.concurrencyPerKey, 1, 1);
  checkBreaker(type, options.breaker);
  checkTransactional(type, options);
}

function checkBreaker(type: string, breaker: unknown): void {
  if (breaker === undefined || breaker === true) return;
  checkObject(
    `breaker of "${type}"`,
    breaker,
    "give true, or { per, failures, coolDownMs }, or leave it out",
  );
  const options = breaker as Readonly<Record<keyof BreakerOptions, unknown>>; // it is an object
  checkNames(`breaker of "${type}"`, options, breakerOptions);
  const { per, failures, coolDownMs, maxCoolDownMs, probes } = options;
  if (per !== undefined && per !== "type" && per !== "key") {
    throw new InvalidInputError(`breaker.per of "${type}"`, `is ${shown(per)}`, 'use "type" or "key"');
  }
  countOption(`breaker.failures of "${type}"`, failures, 1, 1);
  countOption(`breaker.probes of "${type}"`, probes, 1, 1);
  const leastMs = numberOption(`breaker.coolDownMs of "${type}"`, coolDownMs, 1, 1);
  numberOption(`breaker.maxCoolDownMs of "${type}"`, maxCoolDownMs, leastMs, leastMs);
}

function checkTransactional(type: string, { transactional, ...transaction }: AnyOptions): void {
  const isStore = isRecord(transactional) && typeof transactional["confirmWithin"] === "function";
  if (transactional !== undefined && transactional !== true && !isStore) {
    throw new InvalidInputError(
      `transactional of "${type}"`,
      `is ${shown(transactional)}`,
      "pass the store of the scheduler, or true, or leave it out",
    );
  }
  for (const option of ["isolationLevel", "maxRetries"] as const) {
    if (transaction[option] === undefined || transactional !== undefined) continue;
    throw new InvalidInputError(
      `${option} of "${type}"`,
      "is set, and the executor has no transaction",
      "pass the store as transactional as well, or leave it out",
    );
  }
  isolationLevelOf(transaction);
  countOption(`maxRetries of "${type}"`, transaction.maxRetries, 0, 0);
}
