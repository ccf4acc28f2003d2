// The automaton: every change of a task is a legal step, and an operator stands behind each that only one may take.
import { Findings, type Guarantee, type Law } from "../finding.ts";
import type { NemesisEvent } from "../history.ts";
import type { Breach, StepKind, TaskStory } from "../story.ts";
import { type Timeline, unedited } from "../timeline.ts";

const laws: Readonly<Record<Breach["kind"], Law>> = {
  "lost-update": law("G7", "every change of a row starts from what the last commit left"),
  "changed-without-right": law("G7", "a row changes only by a claim, a loss or the outcome of its holder"),
  "deleted-unfinished": law("G2", "no unfinished task is ever deleted"),
  "settled-twice": law("G6", "a task ends once in its generation, but for a success after a failure"),
  "settled-while-pending": law("G6", "a task that has ended is not pending any more"),
  "settled-without-row": law("G7", "only a pending task ends"),
  resurrected: law("G6", "nothing brings a task back but the redrive of a failed or cancelled one"),
  "wrong-generation": law("G14", "a generation goes up by one at each redrive, and at no other time"),
  "loss-out-of-nothing": law("G10", "one death of a holder counts one loss, and nothing else counts one"),
  "counted-at-claim": law("G13", "an attempt is counted when it ends, and not by a claim"),
  "failed-pruned": law("G14", "a failed task is kept until a person clears it"),
  "evidence-deleted": law("G2", "the evidence of how a task ended is kept as long as the task"),
  "inserted-twice": law("G1", "a task is pending once"),
};

const operated = law("G14", "only an operator cancels or redrives");
const retained = law("G2", "a settled task is kept for its retention");

function law(guarantee: Guarantee, says: string): Law {
  return { guarantee, says };
}

/** Steps that an operator must have asked for. */
const operations: Partial<Readonly<Record<StepKind, string>>> = { cancelled: "cancel", reopened: "redrive" };

/** Every breach of the replay, operators, and retention. */
export function statesRule(timeline: Timeline): Findings {
  const findings = new Findings();
  const asked = operatorCalls(timeline.history.nemesis);
  for (const story of unedited(timeline)) {
    const { taskId } = story;
    for (const one of Object.values(laws)) findings.looked(one);
    for (const { kind, detail } of story.breaches) findings.broken(laws[kind], { taskId }, detail);
    checkOperators(findings, story, asked);
    checkRetention(timeline, findings, story);
  }
  return findings;
}

function operatorCalls(nemesis: readonly NemesisEvent[]): ReadonlyMap<string, number> {
  const asked = new Map<string, number>();
  for (const { action } of nemesis) {
    if (action.kind !== "operator") continue;
    const key = `${action.operation} ${action.taskId}`;
    asked.set(key, (asked.get(key) ?? 0) + 1);
  }
  return asked;
}

function checkOperators(findings: Findings, story: TaskStory, asked: ReadonlyMap<string, number>): void {
  const { taskId, steps } = story;
  for (const kind of ["cancelled", "reopened"] as const) {
    const done = steps.filter((step) => step.kind === kind).length;
    if (done === 0) continue;
    const wanted = asked.get(`${operations[kind]} ${taskId}`) ?? 0;
    findings.expect(
      operated,
      done <= wanted,
      { taskId },
      () => `${kind} ${done} times, asked for ${wanted} times`,
    );
  }
}

function checkRetention(timeline: Timeline, findings: Findings, story: TaskStory): void {
  const { settings, bounds, hasJumped } = timeline;
  const { retentionMs } = settings;
  if (retentionMs === undefined || hasJumped) return;
  const { taskId, steps, type } = story;
  // What is confirmed in a transaction bears the instant of that statement, which came after the claim; its commit is later.
  const isTransactional = settings.types[type]?.transactional === true;
  steps.forEach((step, place) => {
    const settled = steps[place - 1];
    if (step.kind !== "pruned" || settled === undefined) return;
    const since = (isTransactional ? steps[place - 2] : undefined) ?? settled;
    const keptMs = step.at.atMs - since.at.atMs;
    const isKept = keptMs >= retentionMs - bounds.clockToleranceMs;
    findings.expect(
      retained,
      isKept,
      { taskId },
      () => `deleted after ${keptMs} ms instead of ${retentionMs} ms`,
    );
  });
}
