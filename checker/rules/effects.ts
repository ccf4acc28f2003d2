// Effects: exactly once with transactional completion, at least once without.
import { Findings, type Law } from "../finding.ts";
import type { TaskStory } from "../story.ts";
import { type Timeline, unedited } from "../timeline.ts";

const exactly: Law = {
  guarantee: "G15",
  says: "with transactional completion a confirmed task has its effect exactly once, and every other task never",
};
const atLeast: Law = {
  guarantee: "G4",
  says: "a confirmed task has had its effect",
};

/** Effects that executors, or the table of effects, tell of. */
export function effectsRule(timeline: Timeline): Findings {
  const findings = new Findings();
  const counts = new Map<string, number>();
  const typesWithEffects = new Set<string>();
  for (const { taskId, effects } of timeline.activity.attempts.values()) {
    if (effects === 0) continue;
    counts.set(taskId, (counts.get(taskId) ?? 0) + effects);
    typesWithEffects.add(timeline.stories.get(taskId)?.type ?? "");
  }
  for (const story of unedited(timeline)) {
    const { taskId, type } = story;
    const effects = counts.get(taskId) ?? 0;
    const confirmed = confirmations(story);
    const isTransactional = timeline.settings.types[type]?.transactional === true;
    if (isTransactional && !timeline.isRestored) {
      findings.expect(
        exactly,
        effects === confirmed,
        { taskId },
        () => `${effects} effects, ${confirmed} confirmations`,
      );
    } else if (confirmed > 0 && typesWithEffects.has(type)) {
      findings.expect(atLeast, effects > 0, { taskId }, () => "confirmed without an effect");
    }
  }
  return findings;
}

function confirmations({ steps }: TaskStory): number {
  return steps.filter(({ kind }) => kind === "confirmed" || kind === "confirmed-late").length;
}
