// The schedule: nothing is claimed before it is due, retries wait as their policy says, and idle workers do not dawdle.
import { Findings, type Law } from "../finding.ts";
import type { PendingImage } from "../history.ts";
import { type Idleness, idlenessOf } from "../idleness.ts";
import type { Life } from "../lives.ts";
import { LOSSES_BEFORE_ALONE, type Step, type TaskStory } from "../story.ts";
import { type Timeline, unedited } from "../timeline.ts";

const notEarly: Law = {
  guarantee: "G9",
  says: "no task is claimed before it is due, by the database's clock",
};
const asPolicy: Law = {
  guarantee: "G9",
  says: "the delay after failure k lies within the bounds of the policy, for all k",
};
const retryPrompt: Law = {
  guarantee: "G9",
  says: "a due retry is claimed within a poll while a worker is idle and nothing is wrong",
};
const suspectPrompt: Law = {
  guarantee: "G12",
  says: "a due task that was lost once is claimed within a poll while a worker is idle and nothing is wrong",
};
const firstPrompt: Law = {
  guarantee: "G17",
  says: "a due task is claimed within a poll while a worker is idle and nothing is wrong, whatever wake-ups are lost",
};

/** Delays, and how late claims are. */
export function scheduleRule(timeline: Timeline): Findings {
  const findings = new Findings();
  let known: Idleness | null = null;
  const idleness = (): Idleness => (known ??= idlenessOf(timeline));
  for (const story of unedited(timeline)) {
    for (const [place, step] of story.steps.entries()) {
      if (step.kind === "retried") checkDelay(timeline, findings, story, step);
      if (step.kind === "claimed") checkNotEarly(findings, story, step);
      checkPrompt(timeline, findings, idleness, story, place);
    }
  }
  return findings;
}

function checkDelay(timeline: Timeline, findings: Findings, { taskId, type }: TaskStory, step: Step): void {
  const policy = timeline.settings.types[type];
  const { after, at } = step;
  if (policy === undefined || after === null) return;
  const { clockToleranceMs } = timeline.bounds;
  const delayMs = after.dueAtMs - at.atMs;
  const leastMs = policy.smallestDelayMs(after.failedAttempts) - clockToleranceMs;
  const mostMs = policy.largestDelayMs(after.failedAttempts) + clockToleranceMs;
  const holds = delayMs >= leastMs && delayMs <= mostMs;
  findings.expect(asPolicy, holds, { taskId }, () => {
    return `after failed attempt ${after.failedAttempts} it waits ${delayMs} ms; allowed are ${leastMs} to ${mostMs} ms`;
  });
}

function checkNotEarly(findings: Findings, { taskId }: TaskStory, { before, at }: Step): void {
  if (before === null) return;
  findings.expect(notEarly, before.dueAtMs <= at.atMs + 1, { taskId }, () => {
    return `claimed by commit ${at.seq} ${before.dueAtMs - at.atMs} ms before it was due`;
  });
}

/** From a step that leaves the task free to the next one. What must be executed alone waits for its turn. */
function checkPrompt(
  timeline: Timeline,
  findings: Findings,
  idleness: () => Idleness,
  { taskId, type, steps }: TaskStory,
  place: number,
): void {
  const step = steps[place] as Step; // the caller goes through them
  const { after, at } = step;
  if (after === null || after.owner !== null || after.lostAttempts >= LOSSES_BEFORE_ALONE) return;
  const dueMs = Math.max(after.dueAtMs, at.atMs);
  const law = lawOf(after);
  const byMs = dueMs + timeline.settings.pollIntervalMs + timeline.bounds.toleranceMs;
  const nextMs = steps[place + 1]?.at.atMs ?? timeline.endMs;
  findings.looked(law);
  if (nextMs <= byMs || !idleness().isQuiet(dueMs, byMs)) return;
  const idle = idleness().idleWorker(type, dueMs, byMs);
  if (idle === null || isStopped(idle, type)) return;
  findings.broken(
    law,
    { taskId },
    `due for ${nextMs - dueMs} ms while owner ${idle.owner} had nothing to do`,
  );
}

/** A breaker of the type has opened in that process: it may have been open then, which its own clock alone tells. */
function isStopped({ said }: Life, type: string): boolean {
  return said?.log.events.some(({ event }) => event.kind === "breaker" && event.type === type) === true;
}

function lawOf({ failedAttempts, deferredAttempts, lostAttempts }: PendingImage): Law {
  if (lostAttempts > 0) return suspectPrompt;
  return failedAttempts + deferredAttempts === 0 ? firstPrompt : retryPrompt;
}
