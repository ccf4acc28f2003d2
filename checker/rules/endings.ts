// Endings: failed only with evidence, an outage is nobody's failure, and at rest everything has ended and adds up.
import { Findings, type Law } from "../finding.ts";
import type { ProcessEventBody } from "../history.ts";
import type { Attempt } from "../process-log.ts";
import { LOSSES_BEFORE_ALONE, type Step, type TaskStory, type Tenure } from "../story.ts";
import { attemptOf, ownerLogOf, processNameOf, type Timeline, unedited } from "../timeline.ts";

const justified: Law = {
  guarantee: "G4",
  says: "a task fails only after its most failed attempts, a permanent error, or a bound in time",
};
const notForOthers: Law = {
  guarantee: "G10",
  says: "a task fails for its losses only after the most it may suffer alone",
};
/** What an outage must not break: see `wrongFailures` of the report. */
export const ownFailure: Law = {
  guarantee: "G13",
  says: "a failed attempt is counted only where an executor failed or ran out of time",
};
const freeRelease: Law = {
  guarantee: "G16",
  says: "what is given back costs the task nothing",
};
const ended: Law = {
  guarantee: "G4",
  says: "at rest every task has ended",
};
const conserved: Law = {
  guarantee: "G2",
  says: "enqueued = pending + confirmed + failed + cancelled + pruned",
};

type Outcome = Extract<ProcessEventBody, { readonly kind: "execution.end" }>["outcome"];

/** Failures, and the end of the run. */
export function endingsRule(timeline: Timeline): Findings {
  const findings = new Findings();
  for (const story of unedited(timeline)) {
    for (const step of story.steps) {
      if (step.kind === "failed") checkFailed(timeline, findings, story, step);
      if (step.kind === "retried") checkCounted(timeline, findings, story, step);
    }
    if (timeline.settings.endedAtRest && !timeline.isRestored) checkEnded(timeline, findings, story);
  }
  checkConserved(timeline, findings);
  return findings;
}

function hasEnded(attempt: Attempt | undefined, ...outcomes: readonly Outcome[]): boolean {
  return attempt?.ends.some(({ event }) => outcomes.includes(event.outcome)) === true;
}

function checkFailed(timeline: Timeline, findings: Findings, story: TaskStory, step: Step): void {
  const { before, tenure, reason } = step;
  if (before === null || tenure === null) return;
  const { taskId, type } = story;
  const process = processNameOf(timeline, tenure.token.owner);
  if (ownerLogOf(timeline, tenure.token.owner) === undefined) return;
  const attempt = attemptOf(timeline, taskId, tenure.token);
  const lossesAlone = before.lostAttempts - LOSSES_BEFORE_ALONE;
  const isLostTooOften = lossesAlone >= timeline.settings.maxLostAlone;
  if (reason === "lost-too-often" || (reason === null && attempt?.starts.length !== 1)) {
    const holds = isLostTooOften || (reason === null && hasEnded(attempt, "undecodable"));
    const law = before.lostAttempts > 0 || reason !== null ? notForOthers : justified;
    const detail = () => `failed unexecuted in ${type} with ${before.lostAttempts} losses`;
    return findings.expect(law, holds, { taskId, process }, detail);
  }
  const most = timeline.settings.types[type]?.maxFailedAttempts ?? Number.POSITIVE_INFINITY;
  const holds = isJustified(attempt, reason, before.failedAttempts + 1 >= most);
  findings.expect(justified, holds, { taskId, process }, () => {
    const outcomes = attempt?.ends.map(({ event }) => event.outcome).join(", ");
    return `failed (${reason ?? "reason unknown"}) after ${before.failedAttempts} failed attempts of ${most}, execution: ${outcomes || "none"}`;
  });
}

function isJustified(attempt: Attempt | undefined, reason: string | null, isExhausted: boolean): boolean {
  const isFailure = hasEnded(attempt, "failed", "timed-out", "deferred");
  const mayBePermanent = attempt?.ends.some(
    ({ event }) => event.outcome === "failed" && event.permanent !== false,
  );
  switch (reason) {
    case "attempts-exhausted":
      return isFailure && isExhausted;
    case "permanent-error":
      return mayBePermanent === true;
    case "time-expired":
      return isFailure;
    case "undecodable":
      return hasEnded(attempt, "undecodable");
    default:
      return (isFailure && isExhausted) || mayBePermanent === true || hasEnded(attempt, "undecodable");
  }
}

function checkCounted(timeline: Timeline, findings: Findings, { taskId }: TaskStory, step: Step): void {
  const { tenure, at } = step;
  if (tenure === null || tenure.isResumed || ownerLogOf(timeline, tenure.token.owner) === undefined) return;
  const attempt = attemptOf(timeline, taskId, tenure.token);
  const place = { taskId, process: processNameOf(timeline, tenure.token.owner) };
  const isGivenBack =
    hasEnded(attempt, "abandoned") ||
    attempt?.settles.some(({ decision }) => decision === "release") === true;
  // Too long after the first deferral, an attempt that asks to come later has failed.
  const holds = hasEnded(attempt, "failed", "timed-out", "deferred");
  findings.expect(isGivenBack ? freeRelease : ownFailure, holds, place, () => {
    const outcomes = attempt?.ends.map(({ event }) => event.outcome).join(", ");
    return `commit ${at.seq} counted a failed attempt; its execution: ${outcomes || "none"}`;
  });
  if (!isGivenBack) findings.looked(freeRelease);
}

function checkEnded(
  timeline: Timeline,
  findings: Findings,
  { taskId, type, image, tenures }: TaskStory,
): void {
  if (image === null) return findings.looked(ended);
  if (timeline.settings.mayStayPending?.includes(type) === true) return;
  findings.expect(ended, false, { taskId }, () => `still pending: ${standing(image.owner, tenures)}`);
}

function standing(owner: string | null, tenures: readonly Tenure[]): string {
  return owner === null ? `free after ${tenures.length} claims` : `held by owner ${owner}`;
}

/** Each term is counted from changes of its own. */
function checkConserved({ audit, stories, isRestored }: Timeline, findings: Findings): void {
  if (isRestored) return;
  const counts = { enqueued: 0, pending: 0, confirmed: 0, failed: 0, cancelled: 0, pruned: 0 };
  for (const { change } of audit) {
    if (change.kind === "pending.insert") counts.pending += 1;
    else if (change.kind === "pending.delete") counts.pending -= 1;
    else if (change.kind === "settled.insert") counts[change.state] += 1;
    else if (change.kind === "settled.delete") counts[change.state] -= 1;
  }
  for (const { steps } of stories.values()) {
    for (const { kind } of steps) {
      if (kind === "created") counts.enqueued += 1;
      else if (kind === "pruned") counts.pruned += 1;
    }
  }
  const { enqueued, pending, confirmed, failed, cancelled, pruned } = counts;
  const sum = pending + confirmed + failed + cancelled + pruned;
  findings.expect(conserved, sum === enqueued, {}, () => {
    return `enqueued ${enqueued}, pending ${pending} + confirmed ${confirmed} + failed ${failed} + cancelled ${cancelled} + pruned ${pruned}`;
  });
}
