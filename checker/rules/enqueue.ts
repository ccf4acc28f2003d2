// Enqueue: what was committed is there, what was rolled back is not, and nobody else ends the caller's transaction.
import { type EnqueueCall, type Standing, standingOf } from "../attempts.ts";
import { Findings, type Law } from "../finding.ts";
import type { Step, TaskStory } from "../story.ts";
import type { Timeline } from "../timeline.ts";

const durable: Law = {
  guarantee: "G2",
  says: "a task whose commit was acknowledged exists",
};
const whole: Law = {
  guarantee: "G1",
  says: "the tasks of one enqueue come to be in one commit: all of the call or none",
};
const noPhantom: Law = {
  guarantee: "G1",
  says: "no task exists whose transaction, savepoint or call was rolled back",
};
const createdOnce: Law = {
  guarantee: "G1",
  says: "an enqueue says that it created a task only if it did",
};
const guest: Law = {
  guarantee: "G22",
  says: "no task is committed before the caller has asked for the commit",
};

/** Numbers for the report. */
export interface SetCounts {
  readonly lost: number;
  readonly phantom: number;
  /** Tasks of calls with an unknown outcome that do exist. */
  readonly recovered: number;
}

/** The set check: lost, phantom, whole. */
export function enqueueRule(timeline: Timeline): Findings {
  const findings = new Findings();
  for (const call of timeline.activity.calls) checkCall(timeline, findings, call);
  for (const [taskId, calls] of timeline.activity.callsOf) checkTask(timeline, findings, taskId, calls);
  return findings;
}

function checkCall(timeline: Timeline, findings: Findings, call: EnqueueCall): void {
  const standing = standingOf(call);
  const created = call.answer?.event.created ?? [];
  const process = `${call.log.process}.${call.log.boot}`;
  if (standing === "committed" && !timeline.isRestored) {
    for (const taskId of call.taskIds) {
      const exists = isCreated(timeline.stories.get(taskId));
      findings.expect(durable, exists, { taskId, process }, () => `call ${call.call} was committed`);
    }
  }
  if (standing !== "committed" && standing !== "unknown") return;
  const sole = created.filter((taskId) => timeline.activity.callsOf.get(taskId)?.length === 1);
  if (sole.length < 2 || timeline.isRestored) return;
  const commits = new Set(sole.map((taskId) => creations(timeline.stories.get(taskId))[0]?.at.seq ?? null));
  findings.expect(whole, commits.size === 1, { taskId: sole[0], process }, () => {
    const seqs = [...commits].map((seq) => seq ?? "never").join(", ");
    return `call ${call.call} of ${sole.length} tasks stands in commits ${seqs}`;
  });
}

function checkTask(
  timeline: Timeline,
  findings: Findings,
  taskId: string,
  calls: readonly EnqueueCall[],
): void {
  const made = creations(timeline.stories.get(taskId)).length;
  const count = (standing: Standing) => calls.filter((call) => standingOf(call) === standing).length;
  const said = calls.filter(
    (call) => standingOf(call) === "committed" && call.answer?.event.created.includes(taskId) === true,
  ).length;
  const place = { taskId, process: processOf(calls) };
  if (!timeline.isRestored) {
    findings.expect(createdOnce, said <= made, place, () => `said ${said} times, created ${made} times`);
  }
  const explained = made <= said + count("unknown");
  const refused = count("rolled-back");
  const uncommitted = count("uncommitted");
  findings.expect(noPhantom, explained || refused === 0 || uncommitted > 0, place, () => {
    return `created ${made} times, asked for ${said} times`;
  });
  findings.expect(guest, explained || uncommitted === 0 || refused > 0, place, () => {
    return "it exists, and no commit was asked for";
  });
}

function processOf(calls: readonly EnqueueCall[]): string | undefined {
  const log = calls[0]?.log;
  return log === undefined ? undefined : `${log.process}.${log.boot}`;
}

function creations(story: TaskStory | undefined): readonly Step[] {
  return story?.steps.filter(({ kind }) => kind === "created") ?? [];
}

function isCreated(story: TaskStory | undefined): boolean {
  return story !== undefined && (story.steps.length > 0 || story.image !== null);
}

/** Counts lost, phantom and recovered tasks. */
export function setCounts({ activity, stories }: Timeline): SetCounts {
  let lost = 0;
  let phantom = 0;
  let recovered = 0;
  for (const [taskId, calls] of activity.callsOf) {
    const standings = new Set(calls.map(standingOf));
    const exists = isCreated(stories.get(taskId));
    if (standings.has("committed")) lost += exists ? 0 : 1;
    else if (standings.has("unknown")) recovered += exists ? 1 : 0;
    else phantom += exists ? 1 : 0;
  }
  return { lost, phantom, recovered };
}
