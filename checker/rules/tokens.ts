// Tokens: never reused, never of a process that was not registered, and the only key to an outcome.

import { ignoranceAlibi } from "../alibi.ts";
import { Findings, type Law } from "../finding.ts";
import type { SettleCall } from "../process-log.ts";
import { type TaskStory, type Tenure, type TenureEnd, tokenText } from "../story.ts";
import {
  attemptOf,
  lifeOf,
  ownerLogOf,
  processNameOf,
  type Timeline,
  tenureOf,
  unedited,
} from "../timeline.ts";

const unique: Law = {
  guarantee: "G7",
  says: "a claim number of a process stands for one claim, in one commit, for ever",
};
const registered: Law = {
  guarantee: "G7",
  says: "a process is registered before its first claim, born or taken",
};
const current: Law = {
  guarantee: "G7",
  says: "a failure, a deferral and a release are accepted only from the current token",
};
const written: Law = {
  guarantee: "G18",
  says: "an outcome that its process was told to be written is written",
};

const decisions: Partial<Readonly<Record<TenureEnd, SettleCall["decision"]>>> = {
  retried: "retry",
  deferred: "defer",
  released: "release",
  failed: "fail",
};

/** Fencing by tokens. */
export function tokensRule(timeline: Timeline): Findings {
  const findings = new Findings();
  const commits = new Map<string, { readonly seq: number; readonly taskId: string }>();
  for (const story of unedited(timeline)) {
    for (const tenure of story.tenures) {
      checkUnique(findings, commits, tenure);
      checkRegistered(timeline, findings, tenure);
      checkAcceptance(timeline, findings, tenure);
    }
  }
  for (const attempt of timeline.activity.attempts.values()) {
    for (const settle of attempt.settles) {
      if (timeline.stories.get(attempt.taskId)?.isEdited === true) continue;
      checkWritten(timeline, findings, attempt.taskId, attempt.token, settle);
    }
  }
  return findings;
}

function checkUnique(
  findings: Findings,
  commits: Map<string, { readonly seq: number; readonly taskId: string }>,
  { taskId, token, begin, isResumed }: Tenure,
): void {
  if (isResumed) return;
  const key = `${token.owner} ${token.claim}`;
  const earlier = commits.get(key);
  if (earlier === undefined) commits.set(key, { seq: begin.seq, taskId });
  findings.expect(unique, earlier === undefined || earlier.seq === begin.seq, { taskId }, () => {
    return `${tokenText(token)} in commit ${begin.seq}, and for task ${earlier?.taskId} in commit ${earlier?.seq}`;
  });
}

function checkRegistered(timeline: Timeline, findings: Findings, { taskId, token, begin }: Tenure): void {
  if (timeline.isRestored) return;
  const life = lifeOf(timeline, token.owner);
  const holds = life !== undefined && life.registered.index <= begin.index;
  const place = { taskId, process: processNameOf(timeline, token.owner) };
  findings.expect(registered, holds, place, () => `${tokenText(token)} claims and is not registered yet`);
}

/**
 * The audit tells only whose tenure ended; that holder must have asked for it. A claim whose answer it never got it has
 * ended: what stands under it is freed without being named.
 */
function checkAcceptance(timeline: Timeline, findings: Findings, tenure: Tenure): void {
  const { taskId, token, end, isResumed } = tenure;
  const decision = end === null ? undefined : decisions[end.kind];
  if (end === null || decision === undefined || isResumed) return;
  if (ownerLogOf(timeline, token.owner) === undefined) return;
  const { settles = [], starts = [] } = attemptOf(timeline, taskId, token) ?? {};
  const isForgotten =
    decision === "release" && starts.length === 0 && ignoranceAlibi(timeline, tenure) !== null;
  const holds = isForgotten || settles.some((settle) => settle.decision === decision);
  const place = { taskId, process: processNameOf(timeline, token.owner) };
  findings.expect(current, holds, place, () => {
    return `commit ${end.at.seq} ${end.kind} the task under ${tokenText(token)}, whose process never asked for it`;
  });
}

function checkWritten(
  timeline: Timeline,
  findings: Findings,
  taskId: string,
  token: Tenure["token"],
  { decision, answer }: SettleCall,
): void {
  if (answer?.seen !== "ok" || timeline.isRestored) return;
  if (answer.verdict !== "applied" && answer.verdict !== "late") return;
  const story = timeline.stories.get(taskId);
  const place = { taskId, process: processNameOf(timeline, token.owner) };
  const holds =
    decision === "confirm"
      ? isConfirmed(story, token.generation)
      : isEndOf(tenureOf(timeline, taskId, token), decision);
  findings.expect(written, holds, place, () => {
    return `${decision} under ${tokenText(token)} was answered "${answer.verdict}", and the database does not show it`;
  });
}

function isConfirmed(story: TaskStory | undefined, generation: number): boolean {
  return (
    story?.steps.some(
      (step) =>
        (step.kind === "confirmed" || step.kind === "confirmed-late") && step.generation === generation,
    ) === true
  );
}

/** A late success in the same commit hides what was written before it. */
function isEndOf(tenure: Tenure | undefined, decision: SettleCall["decision"]): boolean {
  const kind = tenure?.end?.kind;
  return kind === "confirmed" || (kind !== undefined && decisions[kind] === decision);
}
