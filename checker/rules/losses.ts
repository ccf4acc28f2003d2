// Losses: once a death, alone after the second, with backoff, and bounded.
import { Findings, type Law } from "../finding.ts";
import { isKind, type ProcessLog } from "../process-log.ts";
import { LOSSES_BEFORE_ALONE, type Step, type TaskStory } from "../story.ts";
import {
  attemptOf,
  lifeOf,
  ownerLogOf,
  processNameOf,
  type Timeline,
  tenureOf,
  unedited,
} from "../timeline.ts";
import { keyOf } from "../token-map.ts";

const onceADeath: Law = {
  guarantee: "G10",
  says: "one death counts one loss of a task",
};
const setAside: Law = {
  guarantee: "G10",
  says: "a task lost twice or more is set free, and due only after its delay",
};
const bound: Law = {
  guarantee: "G10",
  says: "a task is executed at most so often after it was lost alone as often as it may be",
};
const solitary: Law = {
  guarantee: "G10",
  says: "a task lost twice or more is executed with nothing else running in its process",
};

/** The delay of the store contract: from 1 s, doubling, at most 5 minutes. */
function lostDelayMs(lostAttempts: number): number {
  return Math.min(1_000 * 2 ** Math.min(Math.max(lostAttempts - LOSSES_BEFORE_ALONE, 0), 30), 300_000);
}

/** Tasks whose process died. */
export function lossesRule(timeline: Timeline): Findings {
  const findings = new Findings();
  for (const story of unedited(timeline)) {
    checkOnce(timeline, findings, story);
    for (const step of story.steps) if (step.kind === "lost") checkSetAside(timeline, findings, story, step);
    checkBound(timeline, findings, story);
  }
  for (const log of logsWithLonelyTasks(timeline)) checkSolitude(timeline, findings, log);
  return findings;
}

/** A claim that a dead process's last call made after its death is a loss of its own. */
function checkOnce(timeline: Timeline, findings: Findings, { taskId, tenures }: TaskStory): void {
  const lostBy = new Set<string>();
  for (const { token, begin, end, round } of tenures) {
    const removed = lifeOf(timeline, token.owner)?.removed ?? null;
    if (end?.kind !== "lost" || removed === null || begin.index > removed.index) continue;
    const key = `${token.owner} ${round}`;
    const place = { taskId, process: processNameOf(timeline, token.owner) };
    findings.expect(
      onceADeath,
      !lostBy.has(key),
      place,
      () => `owner ${token.owner} died and cost two losses`,
    );
    lostBy.add(key);
  }
}

function checkSetAside({ bounds }: Timeline, findings: Findings, { taskId }: TaskStory, step: Step): void {
  const { after, at } = step;
  if (after === null || after.lostAttempts < LOSSES_BEFORE_ALONE) return;
  const delayMs = after.dueAtMs - at.atMs;
  const leastMs = lostDelayMs(after.lostAttempts) - bounds.clockToleranceMs;
  findings.expect(setAside, after.owner === null && delayMs >= leastMs, { taskId }, () => {
    const what = after.owner === null ? `due after ${delayMs} ms` : "claimed at once";
    return `${what} with ${after.lostAttempts} losses; at least ${leastMs} ms are owed`;
  });
}

function checkBound(timeline: Timeline, findings: Findings, { taskId, tenures }: TaskStory): void {
  const most = LOSSES_BEFORE_ALONE + timeline.settings.maxLostAlone;
  for (const { token, image } of tenures) {
    if (image.lostAttempts === 0) continue;
    const isExecuted = (attemptOf(timeline, taskId, token)?.starts.length ?? 0) > 0;
    const place = { taskId, process: processNameOf(timeline, token.owner) };
    findings.expect(bound, image.lostAttempts < most || !isExecuted, place, () => {
      return `executed after ${image.lostAttempts} losses; ${most} end it`;
    });
  }
}

/** Processes that have claimed a task which must be alone. */
function logsWithLonelyTasks(timeline: Timeline): ReadonlySet<ProcessLog> {
  const logs = new Set<ProcessLog>();
  for (const { token, image } of timeline.tenures.values()) {
    if (image.lostAttempts < LOSSES_BEFORE_ALONE) continue;
    const log = ownerLogOf(timeline, token.owner)?.log;
    if (log !== undefined) logs.add(log);
  }
  return logs;
}

/** Within one process the order of events is certain. */
function checkSolitude(timeline: Timeline, findings: Findings, log: ProcessLog): void {
  const running = new Map<string, { readonly taskId: string; readonly isAlone: boolean }>();
  let alone: string | null = null;
  for (const event of log.events) {
    if (isKind(event, "execution.end")) {
      const key = keyOf(event.event.taskId, event.event.token);
      if (running.get(key)?.isAlone === true) alone = null;
      running.delete(key);
    }
    if (!isKind(event, "execution.start")) continue;
    const { taskId, token } = event.event;
    const losses = tenureOf(timeline, taskId, token)?.image.lostAttempts ?? 0;
    const isAlone = losses >= LOSSES_BEFORE_ALONE;
    if (isAlone || alone !== null) {
      const victim = isAlone ? taskId : (alone ?? taskId);
      const place = { taskId: victim, process: `${log.process}.${log.boot}` };
      findings.expect(solitary, alone === null && (!isAlone || running.size === 0), place, () => {
        const others = isAlone ? [...running.values()].map((other) => other.taskId).join(", ") : taskId;
        return `executed beside ${others}`;
      });
    }
    if (isAlone) alone = taskId;
    running.set(keyOf(taskId, token), { taskId, isAlone });
  }
}
