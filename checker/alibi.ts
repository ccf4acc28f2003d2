// What explains that a claim ended without an outcome: a fault that touched its process, or an answer that never came.
import { standingOf } from "./attempts.ts";
import { countBelow } from "./bisect.ts";
import { type Fault, type FaultKind, overlaps, touches } from "./faults.ts";
import { type Life, lastBeat } from "./lives.ts";
import { isBefore, type OwnerLog } from "./process-log.ts";
import type { Tenure } from "./story.ts";
import { attemptOf, lifeOf, ownerLogOf, type Timeline } from "./timeline.ts";

/** Why a claim could end without an outcome. */
export type Alibi =
  | FaultKind
  /** Its process stopped in an orderly way, and could not finish. */
  | "stop"
  /** Its process says nothing any more, or stood still for too long. */
  | "silence"
  /** A call was not answered, so that its outcome is unknown to its process. */
  | "unknown answer";

/** When the process sent the last heartbeat that was acknowledged, on its own clock; null when it never did. */
export function lastAcknowledgedMs({ heartbeats, registered }: OwnerLog): number | null {
  for (let index = heartbeats.length - 1; index >= 0; index -= 1) {
    const heartbeat = heartbeats[index]?.event;
    if (heartbeat?.seen === "ok") return heartbeat.sentMs;
  }
  return registered === null ? null : (registered.event.sentMs ?? registered.monotonicMs);
}

/** What explains that a process was removed from the registry; null when nothing does. */
export function deathAlibi(timeline: Timeline, life: Life): Alibi | null {
  const { said, removed } = life;
  if (said === null) return timeline.isRestored ? "restore" : "silence";
  const { log } = said;
  if (log.stopBegin !== null && said.lost === null) return "stop";
  const { toleranceMs } = timeline.bounds;
  const beat = lastBeat(life, removed?.index);
  const fromMs = beat.atMs - toleranceMs;
  const toMs = (removed?.atMs ?? timeline.endMs) + toleranceMs;
  const isMeanwhile = (fault: Fault): boolean =>
    overlaps(fault, fromMs, toMs) ||
    // Where the database's clock has jumped, only the order of its commits tells what came first.
    (timeline.hasJumped && fault.fromIndex <= (removed?.index ?? Infinity) && fault.toIndex > beat.index);
  let found: FaultKind | null = null;
  for (const fault of timeline.faults.all) {
    if (!touches(fault, log.process, log.boot)) continue;
    if (fault.kind !== "kill" && !isMeanwhile(fault)) continue;
    // An outage touches everybody and therefore explains nobody's death by itself.
    if (found === null || found === "outage") found = fault.kind;
  }
  if (found !== null && found !== "outage") return found;
  return ownAlibi(timeline, said) ?? found;
}

/** What the process itself tells: heartbeats that failed, or a silence. */
function ownAlibi({ settings }: Timeline, said: OwnerLog): Alibi | null {
  const sentMs = lastAcknowledgedMs(said);
  if (sentMs === null) return "silence";
  if (settings.callsFailByChance === true) return "unknown answer";
  const leaseMs = said.registered?.event.leaseMs ?? settings.leaseMs;
  const failed = said.heartbeats.some(
    ({ event }) => event.seen !== "ok" && event.sentMs > sentMs && event.sentMs <= sentMs + leaseMs,
  );
  if (failed) return "unknown answer";
  const { events } = said.log;
  const before = (ms: number) => countBelow(events, ({ monotonicMs }) => monotonicMs <= ms);
  const wasActive = before(sentMs + leaseMs) > before(sentMs + 2 * settings.heartbeatMs);
  return wasActive ? null : "silence";
}

/** What explains that a process did not know of a claim of its own; null when nothing does. */
export function ignoranceAlibi(timeline: Timeline, tenure: Tenure): Alibi | null {
  const { taskId, token, isBorn } = tenure;
  if (timeline.isRestored) return "restore";
  const said = ownerLogOf(timeline, token.owner);
  if (said === undefined) return "silence";
  const settles = attemptOf(timeline, taskId, token)?.settles ?? [];
  if (settles.some(({ answer }) => answer?.seen !== "ok")) return "unknown answer";
  if (!isBorn) return wasAnswered(timeline, tenure, said) ? null : "unknown answer";
  const calls = timeline.activity.callsOf.get(taskId) ?? [];
  const own = calls.filter(({ log }) => log === said.log);
  return own.length === 0 || own.some((call) => standingOf(call) === "unknown") ? "unknown answer" : null;
}

/**
 * Whether the answer came before the process sent the claim that took the task anew. One that comes later is given up, and
 * so is one that came when the worker was stopping, as long as it starts nothing: its giving back may not be answered, and
 * may still wait behind outcomes that are not.
 */
function wasAnswered(timeline: Timeline, { taskId, token, end }: Tenure, { claims, log }: OwnerLog): boolean {
  const { invoke = null, answer = null } = claims.get(token.claim) ?? {};
  if (answer?.event.seen !== "ok") return false;
  const taker = end?.after?.claim ?? null;
  const next = taker === null ? null : claims.get(taker)?.invoke;
  const { starts = [], settles = [] } = attemptOf(timeline, taskId, token) ?? {};
  if (!next || starts.length > 0) return true;
  const isGivenBack = settles.some(({ decision, answer: told }) => {
    return decision === "release" && told !== null && isBefore(next, told.event);
  });
  const wasStopping = log.workerStops.some((stop) => {
    return invoke !== null && isBefore(invoke, stop) && isBefore(stop, answer);
  });
  return !isGivenBack && !wasStopping && !isBefore(next, answer);
}

/** What explains that the claim ended as it did; null when nothing does. Claims that ended with an outcome need none. */
export function tenureAlibi(timeline: Timeline, tenure: Tenure): Alibi | null {
  const { token, end } = tenure;
  const isTaken = end?.kind === "superseded" && end.after !== null && end.after.owner !== token.owner;
  if (end?.kind !== "lost" && !isTaken) return ignoranceAlibi(timeline, tenure);
  if (timeline.isRestored) return "restore";
  const life = lifeOf(timeline, token.owner);
  return life === undefined || life.removed === null ? null : deathAlibi(timeline, life);
}

/** Whether the database may have forgotten a commit that was acknowledged: claims need not be durable. */
export function mayHaveForgotten({ faults }: Timeline): boolean {
  return faults.all.some(({ kind }) => kind === "outage" || kind === "restore");
}
