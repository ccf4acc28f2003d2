/** What a scheduler and a worker can be told, with every default, checked at construction. */
import { hostname } from "node:os";

import { InvalidInputError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import { realPorts } from "../ports/real-ports.ts";
import type { Store } from "../store/contract.ts";
import { type BoundExecutor, isBoundExecutor, type TaskExecutor } from "../task/executor.ts";
import {
  checkFunction,
  checkNames,
  countOption,
  isRecord,
  numberOption,
  optionNames,
  shown,
  wholeNumber,
} from "../task/option-checks.ts";
import { defaultRetryPolicy, type RetryOptions, retryPolicy } from "../task/policy.ts";
import { Executors } from "./executors.ts";
import type { Hooks } from "./funnel.ts";
import { DEFAULT_MAX_DATA_BYTES } from "./new-record.ts";
import type { Logger } from "./reporter.ts";
import type { SchedulerTransaction } from "./transaction-session.ts";

/** Default time after which a silent process counts as dead: 15 s. */
const DEFAULT_LEASE_MS = 15_000;
/** Default timeout of an attempt: 5 minutes. */
const DEFAULT_TIMEOUT_MS = 300_000;
/** Default number of fast-path attempts at once. */
const DEFAULT_FAST_PATH_CONCURRENCY = 32;
/** Default retention of confirmed and cancelled tasks: 30 days. */
const DEFAULT_RETENTION_MS = 30 * 24 * 3_600_000;
/** Default grace of a stop: 30 s. */
export const DEFAULT_GRACE_MS = 30_000;
/** Default number of tasks of one worker that run at once. */
export const DEFAULT_CONCURRENCY = 100;
/** Default number of tasks of one claim. */
export const DEFAULT_BATCH_SIZE = 500;
/** Default polling interval of an idle worker. */
export const DEFAULT_POLL_INTERVAL_MS = 1_000;
/** Default bytes of data of one claim: 16 MiB. */
export const DEFAULT_MAX_CLAIM_BYTES = 16 * 1_024 * 1_024;

/** What every scheduler can be told. */
export interface CommonOptions<Transaction, Api, Synchronous extends boolean> extends RetryOptions, Hooks {
  /** Where tasks live: `postgresStore(...)`, `sqliteStore(...)`, `memoryStore()`. */
  readonly store: Store<Transaction, Api, Synchronous>;
  /**
   * The fast path: `"on"` (default), `"off"` (for serverless: every task is left to the workers), or how many attempts
   * at once (default 32).
   */
  readonly fastPath?: "on" | "off" | { readonly concurrency: number } | undefined;
  /** Default timeout of an attempt in milliseconds. Default 5 minutes. */
  readonly timeoutMs?: number | undefined;
  /** Largest encoded data in bytes. Default 256 KiB. */
  readonly maxDataBytes?: number | undefined;
  /** How long a silent process is believed to live, in milliseconds, 1 s or more. A heartbeat is sent every third of it. Default 15 s. */
  readonly leaseMs?: number | undefined;
  /** How long confirmed and cancelled tasks are kept, so that a repeated enqueue is recognised. Default 30 days. */
  readonly retentionMs?: number | undefined;
  /**
   * `false`: this process does not count its attempts for the dashboard. Counting costs a small row for each type and
   * minute, and never the path of a task. Default true.
   */
  readonly rollUps?: boolean | undefined;
  /** `false`: `start` checks the schema and does not change it. Default true. */
  readonly migrate?: boolean | undefined;
  /** Any pino-shaped logger. Default: none; everything is on diagnostics_channel all the same. */
  readonly logger?: Logger | undefined;
  /** Time, timers and randomness; only tests and simulations replace them. */
  readonly ports?: Ports | undefined;
}

/** A typed scheduler names its executors (none: it only enqueues); a raw one brings one executor and says for which types. */
export type SchedulerOptions<Transaction, Api, Synchronous extends boolean> = CommonOptions<
  Transaction,
  Api,
  Synchronous
> &
  (
    | {
        readonly executors?:
          | readonly BoundExecutor<SchedulerTransaction<NoInfer<Api>, NoInfer<Synchronous>>>[]
          | undefined;
        readonly executor?: undefined;
      }
    | {
        readonly executor: TaskExecutor;
        /**
         * Which types it executes. Name them where you can: then none takes more than four fifths of the slots, and one
         * dead merchant leaves room for the others. `"all"` is one pool: a type whose calls hang can take every slot.
         */
        readonly types: readonly string[] | "all";
        readonly executors?: undefined;
      }
  );

const schedulerOptions = optionNames<
  CommonOptions<unknown, unknown, boolean> & Record<"executors" | "executor" | "types", unknown>
>({
  store: true,
  executors: true,
  executor: true,
  types: true,
  backoff: true,
  maxFailedAttempts: true,
  retryForMs: true,
  maxLostAlone: true,
  fastPath: true,
  timeoutMs: true,
  maxDataBytes: true,
  leaseMs: true,
  retentionMs: true,
  rollUps: true,
  migrate: true,
  logger: true,
  onConfirmed: true,
  onFailed: true,
  ports: true,
});
const fastPathOptions = optionNames<{ concurrency: unknown }>({ concurrency: true });

/** The options, checked and completed. */
export interface SchedulerSettings {
  readonly store: Store;
  readonly ports: Ports;
  readonly executors: Executors;
  readonly hooks: Hooks;
  readonly fastPathConcurrency: number;
  readonly maxDataBytes: number;
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly retentionMs: number;
  readonly rollUps: boolean;
  readonly migrate: boolean;
  readonly logger: Logger | null;
  readonly host: string;
}

/** Checks the options of a scheduler. Throws InvalidInputError and DuplicateExecutorError. */
export function schedulerSettings<Transaction, Api, Synchronous extends boolean>(
  options: SchedulerOptions<Transaction, Api, Synchronous>,
): SchedulerSettings {
  if (typeof options?.store?.insert !== "function") {
    throw new InvalidInputError(
      "store",
      "is no store",
      "pass postgresStore(...), sqliteStore(...) or memoryStore()",
    );
  }
  checkNames("Scheduler", options, schedulerOptions);
  const policy = retryPolicy(defaultRetryPolicy, options);
  const timeoutMs = numberOption("timeoutMs", options.timeoutMs, DEFAULT_TIMEOUT_MS, 1);
  const leaseMs = numberOption("leaseMs", options.leaseMs, DEFAULT_LEASE_MS, 1_000);
  const source = options.executor === undefined ? { executors: checkExecutors(options) } : checkRaw(options);
  for (const hook of ["onConfirmed", "onFailed"] as const) {
    if (options[hook] !== undefined) checkFunction(hook, options[hook], "pass a function, or leave it out");
  }
  return Object.freeze({
    store: options.store as unknown as Store, // the scheduler hands it only transactions of its own kind
    ports: checkPorts(options.ports),
    executors: new Executors(source, policy, timeoutMs),
    hooks: { onConfirmed: options.onConfirmed, onFailed: options.onFailed },
    fastPathConcurrency: fastPathConcurrency(options.fastPath),
    maxDataBytes: countOption("maxDataBytes", options.maxDataBytes, DEFAULT_MAX_DATA_BYTES, 1),
    leaseMs,
    heartbeatMs: leaseMs / 3,
    retentionMs: numberOption("retentionMs", options.retentionMs, DEFAULT_RETENTION_MS, 0),
    rollUps: switchOption("rollUps", options.rollUps),
    migrate: switchOption("migrate", options.migrate),
    logger: checkLogger(options.logger),
    host: hostname(),
  });
}

function checkRaw(options: {
  readonly executor: TaskExecutor;
  readonly types: readonly string[] | "all";
  readonly executors?: unknown;
}): {
  readonly executor: TaskExecutor;
  readonly types: readonly string[] | "all";
} {
  if (options.executors !== undefined) {
    throw new InvalidInputError("executor", "is set together with executors", "give one of them");
  }
  return { executor: options.executor, types: options.types };
}

function checkExecutors(options: {
  readonly store: unknown;
  readonly executors?: readonly BoundExecutor<never>[] | undefined;
  readonly types?: unknown;
}): readonly BoundExecutor[] {
  if (options.types !== undefined) {
    throw new InvalidInputError(
      "types",
      "is set without an executor",
      "pass the executor that executes them",
    );
  }
  const executors = options.executors === undefined ? [] : options.executors;
  if (!Array.isArray(executors) || ![...executors].every(isBoundExecutor)) {
    throw new InvalidInputError(
      "executors",
      "is no list of executors",
      "pass [executor(definition, handler), ...]",
    );
  }
  const stranger = executors.find(({ store }) => store !== undefined && store !== options.store);
  if (stranger !== undefined) {
    throw new InvalidInputError(
      `transactional of "${stranger.type}"`,
      "is another store than the scheduler's",
      "pass the same store to both",
    );
  }
  return executors as readonly BoundExecutor[]; // what they take as tx, this store hands out
}

/** What is on unless it is switched off. */
function switchOption(name: string, value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value === "boolean") return value;
  throw new InvalidInputError(name, `is ${shown(value)}`, "give true or false");
}

function checkPorts(ports: Ports | undefined): Ports {
  if (ports === undefined) return realPorts;
  const hasClock = typeof ports?.clock?.monotonicMs === "function";
  if (hasClock && typeof ports.timers?.after === "function" && typeof ports.random?.fraction === "function") {
    return ports;
  }
  throw new InvalidInputError(
    "ports",
    "lacks a clock, timers or a random source",
    "leave it out outside tests",
  );
}

function fastPathConcurrency(fastPath: unknown): number {
  if (fastPath === undefined || fastPath === "on") return DEFAULT_FAST_PATH_CONCURRENCY;
  if (fastPath === "off") return 0;
  if (!isRecord(fastPath) || !("concurrency" in fastPath)) {
    throw new InvalidInputError("fastPath", `is ${shown(fastPath)}`, 'use "on", "off" or { concurrency }');
  }
  checkNames("fastPath", fastPath, fastPathOptions);
  return wholeNumber("fastPath.concurrency", fastPath["concurrency"], 1);
}

function checkLogger(logger: Logger | undefined): Logger | null {
  if (logger === undefined) return null;
  for (const level of ["debug", "info", "warn", "error"] as const) {
    if (typeof logger?.[level] !== "function") {
      throw new InvalidInputError("logger", `has no function ${level}`, "pass a pino-shaped logger");
    }
  }
  return logger;
}
