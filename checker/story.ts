// The story of one task as the database tells it: its steps, and the claims that stood on it.
import type { HistoryToken, PendingImage } from "./history.ts";

/** Losses that a task suffers in company before it is claimed alone. Not imported: the checker believes nobody. */
export const LOSSES_BEFORE_ALONE = 2;

/** Where a task stands after it was settled. */
export type SettledState = "confirmed" | "failed" | "cancelled";

/** Where an entry stands in the audit, and when it was, by the database's clock. */
export interface Moment {
  /** Index in the ordered audit. */
  readonly index: number;
  /** Number of its commit. */
  readonly seq: number;
  readonly atMs: number;
}

/** What one change of the database meant for a task. */
export type StepKind =
  /** It came to be, born claimed or free. */
  | "created"
  /** Redriven: pending again, in its next generation. */
  | "reopened"
  | "claimed"
  /** Its holder has died, and it was counted. */
  | "lost"
  | "retried"
  | "deferred"
  | "released"
  | "confirmed"
  | "failed"
  | "cancelled"
  /** A success came after it had failed. */
  | "confirmed-late"
  | "pruned";

/** One change of a task. */
export interface Step {
  readonly kind: StepKind;
  readonly at: Moment;
  /** The row before; null when there was none. */
  readonly before: PendingImage | null;
  /** The row after; null when there is none. */
  readonly after: PendingImage | null;
  readonly generation: number;
  /** The claim that this step began or ended. */
  readonly tenure: Tenure | null;
  /** Why it failed, where the audit tells. */
  readonly reason: string | null;
}

/** How a claim ended: by a step, or by another claim of the same process, to which it was unknown. */
export type TenureEnd = Exclude<StepKind, "created" | "reopened" | "claimed" | "pruned"> | "superseded";

/** The time during which one claim stood on one task. */
export interface Tenure {
  readonly taskId: string;
  readonly token: HistoryToken;
  /** The row as it was claimed, losses included. */
  readonly image: PendingImage;
  /** Inserted under this claim. */
  readonly isBorn: boolean;
  /** It stood when the database came back from a backup: no claim of its own. */
  readonly isResumed: boolean;
  /** Counts the times the task was enqueued or redriven. */
  readonly round: number;
  readonly begin: Moment;
  end: { readonly kind: TenureEnd; readonly at: Moment; readonly after: PendingImage | null } | null;
}

/** What could not be: which law it breaks is told by `kind`. */
export interface Breach {
  readonly kind:
    | "lost-update"
    | "changed-without-right"
    | "deleted-unfinished"
    | "settled-twice"
    | "settled-without-row"
    | "resurrected"
    | "wrong-generation"
    | "settled-while-pending"
    | "loss-out-of-nothing"
    | "counted-at-claim"
    | "failed-pruned"
    | "evidence-deleted"
    | "inserted-twice";
  readonly at: Moment;
  readonly detail: string;
}

/** Everything the database tells of one task. */
export interface TaskStory {
  readonly taskId: string;
  type: string;
  readonly steps: Step[];
  readonly tenures: Tenure[];
  readonly breaches: Breach[];
  /** Indexes of its entries in the audit, in order. */
  readonly entries: number[];
  /** The pending row at the end; null when there is none. */
  image: PendingImage | null;
  /** Where it stands at the end, when it is settled and kept. */
  settled: { readonly state: SettledState; readonly generation: number; readonly at: Moment } | null;
  isPruned: boolean;
  /** Somebody changed it by hand: nothing is promised any more. */
  isEdited: boolean;
}

/** A task of which nothing is known yet. */
export function emptyStory(taskId: string): TaskStory {
  return {
    taskId,
    type: "",
    steps: [],
    tenures: [],
    breaches: [],
    entries: [],
    image: null,
    settled: null,
    isPruned: false,
    isEdited: false,
  };
}

/** A token in words. */
export function tokenText({ owner, claim, generation }: HistoryToken): string {
  return `owner ${owner}, claim ${claim}, generation ${generation}`;
}
