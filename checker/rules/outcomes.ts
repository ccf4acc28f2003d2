// Hooks and batches: told only what is committed, and no outcome of a process that lives on is forgotten.
import { Findings, type Law } from "../finding.ts";
import { isKind, type ProcessLog } from "../process-log.ts";
import { tokenKey } from "../story.ts";
import type { Timeline } from "../timeline.ts";

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
  for (const hook of timeline.activity.hooks) {
    const { kind, taskId } = hook.event;
    const steps = timeline.stories.get(taskId)?.steps ?? [];
    const wanted = kind === "hook.confirmed" ? confirmedSteps : failedSteps;
    const holds = timeline.isRestored || steps.some((step) => wanted.has(step.kind));
    const place = { taskId, process: `${hook.process}.${hook.boot}` };
    findings.expect(afterCommit, holds, place, () => `${kind}, and the database does not show it`);
  }
  for (const log of timeline.processes.logs) {
    checkOrder(findings, log);
    checkWritten(timeline, findings, log);
  }
  return findings;
}

/** In one process the answer to the settlement comes before the hook. */
function checkOrder(findings: Findings, log: ProcessLog): void {
  const decisions = new Map<string, string>();
  const told = new Set<string>();
  for (const event of log.events) {
    if (isKind(event, "settle.invoke")) {
      const { taskId, token, decision } = event.event;
      decisions.set(tokenKey(taskId, token), decision);
    } else if (isKind(event, "settle.answer")) {
      const { taskId, token, seen, verdict } = event.event;
      if (seen !== "ok" || (verdict !== "applied" && verdict !== "late")) continue;
      told.add(`${decisions.get(tokenKey(taskId, token))} ${taskId}`);
    } else if (isKind(event, "hook.confirmed") || isKind(event, "hook.failed")) {
      const { kind, taskId } = event.event;
      const decision = kind === "hook.confirmed" ? "confirm" : "fail";
      const place = { taskId, process: `${log.process}.${log.boot}` };
      findings.expect(
        afterAnswer,
        told.has(`${decision} ${taskId}`),
        place,
        () => `${kind} before any answer`,
      );
    }
  }
}

/**
 * An outcome is forgotten when twice a lease of good heartbeats went by without one that failed, and without an answer.
 * What is open when the process stops is left to the laws of a stop.
 */
function checkWritten({ settings }: Timeline, findings: Findings, log: ProcessLog): void {
  const enough = Math.ceil((2 * settings.leaseMs) / settings.heartbeatMs);
  const open = new Map<string, { readonly taskId: string; readonly good: number; readonly bad: number }>();
  let good = 0;
  let bad = 0;
  for (const event of log.events) {
    if (isKind(event, "stop.begin")) break;
    if (isKind(event, "heartbeat")) {
      if (event.event.seen === "ok") good += 1;
      else bad += 1;
    } else if (isKind(event, "execution.end")) {
      const { taskId, token } = event.event;
      findings.looked(unforgotten);
      open.set(tokenKey(taskId, token), { taskId, good, bad });
    } else if (isKind(event, "settle.answer") && event.event.seen === "ok") {
      open.delete(tokenKey(event.event.taskId, event.event.token));
    }
  }
  for (const { taskId, good: goodThen, bad: badThen } of open.values()) {
    if (good - goodThen < enough || bad > badThen) continue;
    const place = { taskId, process: `${log.process}.${log.boot}` };
    findings.broken(
      unforgotten,
      place,
      `${good - goodThen} good heartbeats after the execution ended, it is not written`,
    );
  }
}
