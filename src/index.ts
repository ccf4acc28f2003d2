/** The front door: what applications import from "owed". */
export * from "./errors.ts";
export type { OpenBreaker } from "./run/breakers.ts";
export type { Collected } from "./run/caller-receipts.ts";
export type { Receipt } from "./run/enqueue.ts";
export type { WorkerOptions } from "./run/environment.ts";
export type { ExecutionAnswer, Hooks, SettledTask } from "./run/funnel.ts";
export type { SchedulerHealth } from "./run/health.ts";
export type { TypedItem } from "./run/incoming-records.ts";
export type { EnqueueOptions, RawRecord } from "./run/new-record.ts";
export type { ActingPerson, OperatorOptions } from "./run/operator-options.ts";
export type { CommonOptions, SchedulerOptions } from "./run/options.ts";
export type { Logger } from "./run/reporter.ts";
export { Scheduler, type SchedulerStatistics, type StopOptions, type Worker } from "./run/scheduler.ts";
export type { TransactionOptions, TransactionResult } from "./run/transaction.ts";
export type { EnqueuedTask, SchedulerTransaction } from "./run/transaction-session.ts";
export {
  executor,
  type Handler,
  type TransactionalAttempt,
  type TransactionalOptions,
  type TypedAttempt,
} from "./run/typed-executor.ts";
export type {
  Balance,
  BeginOptions,
  ListRequest,
  Store,
  StoreStatistics,
  TaskPage,
} from "./store/contract.ts";
export {
  type Backoff,
  type BackoffOptions,
  binaryExponential,
  constant,
  exponential,
  type GrowingBackoffOptions,
  linear,
} from "./task/backoff.ts";
export { type DefinitionOptions, defineTask, type TaskDefinition } from "./task/definition.ts";
export {
  type AttemptContext,
  type AttemptHost,
  type AttemptTransactionOptions,
  type BoundExecutor,
  type BreakerOptions,
  type ExecutorOptions,
  failingExecutor,
  type RawTask,
  type TaskExecutor,
} from "./task/executor.ts";
export {
  defaultRetryPolicy,
  originalRetryOptions,
  type RetryOptions,
  type RetryPolicy,
} from "./task/policy.ts";
export type { StandardSchema } from "./task/standard-schema.ts";
export type {
  Attempt,
  AttemptOutcome,
  DuplicatePolicy,
  FailureReason,
  RecordedError,
  Task,
  TaskState,
  TaskWithAttempts,
} from "./task/task.ts";
export type { TelemetryEvents } from "./telemetry/channels.ts";
