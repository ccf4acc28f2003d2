// A story while it is replayed, and what can be noted in it.
import type { PendingImage } from "./history.ts";
import type { Breach, Moment, Step, TaskStory, Tenure, TenureEnd } from "./story.ts";

/** A story under replay. */
export interface Draft {
  readonly story: TaskStory;
  /** The claim that stands on the task. */
  tenure: Tenure | null;
  round: number;
  /** Row deleted by this commit, which must say how it ended. */
  deleted: PendingImage | null;
  /** Settlement deleted by this commit, which must say what for. */
  left: NonNullable<TaskStory["settled"]> | null;
}

/** A claim begins. */
export function beginTenure(
  draft: Draft,
  image: PendingImage,
  how: "born" | "taken" | "resumed",
  at: Moment,
): Tenure {
  const { owner, claim, generation } = image;
  const token = { owner: owner ?? "", claim: claim ?? 0, generation };
  const { taskId } = draft.story;
  const tenure: Tenure = {
    taskId,
    token,
    image,
    isBorn: how === "born",
    isResumed: how === "resumed",
    round: draft.round,
    begin: at,
    end: null,
  };
  draft.tenure = tenure;
  draft.story.tenures.push(tenure);
  return tenure;
}

/** The claim that stands ends. */
export function endTenure(draft: Draft, kind: TenureEnd, at: Moment, after: PendingImage | null): void {
  if (draft.tenure !== null) draft.tenure.end = { kind, at, after };
  draft.tenure = null;
}

/** Notes a step. */
export function step(draft: Draft, taken: Step): void {
  draft.story.steps.push(taken);
}

/** Notes what could not be. */
export function breach(draft: Draft, kind: Breach["kind"], at: Moment, detail: string): void {
  draft.story.breaches.push({ kind, at, detail });
}
