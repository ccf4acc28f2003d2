// Shutdown: nothing new is begun, what was begun is finished or given back, and it ends in time.
import { overlaps, touches } from "../faults.ts";
import { Findings, type Law } from "../finding.ts";
import { lastBeat } from "../lives.ts";
import { isBefore, isKind, type ProcessLog } from "../process-log.ts";
import type { Tenure } from "../story.ts";
import { lifeOf, ownerLogOf, type Timeline, unedited } from "../timeline.ts";

const noClaim: Law = {
  guarantee: "G16",
  says: "a process claims nothing, by a claim or at birth, after its stop has begun",
};
const inTime: Law = {
  guarantee: "G16",
  says: "a stop ends within its bound, whatever the database does",
};
const clean: Law = {
  guarantee: "G16",
  says: "an undisturbed stop leaves no claim behind: outcomes are written, the rest is given back",
};

/** Stops. */
export function shutdownRule(timeline: Timeline): Findings {
  const findings = new Findings();
  const disturbed = new Map<ProcessLog, boolean>();
  for (const log of timeline.processes.logs) {
    if (log.stopBegin === null) continue;
    disturbed.set(log, isDisturbed(timeline, log));
    checkClaims(findings, log);
    checkTime(timeline, findings, log);
  }
  for (const { taskId, tenures } of unedited(timeline)) {
    for (const tenure of tenures) {
      const log = ownerLogOf(timeline, tenure.token.owner)?.log;
      if (log === undefined || log.stopBegin === null) continue;
      checkBirth(timeline, findings, log, tenure);
      const isClean = log.stopEnd !== null && disturbed.get(log) === false;
      if (isClean && !isCommittedLate(timeline, log, tenure)) checkLeft(timeline, findings, taskId, tenure);
    }
  }
  return findings;
}

function isDisturbed({ faults, settings, lives, isRestored }: Timeline, log: ProcessLog): boolean {
  if (settings.callsFailByChance === true || isRestored) return true;
  const own = [...lives.values()].filter(({ said }) => said?.log === log);
  const untilMs = Math.max(...own.map(({ removed }) => removed?.atMs ?? Number.POSITIVE_INFINITY));
  // Where the last heartbeat stands, since one that could not deregister is removed by others, perhaps long after.
  const beatMs = Math.min(...own.map((life) => lastBeat(life, life.removed?.index).atMs));
  const fromMs = beatMs - (log.stopBegin?.event.boundMs ?? 0) - settings.leaseMs;
  return faults.all.some(
    (fault) =>
      touches(fault, log.process, log.boot) && (fault.kind === "kill" || overlaps(fault, fromMs, untilMs)),
  );
}

function checkClaims(findings: Findings, log: ProcessLog): void {
  const { stopBegin } = log;
  for (const event of log.events) {
    if (stopBegin === null || !isBefore(stopBegin, event)) continue;
    findings.looked(noClaim);
    if (!isKind(event, "claim.invoke")) continue;
    const { claim } = event.event;
    const afterMs = event.monotonicMs - stopBegin.monotonicMs;
    findings.broken(
      noClaim,
      { process: `${log.process}.${log.boot}` },
      `claim ${claim} was sent ${afterMs} ms after`,
    );
  }
}

/** A task that was born claimed in a call made after the stop had begun. */
function checkBirth({ activity }: Timeline, findings: Findings, log: ProcessLog, tenure: Tenure): void {
  const { stopBegin } = log;
  if (!tenure.isBorn || stopBegin === null) return;
  const calls = (activity.callsOf.get(tenure.taskId) ?? []).filter((call) => call.log === log);
  const holds =
    calls.length === 0 || calls.some(({ invoke }) => invoke !== null && isBefore(invoke, stopBegin));
  const place = { taskId: tenure.taskId, process: `${log.process}.${log.boot}` };
  findings.expect(
    noClaim,
    holds,
    place,
    () => `born under claim ${tenure.token.claim} after the stop had begun`,
  );
}

/** Born in a transaction that the user committed only after the stop had begun: nobody could wait for it. */
function isCommittedLate({ activity }: Timeline, log: ProcessLog, { taskId, isBorn }: Tenure): boolean {
  const { stopBegin } = log;
  if (!isBorn || stopBegin === null) return false;
  const calls = activity.callsOf.get(taskId) ?? [];
  return calls.some(({ log: own, commit }) => {
    return own === log && (commit === null || isBefore(stopBegin, commit.event));
  });
}

function checkTime({ faults, settings, bounds }: Timeline, findings: Findings, log: ProcessLog): void {
  const { stopBegin, stopEnd } = log;
  if (stopBegin === null) return;
  const process = `${log.process}.${log.boot}`;
  // Where nothing says when, any fault of the process itself could have been during its stop.
  const isExcused = faults.all.some(
    ({ kind, process: whom, boot }) =>
      (kind === "kill" || kind === "pause") && whom === log.process && boot === log.boot,
  );
  if (isExcused) return;
  const boundMs = stopBegin.event.boundMs + bounds.toleranceMs;
  const last = stopEnd ?? log.events.at(-1);
  const tookMs = (last?.monotonicMs ?? 0) - stopBegin.monotonicMs;
  const hasEnded = stopEnd !== null || !settings.endedAtRest;
  findings.expect(inTime, hasEnded && tookMs <= boundMs, { process }, () => {
    return stopEnd === null ? `it never ended` : `it took ${tookMs} ms; its bound is ${boundMs} ms`;
  });
}

function checkLeft(
  timeline: Timeline,
  findings: Findings,
  taskId: string,
  { token, begin, end }: Tenure,
): void {
  const life = lifeOf(timeline, token.owner);
  const removed = life?.removed ?? null;
  // A long transaction may commit a born claim after its process is gone.
  if (removed === null || begin.index > removed.index || life?.said?.lost !== null) return;
  const log = life.said.log;
  const holds = end !== null && end.kind !== "lost";
  findings.expect(clean, holds, { taskId, process: `${log.process}.${log.boot}` }, () => {
    return `it was still claimed by owner ${token.owner} when that was removed by commit ${removed.seq}`;
  });
}
