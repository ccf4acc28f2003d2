// Executions: only of what is committed, under a claim, once a claim, and before the deadline of the process.
import { mayHaveForgotten } from "../alibi.ts";
import type { EnqueueCall } from "../attempts.ts";
import { countBelow } from "../bisect.ts";
import { Findings, type Law } from "../finding.ts";
import { type Attempt, type EventAs, isBefore, type OwnerLog } from "../process-log.ts";
import { tokenText } from "../story.ts";
import { ownerLogOf, type Timeline, tenureOf } from "../timeline.ts";

const committed: Law = {
  guarantee: "G3",
  says: "an executor is never called for a task that is not committed",
};
const claimed: Law = {
  guarantee: "G8",
  says: "every execution has a claim of its own in the database",
};
const once: Law = {
  guarantee: "G8",
  says: "a claim is executed once",
};
const unshared: Law = {
  guarantee: "G7",
  says: "no two processes execute under one token",
};
const punctual: Law = {
  guarantee: "G6",
  says: "no execution starts after the lease of its process, counted from when it sent its last good heartbeat",
};
const alive: Law = {
  guarantee: "G6",
  says: "no execution starts under an owner id that its process knows to be dead",
};

type Start = EventAs<"execution.start">;

/** Every execution that was started. */
export function executionsRule(timeline: Timeline): Findings {
  const findings = new Findings();
  for (const attempt of timeline.activity.attempts.values()) {
    const [start] = attempt.starts;
    if (start === undefined || timeline.stories.get(attempt.taskId)?.isEdited === true) continue;
    checkClaim(timeline, findings, attempt, start);
    checkOnce(findings, attempt, start);
    for (const one of attempt.starts) checkDeadline(timeline, findings, one);
  }
  return findings;
}

function checkClaim(timeline: Timeline, findings: Findings, attempt: Attempt, start: Start): void {
  const { taskId, token } = attempt;
  const place = { taskId, process: `${start.process}.${start.boot}` };
  const tenure = tenureOf(timeline, taskId, token);
  const isKnown = (timeline.stories.get(taskId)?.steps.length ?? 0) > 0;
  if (tenure === undefined || tenure.isBorn) {
    const early = startsBeforeCommit(timeline, attempt, start);
    findings.expect(committed, early === null && (isKnown || timeline.isRestored), place, () => {
      return early ?? `executed under ${tokenText(token)}, and the task never existed`;
    });
    if (early !== null || !isKnown) return;
  } else findings.looked(committed);
  if (tenure !== undefined) return findings.looked(claimed);
  if (isForgotten(timeline, attempt)) return;
  findings.expect(claimed, false, place, () => `executed under ${tokenText(token)}, which never stood on it`);
}

/** How an execution came before the commit of its own process's enqueue; null when it did not. */
function startsBeforeCommit({ activity }: Timeline, { taskId }: Attempt, start: Start): string | null {
  const own = (activity.callsOf.get(taskId) ?? []).filter(
    ({ log }) => log.process === start.process && log.boot === start.boot,
  );
  if (own.length === 0) return null;
  const hasAsked = own.some(
    (call) =>
      (call.commitInvoke !== null && isBefore(call.commitInvoke, start)) || standsAlready(call, taskId),
  );
  return hasAsked ? null : "executed before its process asked for the commit";
}

/** The call found the task there: somebody else had committed it. */
function standsAlready(call: EnqueueCall, taskId: string): boolean {
  return call.answer?.event.seen === "ok" && !call.answer.event.created.includes(taskId);
}

/** Claims need not survive a crash of the database, though they were acknowledged. */
function isForgotten(timeline: Timeline, { taskId, token }: Attempt): boolean {
  if (!mayHaveForgotten(timeline)) return false;
  const answer = ownerLogOf(timeline, token.owner)?.claims.get(token.claim)?.answer?.event;
  return timeline.isRestored || (answer?.seen === "ok" && answer.taskIds.includes(taskId));
}

function checkOnce(findings: Findings, { taskId, token, starts }: Attempt, first: Start): void {
  const other = starts.find(({ process, boot }) => process !== first.process || boot !== first.boot);
  const place = { taskId, process: `${first.process}.${first.boot}` };
  findings.expect(unshared, other === undefined, place, () => {
    return `${tokenText(token)} was executed in ${first.process}.${first.boot} and ${other?.process}.${other?.boot}`;
  });
  if (other !== undefined) return;
  findings.expect(
    once,
    starts.length === 1,
    place,
    () => `${starts.length} starts under ${tokenText(token)}`,
  );
}

function checkDeadline(timeline: Timeline, findings: Findings, start: Start): void {
  const { taskId, token } = start.event;
  const said = ownerLogOf(timeline, token.owner);
  if (said === undefined) return;
  const place = { taskId, process: `${start.process}.${start.boot}` };
  findings.expect(alive, said.lost === null || isBefore(start, said.lost), place, () => {
    return `started under ${tokenText(token)} after its process had learned that it was declared dead`;
  });
  const sentMs = lastGoodHeartbeatMs(said, start);
  if (sentMs === null) return;
  const leaseMs = said.registered?.event.leaseMs ?? timeline.settings.leaseMs;
  findings.expect(punctual, start.monotonicMs < sentMs + leaseMs, place, () => {
    return `started ${start.monotonicMs - sentMs} ms after the last good heartbeat was sent; the lease is ${leaseMs} ms`;
  });
}

function lastGoodHeartbeatMs({ heartbeats, registered }: OwnerLog, start: Start): number | null {
  for (let index = countBelow(heartbeats, (beat) => isBefore(beat, start)) - 1; index >= 0; index -= 1) {
    const heartbeat = heartbeats[index]?.event;
    if (heartbeat?.seen === "ok") return heartbeat.sentMs;
  }
  if (registered === null || !isBefore(registered, start)) return null;
  return registered.event.sentMs ?? registered.monotonicMs;
}
