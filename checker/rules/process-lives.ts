// Process lives: nobody steals from the living, and nobody who lives is declared dead.
import { type Alibi, deathAlibi } from "../alibi.ts";
import { Findings, type Law } from "../finding.ts";
import { type Life, lastBeat, processOf } from "../lives.ts";
import type { Moment, Step } from "../story.ts";
import { lifeOf, processNameOf, type Timeline, unedited } from "../timeline.ts";

const unstolen: Law = {
  guarantee: "G7",
  says: "what a process holds is taken from it only after it was removed from the registry",
};
const counted: Law = {
  guarantee: "G10",
  says: "what is taken from a dead process is counted lost",
};
const mortal: Law = {
  guarantee: "G7",
  says: "an owner id that was removed never comes back",
};
const patient: Law = {
  guarantee: "G12",
  says: "a process is declared dead only after a whole lease without a heartbeat, outages of the database not counted",
};
/** A death that is none: see `wrongDeaths` of the report. */
export const deserved: Law = {
  guarantee: "G12",
  says: "no process is declared dead that runs and sends its heartbeats, with nothing that keeps them away",
};

/** Takeovers and deaths. */
export function processLivesRule(timeline: Timeline): Findings {
  const findings = new Findings();
  for (const story of unedited(timeline)) {
    for (const step of story.steps) checkTakeover(timeline, findings, story.taskId, step);
  }
  for (const life of timeline.lives.values()) {
    findings.expect(mortal, life.afterlife.length === 0, { process: processOf(life) }, () => {
      return `owner ${life.owner} was removed by commit ${life.removed?.seq} and written by commit ${life.afterlife[0]?.seq}`;
    });
    if (life.removed !== null && !timeline.isRestored) checkDeath(timeline, findings, life, life.removed);
  }
  return findings;
}

function checkTakeover(timeline: Timeline, findings: Findings, taskId: string, step: Step): void {
  const { kind, before, after, at } = step;
  const holder = before?.owner ?? null;
  if (holder === null || after === null || timeline.isRestored) return;
  const isTaken = kind === "claimed" && after.owner !== holder;
  if (!isTaken && kind !== "lost") return;
  const removed = lifeOf(timeline, holder)?.removed ?? null;
  const isDead = removed !== null && removed.index < at.index;
  const place = { taskId, process: processNameOf(timeline, holder) };
  findings.expect(unstolen, isDead, place, () => {
    return `commit ${at.seq} took it from owner ${holder}, who was registered`;
  });
  if (!isDead || !isTaken) return;
  const isCounted = after.lostAttempts > (before?.lostAttempts ?? 0);
  findings.expect(
    counted,
    isCounted,
    place,
    () => `commit ${at.seq} took it from dead owner ${holder} uncounted`,
  );
}

/** What explains a death whenever it was declared. */
const certain: ReadonlySet<Alibi | null> = new Set(["kill", "pause", "cut", "clock jump", "restore"]);

/** A death that another process declared. */
function checkDeath(timeline: Timeline, findings: Findings, life: Life, removed: Moment): void {
  const { settings, bounds } = timeline;
  const alibi = deathAlibi(timeline, life);
  if (alibi === "stop") return;
  const process = processOf(life);
  const beat = lastBeat(life, removed.index);
  const leaseMs = life.said?.registered?.event.leaseMs ?? settings.leaseMs;
  if (!timeline.hasJumped) {
    const silentMs = certain.has(alibi)
      ? removed.atMs - beat.atMs
      : longestCalm(timeline, beat.atMs, removed.atMs);
    findings.expect(patient, silentMs >= leaseMs - bounds.clockToleranceMs, { process }, () => {
      return `owner ${life.owner} was removed after ${silentMs} ms in which it could have sent a heartbeat; its lease is ${leaseMs} ms`;
    });
  }
  findings.expect(deserved, alibi !== null && alibi !== "outage", { process }, () => {
    return `owner ${life.owner} was removed by commit ${removed.seq}, last heartbeat in commit ${beat.seq}`;
  });
}

/**
 * The longest time without an outage that everybody must have noticed. The verdict of a time before an outage may be
 * carried out after it.
 */
function longestCalm({ faults, settings }: Timeline, beatMs: number, removedMs: number): number {
  let longestMs = 0;
  let sinceMs = beatMs;
  for (const { kind, fromMs, toMs } of faults.all.toSorted((left, right) => left.fromMs - right.fromMs)) {
    const isNoticed = kind === "outage" && toMs - fromMs > 2 * settings.heartbeatMs;
    if (!isNoticed || toMs < beatMs || toMs > removedMs) continue;
    longestMs = Math.max(longestMs, fromMs - sinceMs);
    sinceMs = Math.max(sinceMs, toMs);
  }
  return Math.max(longestMs, removedMs - sinceMs);
}
