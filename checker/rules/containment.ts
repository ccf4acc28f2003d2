// Containment: no process ends but by the nemesis, by its own stop, or at the end of the run.

import { overlaps, touches } from "../faults.ts";
import { Findings, type Law } from "../finding.ts";
import { processOf } from "../lives.ts";
import type { ProcessLog } from "../process-log.ts";
import type { Timeline } from "../timeline.ts";

const standing: Law = {
  guarantee: "G20",
  says: "no process ends by itself: not by a payload, an error, a hook or a row",
};

/** Processes that are gone at the end of a run at rest. */
export function containmentRule(timeline: Timeline): Findings {
  const findings = new Findings();
  const { settings, faults, lives, endMs } = timeline;
  if (!settings.endedAtRest || timeline.isRestored) return findings;
  const registered = new Set<ProcessLog>();
  const known = new Map<ProcessLog, string | undefined>();
  for (const life of lives.values()) {
    const log = life.said?.log;
    if (log === undefined) continue;
    known.set(log, processOf(life));
    if (life.removed === null) registered.add(log);
  }
  for (const [log, process] of known) {
    const isExcused = faults.all.some(
      (fault) =>
        fault.process !== null &&
        touches(fault, log.process, log.boot) &&
        (fault.kind === "kill" || (fault.kind !== "clock jump" && overlaps(fault, endMs, endMs))),
    );
    const holds = registered.has(log) || log.stopBegin !== null || isExcused;
    findings.expect(standing, holds, { process }, () => "it is gone, and nobody killed or stopped it");
  }
  return findings;
}
