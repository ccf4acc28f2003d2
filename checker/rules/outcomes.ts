// Hooks and batches: told only what is committed, and no outcome of a process that lives on is forgotten.
import { countBelow } from "../bisect.ts";
import { Findings, type Law } from "../finding.ts";
import type { ProcessEvent } from "../history.ts";
import { type Attempt, type EventAs, isBefore } from "../process-log.ts";
import { ownerLogOf, type Timeline } from "../timeline.ts";

const afterCommit: Law = {
  guarantee: "G18",
  says: "a hook is called only after the commit that makes it true",
};
const afterAnswer: Law = {
  guarantee: "G18",
  says: "a hook is called only after its process was told of the commit",
};
const unforgotten: Law = {
  guarantee: "G18",
  says: "a process that lives on, with a database that answers, writes every outcome",
};

const confirmedSteps: ReadonlySet<string> = new Set(["confirmed", "confirmed-late"]);
const failedSteps: ReadonlySet<string> = new Set(["failed"]);

/** Hooks, and outcomes that are never written. */
export function outcomesRule(timeline: Timeline): Findings {
  const findings = new Findings();
  for (const hook of timeline.activity.hooks) checkHook(timeline, findings, hook);
  for (const attempt of timeline.activity.attempts.values()) checkWritten(timeline, findings, attempt);
  return findings;
}

function checkHook(
  timeline: Timeline,
  findings: Findings,
  hook: EventAs<"hook.confirmed"> | EventAs<"hook.failed">,
): void {
  const { kind, taskId } = hook.event;
  const isConfirmation = kind === "hook.confirmed";
  const steps = timeline.stories.get(taskId)?.steps ?? [];
  const wanted = isConfirmation ? confirmedSteps : failedSteps;
  const place = { taskId, process: `${hook.process}.${hook.boot}` };
  const isCommitted = timeline.isRestored || steps.some((step) => wanted.has(step.kind));
  findings.expect(afterCommit, isCommitted, place, () => `${kind}, and the database does not show it`);
  const attempts = timeline.activity.attempts.of(taskId);
  const isTold = attempts.some((attempt) => tells(attempt, isConfirmation ? "confirm" : "fail", hook));
  findings.expect(afterAnswer, isTold, place, () => `${kind} before any answer`);
}

/** Whether an outcome was told to be written before an event of the same process. */
function tells({ settles }: Attempt, decision: string, event: ProcessEvent): boolean {
  return settles.some(({ decision: own, answer }) => {
    if (own !== decision || answer === null || answer.event.process !== event.process) return false;
    const isWritten = answer.verdict === "applied" || answer.verdict === "late";
    return isWritten && answer.event.boot === event.boot && isBefore(answer.event, event);
  });
}

/**
 * An outcome is forgotten when twice a lease of good heartbeats went by without one that failed, and without an answer.
 * What is open when the process stops is left to the laws of a stop.
 */
function checkWritten(timeline: Timeline, findings: Findings, attempt: Attempt): void {
  const { settings } = timeline;
  const { taskId, token, ends, settles } = attempt;
  // An executor that outlived its attempt has something to tell only when it succeeded.
  const end = ends.findLast((one, place) => place === 0 || one.event.outcome === "succeeded");
  const log = ownerLogOf(timeline, token.owner)?.log;
  if (end === undefined || log === undefined) return;
  findings.looked(unforgotten);
  // With transactional completion the outcome of a success is written before the execution ends.
  const isTransactional =
    settings.types[timeline.stories.get(taskId)?.type ?? ""]?.transactional === true &&
    end.event.outcome === "succeeded";
  if (settles.some(({ answer }) => answer?.seen === "ok" && (isTransactional || isBefore(end, answer.event))))
    return;
  if (settings.callsFailByChance === true && settles.length > 0) return;
  const { heartbeats, stopBegin } = log;
  const first = countBelow(heartbeats, (beat) => isBefore(beat, end));
  const last =
    stopBegin === null ? heartbeats.length : countBelow(heartbeats, (beat) => isBefore(beat, stopBegin));
  const since = heartbeats.slice(first, last);
  const enough = Math.ceil((2 * settings.leaseMs) / settings.heartbeatMs);
  // They may come closer to each other than once in their interval, and a lost statement is given up only after a time.
  const passedMs = (since.at(-1)?.monotonicMs ?? 0) - end.monotonicMs;
  if (
    since.length < enough ||
    passedMs < 2 * settings.leaseMs ||
    since.some(({ event }) => event.seen !== "ok")
  )
    return;
  const place = { taskId, process: `${log.process}.${log.boot}` };
  findings.broken(
    unforgotten,
    place,
    `${since.length} good heartbeats after the execution ended, it is not written`,
  );
}
