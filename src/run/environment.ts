/** Settings of the worker that operators can change without a deploy. An option in code wins over the environment. */
import { InvalidInputError } from "../errors.ts";
import { checkNames, checkObject, countOption, numberOption, optionNames } from "../task/option-checks.ts";
import {
  DEFAULT_BATCH_SIZE,
  DEFAULT_CONCURRENCY,
  DEFAULT_MAX_CLAIM_BYTES,
  DEFAULT_POLL_INTERVAL_MS,
} from "./options.ts";
import type { WorkerSettings } from "./worker.ts";

/** What a worker can be told. */
export interface WorkerOptions {
  /** Tasks that run at once. Environment: OWED_WORKER_CONCURRENCY. Default 100. */
  readonly concurrency?: number | undefined;
  /** Most tasks of one claim. Environment: OWED_WORKER_BATCH_SIZE. Default 500. */
  readonly batchSize?: number | undefined;
  /** Longest time between two looks for work, in milliseconds. Environment: OWED_WORKER_POLLING_INTERVAL_MS. Default 1 s. */
  readonly pollIntervalMs?: number | undefined;
  /** Most bytes of data of one claim; one task is always handed over. Default 16 MiB. */
  readonly maxClaimBytes?: number | undefined;
}

const workerOptions = optionNames<WorkerOptions>({
  concurrency: true,
  batchSize: true,
  pollIntervalMs: true,
  maxClaimBytes: true,
});

/** Lays options over the environment over the defaults. Throws InvalidInputError, naming the option or the variable. */
export function workerSettings(
  options: WorkerOptions,
  environment: Readonly<Record<string, string | undefined>>,
): WorkerSettings {
  checkObject("options", options, "pass { concurrency, pollIntervalMs ... } or nothing");
  checkNames("startWorker", options, workerOptions);
  const fromEnvironment = (variable: string, least: number): number | undefined => {
    const text = environment[variable];
    if (text === undefined || text.trim() === "") return undefined;
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidInputError(
      variable,
      `is "${text.slice(0, 40)}"`,
      `set it to a whole number, ${least} or more`,
    );
  };
  return Object.freeze({
    concurrency:
      countOption("concurrency", options.concurrency, 0, 1) ||
      (fromEnvironment("OWED_WORKER_CONCURRENCY", 1) ?? DEFAULT_CONCURRENCY),
    batchSize:
      countOption("batchSize", options.batchSize, 0, 1) ||
      (fromEnvironment("OWED_WORKER_BATCH_SIZE", 1) ?? DEFAULT_BATCH_SIZE),
    pollIntervalMs:
      numberOption("pollIntervalMs", options.pollIntervalMs, 0, 1) ||
      (fromEnvironment("OWED_WORKER_POLLING_INTERVAL_MS", 1) ?? DEFAULT_POLL_INTERVAL_MS),
    maxClaimBytes: countOption("maxClaimBytes", options.maxClaimBytes, DEFAULT_MAX_CLAIM_BYTES, 1),
  });
}
