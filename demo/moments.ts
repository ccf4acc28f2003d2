/** When payments were committed and tasks attempted first: written by the service to a file that survives its death. */
import { openSync, readFileSync, writeSync } from "node:fs";

/** How a first attempt came about. "after-kill": the process that committed the task was dead by then. */
export type FirstAttemptPath = "fast" | "worker" | "after-kill";

type Moment =
  | {
      readonly kind: "committing";
      readonly paymentId: string;
      readonly pid: number;
      readonly atMs: number;
    }
  | {
      readonly kind: "started";
      readonly taskId: string;
      readonly paymentId: string;
      readonly path: string;
      readonly pid: number;
      readonly atMs: number;
    };

/** The clock all processes of one machine share, with fractions of a millisecond. */
export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** Appends to the file; what was written is the system's, so a SIGKILL does not take it back. */
export class MomentLog {
  readonly #descriptor: number;

  constructor(file: string) {
    this.#descriptor = openSync(file, "a");
  }

  /** The transaction of a new payment is about to be committed. */
  committing(paymentId: string): void {
    this.#write({ kind: "committing", paymentId, pid: process.pid, atMs: nowMs() });
  }

  /** An attempt of one of the payment's tasks starts. */
  started(taskId: string, paymentId: string, path: string): void {
    this.#write({ kind: "started", taskId, paymentId, path, pid: process.pid, atMs: nowMs() });
  }

  #write(moment: Moment): void {
    writeSync(this.#descriptor, `${JSON.stringify(moment)}\n`);
  }
}

/** For each path, how long it took from just before COMMIT was sent to the first attempt of each task, in order of length. */
export function firstAttemptLatencies(file: string): ReadonlyMap<FirstAttemptPath, readonly number[]> {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  const committing = new Map<string, Moment>();
  const seen = new Set<string>();
  const latencies = new Map<FirstAttemptPath, number[]>();
  for (const line of lines) {
    const moment = JSON.parse(line) as Moment; // this file's own lines
    if (moment.kind === "committing") {
      // A later line for the same payment means that the earlier commit did not happen: the service only writes new ones.
      committing.set(moment.paymentId, moment);
      continue;
    }
    const commit = committing.get(moment.paymentId);
    if (seen.has(moment.taskId) || commit === undefined) continue;
    seen.add(moment.taskId);
    const path = commit.pid !== moment.pid ? "after-kill" : moment.path === "fast" ? "fast" : "worker";
    latencies.set(path, [...(latencies.get(path) ?? []), moment.atMs - commit.atMs]);
  }
  for (const list of latencies.values()) list.sort((one, other) => one - other);
  return latencies;
}

/** The smallest value that `share` of the sorted list does not exceed; null for an empty list. */
export function percentile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(Math.ceil(sorted.length * share) - 1, 0)] ?? null;
}
