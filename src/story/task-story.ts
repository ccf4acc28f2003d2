/** The story of a task: what happened to it and what people did, from the oldest to the newest. Pure. */
import type { Act } from "../store/contract.ts";
import { type Attempt, FIRST_GENERATION, type TaskState, type TaskWithAttempts } from "../task/task.ts";

/** One line of the story. */
export type StoryEvent =
  | { readonly kind: "enqueued"; readonly at: Date }
  /** How many attempts are left out. */
  | { readonly kind: "left out"; readonly attempts: number }
  | { readonly kind: "attempt"; readonly attempt: Attempt }
  /** A new generation begins; the act is null where nobody was named. */
  | { readonly kind: "redriven"; readonly generation: number; readonly act: Act | null }
  /** Whatever else people did, or tried to. */
  | { readonly kind: "acted"; readonly act: Act }
  | { readonly kind: "ended"; readonly state: Exclude<TaskState, "pending">; readonly at: Date };

/**
 * Tells the story.
 * @param acts what people did to the task, in any order
 * @param mostAttempts attempts that are told, the newest
 */
export function storyOf(
  task: TaskWithAttempts,
  acts: readonly Act[],
  mostAttempts = Number.POSITIVE_INFINITY,
): StoryEvent[] {
  const left = Math.max(task.attempts.length - mostAttempts, 0);
  // An act of an older task of the same id, which was pruned or deleted, is no part of the story.
  const own = acts.filter(({ at }) => at >= task.createdAt);
  const ending = own.find(
    ({ action, outcome, generation }) =>
      action === "cancel" && outcome === "done" && generation === task.generation,
  );
  const dated = [
    ...task.attempts.slice(left).map((attempt) => ({ at: attempt.recordedAt, attempt, act: null })),
    ...own.map((act) => ({ at: act.at, attempt: null, act })),
  ].sort((one, other) => one.at.getTime() - other.at.getTime());
  const story: StoryEvent[] = [{ kind: "enqueued", at: task.createdAt }];
  if (left > 0) story.push({ kind: "left out", attempts: left });
  let generation = FIRST_GENERATION;
  const reach = (reached: number): void => {
    if (reached <= generation) return;
    generation = reached;
    story.push({ kind: "redriven", generation, act: null });
  };
  for (const { attempt, act } of dated) {
    if (attempt !== null) {
      reach(attempt.generation);
      story.push({ kind: "attempt", attempt });
      continue;
    }
    if (act.action !== "redrive" || act.outcome !== "done") {
      story.push({ kind: "acted", act });
      continue;
    }
    generation = Math.max(generation, (act.generation ?? 0) + 1);
    story.push({ kind: "redriven", generation, act });
  }
  reach(task.generation);
  // A person who cancelled it has been told already.
  if (task.state === "pending" || task.settledAt === null) return story;
  if (task.state === "cancelled" && ending !== undefined) return story;
  return [...story, { kind: "ended", state: task.state, at: task.settledAt }];
}

const done = {
  redrive: "redriven",
  cancel: "cancelled",
  erase: "its data erased",
  delete: "deleted",
  reveal: "its data looked at",
} as const;

/** An act in words: "cancelled by ann (dashboard): the customer asked for it". */
export function actWords({ action, outcome, actor, via, reason }: Act): string {
  const why = reason === null ? "" : `: ${reason}`;
  const by = `by ${actor} (${via})${why}`;
  if (outcome === "done") return `${done[action]} ${by}`;
  const stood = outcome === "gone" ? "it was gone" : `it was ${outcome}, or not as it was seen`;
  return `not ${done[action]}, ${stood}; tried ${by}`;
}
