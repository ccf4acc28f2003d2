// Honest outcomes: confirmed only what succeeded, and a success is never turned into anything else.
import { Findings, type Law } from "../finding.ts";
import { type Attempt, isBefore } from "../process-log.ts";
import type { Step, TaskStory } from "../story.ts";
import { type Timeline, unedited } from "../timeline.ts";

const earned: Law = {
  guarantee: "G5",
  says: "a confirmed task has an execution of the same generation that succeeded",
};
const together: Law = {
  guarantee: "G5",
  says: "with transactional completion a task is confirmed only with the effect of an execution of the same generation",
};
const reported: Law = {
  guarantee: "G5",
  says: "what is written of an attempt is what its executor did: a success is confirmed, and only a success",
};
const dominant: Law = {
  guarantee: "G5",
  says: "a failure never beats a success of the same generation that was written",
};

/** Confirmations, and failures beside successes. */
export function honestyRule(timeline: Timeline): Findings {
  const findings = new Findings();
  for (const story of unedited(timeline)) {
    const attempts = timeline.activity.attempts.of(story.taskId);
    story.steps.forEach((step, place) => {
      if (step.kind === "confirmed" || step.kind === "confirmed-late") {
        if (!isTransactional(timeline, story.taskId)) checkEarned(findings, story, step, attempts);
        else if (!timeline.isRestored) checkTogether(findings, story, step, attempts);
      }
      if (step.kind === "failed" && !timeline.isRestored)
        checkDominant(findings, story, step, place, attempts);
    });
  }
  for (const attempt of timeline.activity.attempts.values())
    checkReported(findings, attempt, isTransactional(timeline, attempt.taskId));
  return findings;
}

function isTransactional({ stories, settings }: Timeline, taskId: string): boolean {
  return settings.types[stories.get(taskId)?.type ?? ""]?.transactional === true;
}

function checkEarned(
  findings: Findings,
  { taskId }: TaskStory,
  { generation, at }: Step,
  attempts: readonly Attempt[],
): void {
  const succeeded = attempts.filter(({ ends }) => ends.some(({ event }) => event.outcome === "succeeded"));
  const holds = succeeded.some(({ token }) => token.generation === generation);
  findings.expect(earned, holds, { taskId }, () => {
    const others = succeeded.map(({ token }) => token.generation).join(", ");
    return `confirmed in generation ${generation} by commit ${at.seq}; successes in generations: ${others || "none"}`;
  });
}

/** Its process may have died before it was told of the commit: the effect is the evidence. */
function checkTogether(
  findings: Findings,
  { taskId }: TaskStory,
  { generation, at }: Step,
  attempts: readonly Attempt[],
): void {
  const holds = attempts.some(({ effects, token }) => effects > 0 && token.generation === generation);
  findings.expect(together, holds, { taskId }, () => `confirmed by commit ${at.seq} without an effect`);
}

/** A failure that stands, although the store has accepted a success of that generation. */
function checkDominant(
  findings: Findings,
  { taskId, steps, tenures }: TaskStory,
  { generation }: Step,
  place: number,
  attempts: readonly Attempt[],
): void {
  const next = steps[place + 1];
  if (next?.kind === "confirmed-late") return;
  // One that was pruned and enqueued anew is another task, whose generations begin anew.
  const sinceIndex = steps.slice(0, place).findLast(({ kind }) => kind === "pruned")?.at.index ?? 0;
  const earlier = tenures.filter(({ begin }) => begin.index < sinceIndex);
  const accepted = attempts.find(
    ({ token, settles }) =>
      token.generation === generation &&
      !earlier.some((tenure) => tenure.token.owner === token.owner && tenure.token.claim === token.claim) &&
      settles.some(
        ({ decision, answer }) =>
          decision === "confirm" &&
          answer?.seen === "ok" &&
          // Once redriven, a success of the generation before is for the record alone.
          (next === undefined || answer.verdict !== "recorded"),
      ),
  );
  findings.expect(dominant, accepted === undefined, { taskId }, () => {
    return `failed in generation ${generation}, in which a success was written by owner ${accepted?.token.owner}`;
  });
}

function checkReported(
  findings: Findings,
  { taskId, token, ends, settles }: Attempt,
  isTransactional: boolean,
): void {
  const success = ends.find(({ event }) => event.outcome === "succeeded");
  const seen = new Set<string>();
  for (const { decision, invoke } of settles) {
    if (seen.has(decision)) continue; // tried again
    seen.add(decision);
    if (isTransactional && decision === "confirm") continue; // its COMMIT is a part of the execution
    const isSuccess = success !== undefined && isBefore(success, invoke);
    // A decision that waits to be written is not changed by an executor that outlived its attempt.
    const holds = decision === "confirm" ? isSuccess : !isSuccess || success !== ends[0];
    const place = { taskId, process: `${invoke.process}.${invoke.boot}` };
    findings.expect(reported, holds, place, () => {
      const did = isSuccess ? "succeeded" : "not succeeded";
      return `"${decision}" was written under claim ${token.claim} when its execution had ${did}`;
    });
  }
}
