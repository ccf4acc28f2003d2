// The kinds of tasks of all runs: their retries, and the script that each task carries as its data.
import type { RunSettings } from "../../checker/history.ts";
import { binaryExponential } from "../../src/task/backoff.ts";
import { defineTask, type TaskDefinition } from "../../src/task/definition.ts";

/** How an attempt goes. */
export interface Script {
  /** How long the executor works first. Default 0. */
  readonly runMs?: number;
  /** A file in the gate folder that must exist before it goes on. */
  readonly gate?: string;
  /** What it does then. Default: it succeeds. */
  readonly end?: ScriptEnd;
  /** Only the first attempts end so; later ones succeed. Default: all. */
  readonly times?: number;
  /** Whether it returns as soon as its signal aborts. Default true. */
  readonly heedsSignal?: boolean;
  /** For `block` and `throw`: how long, and what. */
  readonly blockMs?: number;
  readonly thrown?: string;
  /** A task that it enqueues from within, in a transaction of the application's pool. */
  readonly followUp?: string;
  /** Makes the data as large as this. */
  readonly padding?: string;
}

/** Ends of an attempt. */
export type ScriptEnd =
  | "succeed"
  | "fail"
  | "permanent"
  | "retry-later"
  | "hang"
  | "block"
  | "exit"
  | "kill"
  | "exhaust-memory"
  | "throw";

interface Kind {
  readonly maxFailedAttempts: number;
  readonly baseMs: number;
  readonly maxDelayMs: number;
  /** Most at once in a process. */
  readonly concurrency?: number;
  /** Its executor writes a row into the table of effects, and both its row and the confirmation are committed together. */
  readonly isTransactional?: boolean;
}

const jitter = 0.1;
const work: Kind = { maxFailedAttempts: 25, baseMs: 100, maxDelayMs: 1_000 };

/** All kinds by their type. */
export const kinds: Readonly<Record<string, Kind>> = Object.freeze({
  work,
  receipt: work,
  webhook: { maxFailedAttempts: 25, baseMs: 200, maxDelayMs: 2_000 },
  strict: { maxFailedAttempts: 3, baseMs: 100, maxDelayMs: 500 },
  slow: { ...work, concurrency: 2 },
  poison: { maxFailedAttempts: 3, baseMs: 100, maxDelayMs: 500 },
  foreign: work,
  transfer: { ...work, isTransactional: true },
});

/** Names of all kinds but `foreign`, which old versions do not know, and `transfer`, which needs a table. */
export const knownKinds: readonly string[] = Object.keys(kinds).filter(
  (name) => name !== "foreign" && name !== "transfer",
);

/** The definition of a kind. */
export function definitionOf(name: string, maxLostAlone: number): TaskDefinition<Script, Script> {
  const { maxFailedAttempts, baseMs, maxDelayMs } = kinds[name] ?? work;
  const backoff = binaryExponential({ baseMs, maxDelayMs, jitter });
  return defineTask<Script>({ type: name, maxFailedAttempts, maxLostAlone, backoff });
}

/** What the checker has to know of the kinds. */
export function typeSettings(): RunSettings["types"] {
  return Object.fromEntries(
    Object.entries(kinds).map(([name, { maxFailedAttempts, baseMs, maxDelayMs, isTransactional }]) => {
      const delayMs = (failed: number, factor: number): number =>
        Math.min(Math.min(baseMs * 2 ** Math.min(failed - 1, 30), maxDelayMs) * factor, maxDelayMs);
      const settings = {
        maxFailedAttempts,
        smallestDelayMs: (failed: number) => delayMs(failed, 1 - jitter),
        largestDelayMs: (failed: number) => delayMs(failed, 1 + jitter),
        transactional: isTransactional === true,
      };
      return [name, settings];
    }),
  );
}
