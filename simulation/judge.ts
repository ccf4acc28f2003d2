// Judges a run: the checker on its history, the first laws, and what the simulation itself could see.
import { firstLaws, type Violation } from "./first-laws.ts";
import type { Run } from "./scenario.ts";

/** Everything that is wrong with a run; empty when nothing is. */
export function judge(run: Run): readonly Violation[] {
  const own = run.problems.map((problem) => ({ law: lawOf(problem), taskId: null, detail: problem }));
  return [...own, ...firstLaws(run.history)];
}

function lawOf(problem: string): string {
  return problem.split(":", 1)[0] ?? problem;
}
