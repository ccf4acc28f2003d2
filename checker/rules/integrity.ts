// Integrity: what an executor is given is what was enqueued, byte for byte.
import { standingOf } from "../attempts.ts";
import { Findings, type Law } from "../finding.ts";
import { type Timeline, unedited } from "../timeline.ts";

const unchanged: Law = {
  guarantee: "G21",
  says: "an executor is given the data with which its task was enqueued",
};

/** Every execution whose history tells what it was given, of tasks of which it is known what they were enqueued with. */
export function integrityRule(timeline: Timeline): Findings {
  const findings = new Findings();
  for (const { taskId } of unedited(timeline)) {
    const enqueued = digestsOf(timeline, taskId);
    if (enqueued === null) continue;
    for (const { starts } of timeline.activity.attempts.of(taskId)) {
      for (const { event, process, boot } of starts) {
        const { digest } = event;
        if (digest === undefined) continue;
        findings.expect(unchanged, enqueued.has(digest), { taskId, process: `${process}.${boot}` }, () => {
          return `executed with data ${digest}, enqueued with ${[...enqueued].join(" or ")}`;
        });
      }
    }
  }
  return findings;
}

/** What the task may hold; null when that is not known. */
function digestsOf(timeline: Timeline, taskId: string): ReadonlySet<string> | null {
  const possible = (timeline.activity.callsOf.get(taskId) ?? []).filter(
    (call) => standingOf(call) !== "rolled-back",
  );
  const sure = possible.filter(
    (call) => standingOf(call) === "committed" && call.answer?.event.created.includes(taskId) === true,
  );
  const steps = timeline.stories.get(taskId)?.steps ?? [];
  const made = steps.filter(({ kind }) => kind === "created").length;
  // Calls that only found the task there do not count, once it is known which calls created it.
  const calls = sure.length >= made && !timeline.isRestored ? sure : possible;
  const digests = calls.map(({ taskIds, invoke }) => invoke?.event.digests?.[taskIds.indexOf(taskId)]);
  const known = digests.filter((digest) => digest !== undefined);
  return known.length === 0 || known.length < digests.length ? null : new Set(known);
}
