// What the evidence and the system's own account say together of the tasks that were owed.
import type { Standing } from "./driver.ts";
import type { Execution } from "./evidence.ts";

/** The counts of one contestant under one fault. */
export interface Verdict {
  /** Tasks that had to be executed. */
  readonly owed: number;
  /** Never executed to the end, and the system knows nothing of them. */
  readonly lost: number;
  /** Never executed to the end, and the system has given them up. */
  readonly givenUp: number;
  /** Not executed to the end in time; the system still has them, so they may be. */
  readonly late: number;
  /** Executed to the end more than once. */
  readonly completedAgain: number;
  /** Started more than once. */
  readonly startedAgain: number;
  /** Executed to the end, yet held by the system as if they were not: they may be executed again. */
  readonly unrecorded: number;
}

/** Judges. */
export function judge(
  owed: readonly string[],
  executions: readonly Execution[],
  standing: Standing,
): Verdict {
  const starts = new Map<string, number>();
  const ends = new Map<string, number>();
  const increase = (counts: Map<string, number>, task: string): void => {
    counts.set(task, (counts.get(task) ?? 0) + 1);
  };
  for (const { task, endMs } of executions) {
    increase(starts, task);
    if (endMs !== null) increase(ends, task);
  }
  const undone = owed.filter((task) => !ends.has(task));
  const pending = new Set(standing.pending);
  const failed = new Set(standing.failed);
  const late = undone.filter((task) => pending.has(task));
  const givenUp = undone.filter((task) => failed.has(task) && !pending.has(task));
  const moreThanOnce = (counts: Map<string, number>): number =>
    owed.filter((task) => (counts.get(task) ?? 0) > 1).length;
  return {
    owed: owed.length,
    lost: undone.length - late.length - givenUp.length,
    givenUp: givenUp.length,
    late: late.length,
    completedAgain: moreThanOnce(ends),
    startedAgain: moreThanOnce(starts),
    unrecorded: owed.filter((task) => ends.has(task) && pending.has(task)).length,
  };
}
