// Judges a run: the checker on its history, the first laws, and what the simulation itself could see.
import { check } from "../checker/check.ts";
import { firstLaws, type Violation } from "./first-laws.ts";
import type { Run } from "./scenario.ts";
import { waitingLaws } from "./waiting-laws.ts";

/** Everything that is wrong with a run; empty when nothing is. */
export function judge(run: Run): readonly Violation[] {
  const own = run.problems.map((problem) => ({ law: lawOf(problem), taskId: null, detail: problem }));
  // What a backup lost is in the audit all the same: the checker would call its second life a fault.
  if (run.seen.has("database restored")) return [...own, ...firstLaws(run.history)];
  const { violations } = check(run.history);
  const checked = violations.map(({ guarantee, law, taskId, process, detail }) => ({
    law: `${guarantee}: ${law}`,
    taskId: taskId ?? process,
    detail,
  }));
  return [...own, ...firstLaws(run.history), ...waitingLaws(run), ...checked];
}

function lawOf(problem: string): string {
  return problem.split(":", 1)[0] ?? problem;
}
