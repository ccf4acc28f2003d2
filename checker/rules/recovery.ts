// Recovery: the dead are noticed, their work goes on elsewhere, and after an outage everybody is back.
import { deathAlibi } from "../alibi.ts";
import { type Fault, overlaps, touches } from "../faults.ts";
import { Findings, type Law } from "../finding.ts";
import { idlenessOf } from "../idleness.ts";
import { isRegisteredAt, type Life, processOf } from "../lives.ts";
import type { OwnerLog } from "../process-log.ts";
import type { Tenure } from "../story.ts";
import { lifeOf, type Timeline, unedited } from "../timeline.ts";

const noticed: Law = {
  guarantee: "G12",
  says: "a killed process is declared dead within a lease and a heartbeat while another is registered and well",
};
const resumed: Law = {
  guarantee: "G12",
  says: "work of the dead is found within a poll while a worker is idle",
};
const surviving: Law = {
  guarantee: "G13",
  says: "no process ends because the database was down",
};
const back: Law = {
  guarantee: "G13",
  says: "work resumes when the database does, within the longest retry, a heartbeat and a poll",
};

/** After kills and outages. */
export function recoveryRule(timeline: Timeline): Findings {
  const findings = new Findings();
  for (const fault of timeline.faults.all) {
    if (fault.kind === "kill") checkNoticed(timeline, findings, fault);
    if (fault.kind === "outage" && fault.toMs !== Number.POSITIVE_INFINITY)
      checkOutage(timeline, findings, fault);
  }
  checkResumed(timeline, findings);
  return findings;
}

function livesOf(timeline: Timeline, { process, boot }: Fault): readonly Life[] {
  return [...timeline.lives.values()].filter(
    ({ said }) => said?.log.process === process && said?.log.boot === boot,
  );
}

function checkNoticed(timeline: Timeline, findings: Findings, kill: Fault): void {
  const { settings, bounds } = timeline;
  if (settings.callsFailByChance === true || timeline.isRestored || timeline.hasJumped) return;
  for (const life of livesOf(timeline, kill)) {
    const isGone = life.removed !== null && life.removed.index < kill.fromIndex;
    if (isGone || (life.said?.log.stopBegin ?? null) !== null) continue;
    const leaseMs = life.said?.registered?.event.leaseMs ?? settings.leaseMs;
    const byMs = kill.fromMs + leaseMs + 2 * settings.heartbeatMs + bounds.toleranceMs;
    if (byMs > timeline.endMs || !hasObserver(timeline, life, kill.fromMs, byMs)) continue;
    const holds = life.removed !== null && life.removed.atMs <= byMs;
    findings.expect(noticed, holds, { process: processOf(life) }, () => {
      const when = life.removed === null ? "never" : `after ${life.removed.atMs - kill.fromMs} ms`;
      return `killed, and declared dead ${when}; at most ${byMs - kill.fromMs} ms are allowed`;
    });
  }
}

/** Another process whose heartbeats went on without a gap, and which no fault touched. */
function hasObserver(timeline: Timeline, victim: Life, fromMs: number, toMs: number): boolean {
  const disturbing = timeline.faults.all.filter((fault) => overlaps(fault, fromMs, toMs));
  for (const life of timeline.lives.values()) {
    const { said } = life;
    if (life === victim || said === null || life.registered.atMs > fromMs) continue;
    if (life.removed !== null && life.removed.atMs < toMs) continue;
    const { process, boot } = said.log;
    if (disturbing.some((fault) => touches(fault, process, boot))) continue;
    if (isSteady(timeline, life, said, fromMs, toMs)) return true;
  }
  return false;
}

function isSteady(
  { settings, bounds }: Timeline,
  life: Life,
  said: OwnerLog,
  fromMs: number,
  toMs: number,
): boolean {
  const answered = said.heartbeats.every(
    ({ event, monotonicMs }) => event.seen === "ok" && monotonicMs - event.sentMs <= bounds.toleranceMs,
  );
  if (!answered) return false;
  let previousMs = Number.NEGATIVE_INFINITY;
  for (const { atMs } of life.beats) {
    if (atMs >= fromMs && Math.min(atMs, toMs) - Math.max(previousMs, fromMs) > 2 * settings.heartbeatMs)
      return false;
    if (atMs > toMs) return true;
    previousMs = atMs;
  }
  return false;
}

function checkResumed(timeline: Timeline, findings: Findings): void {
  if (timeline.isRestored || timeline.hasJumped) return;
  const { settings, bounds, endMs } = timeline;
  let idleness: ReturnType<typeof idlenessOf> | null = null;
  for (const story of unedited(timeline)) {
    for (const tenure of story.tenures) {
      const removed = lifeOf(timeline, tenure.token.owner)?.removed ?? null;
      if (removed === null || (tenure.end !== null && tenure.end.kind !== "lost")) continue;
      const fromMs = Math.max(removed.atMs, tenure.begin.atMs, tenure.image.dueAtMs);
      const byMs = fromMs + settings.pollIntervalMs + bounds.toleranceMs;
      findings.looked(resumed);
      if ((tenure.end?.at.atMs ?? endMs) <= byMs || isDisturbed(timeline, fromMs, byMs)) continue;
      idleness ??= idlenessOf(timeline);
      const idle = idleness.idleWorker(story.type, fromMs, byMs);
      if (idle === null) continue;
      findings.broken(
        resumed,
        { taskId: story.taskId, process: processOf(lifeOf(timeline, tenure.token.owner)) },
        lateness(tenure, removed.atMs, idle),
      );
    }
  }
}

function lateness({ end }: Tenure, removedMs: number, idle: Life): string {
  const when = end === null ? "never found" : `found ${end.at.atMs - removedMs} ms after`;
  return `${when} its process was removed, while owner ${idle.owner} had nothing to do`;
}

function isDisturbed({ faults }: Timeline, fromMs: number, toMs: number): boolean {
  return faults.all.some((fault) => fault.kind !== "kill" && overlaps(fault, fromMs, toMs));
}

function checkOutage(timeline: Timeline, findings: Findings, outage: Fault): void {
  const { settings, bounds, audit, faults } = timeline;
  if (timeline.hasJumped) return;
  const byMs =
    outage.toMs + bounds.retryCapMs + settings.heartbeatMs + settings.pollIntervalMs + bounds.toleranceMs;
  const longMs = byMs + 2 * settings.leaseMs;
  const others = faults.all.filter(
    (fault) =>
      fault !== outage && fault.fromMs <= longMs && (fault.kind === "kill" || fault.toMs >= outage.fromMs),
  );
  if (others.some(({ process }) => process === null)) return;
  let expected = 0;
  for (const life of timeline.lives.values()) {
    const log = life.said?.log;
    if (log === undefined || !isRegisteredAt(life, outage.fromIndex - 1)) continue;
    if (log.stopBegin !== null || others.some((fault) => touches(fault, log.process, log.boot))) continue;
    expected += 1;
    if (longMs > timeline.endMs) continue;
    const holds = isBack(timeline, life, outage);
    findings.expect(
      surviving,
      holds,
      { process: processOf(life) },
      () => "it was never seen again after an outage",
    );
  }
  if (expected === 0 || byMs > timeline.endMs || settings.callsFailByChance === true) return;
  const first = audit[outage.toIndex];
  const waitedMs = (first?.atMs ?? Number.POSITIVE_INFINITY) - outage.toMs;
  findings.expect(
    back,
    waitedMs <= byMs - outage.toMs,
    {},
    () => `the first commit came ${waitedMs} ms after the outage`,
  );
}

/** It beats again, or is registered anew. */
function isBack(timeline: Timeline, life: Life, outage: Fault): boolean {
  const log = life.said?.log;
  for (const other of timeline.lives.values()) {
    if (other.said?.log === log && other.beats.some(({ index }) => index >= outage.toIndex)) return true;
  }
  return false;
}

/** A task whose holder was killed, and that was claimed again. */
export interface Recovery {
  readonly kill: Fault;
  /** When it was killed, or claimed the task: the later of the two. */
  readonly fromMs: number;
  /** When the task was claimed the next time. */
  readonly toMs: number;
}

/** From a kill to the next claim of each task that the victim held. Tasks that nobody claimed again have none. */
export function recoveriesOf(timeline: Timeline): readonly Recovery[] {
  const kills = new Map<string, Fault>();
  for (const fault of timeline.faults.all) {
    if (fault.kind === "kill") for (const { owner } of livesOf(timeline, fault)) kills.set(owner, fault);
  }
  const recoveries: Recovery[] = [];
  for (const { tenures } of unedited(timeline)) {
    tenures.forEach(({ token, end, begin }, place) => {
      const kill = kills.get(token.owner);
      const next = tenures[place + 1];
      if (kill === undefined || end?.kind !== "lost" || next === undefined) return;
      // What was lost before the kill was lost to something else.
      if (end.at.index < kill.fromIndex) return;
      recoveries.push({ kill, fromMs: Math.max(kill.fromMs, begin.atMs), toMs: next.begin.atMs });
    });
  }
  return recoveries;
}

/** How long they took, in order. */
export function recoveryTimesMs(timeline: Timeline): readonly number[] {
  return recoveriesOf(timeline)
    .map(({ fromMs, toMs }) => toMs - fromMs)
    .sort((left, right) => left - right);
}

/** Processes that were removed from the registry without any event of the nemesis that explains it. */
export function silentDeaths(timeline: Timeline): number {
  return [...timeline.lives.values()].filter(
    (life) => life.removed !== null && life.said !== null && deathAlibi(timeline, life) === "silence",
  ).length;
}
