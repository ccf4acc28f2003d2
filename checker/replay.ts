// Replays the audit of one task: which changes are legal steps, and which could not be.
import { beginTenure, breach, type Draft, endTenure, step } from "./draft.ts";
import type { AuditEntry, PendingImage } from "./history.ts";
import { pendingStep } from "./pending-step.ts";
import type { Moment, SettledState, TaskStory } from "./story.ts";

type Change = AuditEntry["change"];
type TaskChange = Exclude<Change, { readonly owner: string }>;

/** Replays all entries of a story. `restores`: indexes of the audit before which the database came back from a backup. */
export function replay(story: TaskStory, audit: readonly AuditEntry[], restores: readonly number[]): void {
  const draft: Draft = { story, tenure: null, round: 0, deleted: null, left: null };
  const { entries } = story;
  let lastIndex = -1;
  for (let from = 0; from < entries.length; ) {
    const first = entries[from] as number; // from < length
    const seq = audit[first]?.seq;
    let to = from + 1;
    while (to < entries.length && audit[entries[to] as number]?.seq === seq) to += 1;
    const group = entries.slice(from, to);
    if (restores.some((index) => index > lastIndex && index <= first)) {
      resume(draft, audit[first] as AuditEntry, first);
    }
    replayCommit(draft, audit, group);
    lastIndex = group.at(-1) ?? first;
    from = to;
  }
}

/** Within a commit, evidence goes before the row comes, and the row goes before the evidence comes. */
const places: Readonly<Record<TaskChange["kind"], number>> = {
  "settled.delete": 0,
  "pending.insert": 1,
  "pending.update": 1,
  "pending.delete": 1,
  "settled.insert": 2,
  "task.delete": 3,
};

function replayCommit(draft: Draft, audit: readonly AuditEntry[], group: readonly number[]): void {
  const ordered =
    group.length === 1
      ? group
      : [...group].sort((left, right) => placeOf(audit, left) - placeOf(audit, right) || left - right);
  if (isUndone(draft, audit, ordered)) return;
  for (const index of ordered) {
    const entry = audit[index] as AuditEntry; // stories hold indexes of the audit
    apply(draft, entry.change as TaskChange, { index, seq: entry.seq, atMs: entry.atMs });
  }
  const last = audit[ordered.at(-1) as number] as AuditEntry; // a group is never empty
  const at = { index: ordered.at(-1) as number, seq: last.seq, atMs: last.atMs };
  if (draft.deleted !== null) {
    breach(
      draft,
      "deleted-unfinished",
      at,
      "the pending row was deleted and nothing says how the task ended",
    );
    endTenure(draft, "cancelled", at, null);
    draft.deleted = null;
  }
  if (draft.left !== null) {
    breach(draft, "evidence-deleted", at, `the evidence that it was ${draft.left.state} was deleted`);
    draft.left = null;
  }
}

function placeOf(audit: readonly AuditEntry[], index: number): number {
  return places[(audit[index] as AuditEntry).change.kind as TaskChange["kind"]];
}

/** An enqueue that found a conflict takes back what it has inserted itself. */
function isUndone({ story }: Draft, audit: readonly AuditEntry[], group: readonly number[]): boolean {
  if (story.image !== null || story.settled !== null) return false;
  const kinds = group.map((index) => audit[index]?.change.kind);
  if (kinds.includes("settled.insert") || kinds.includes("settled.delete")) return false;
  return kinds.every((kind) => kind === "task.delete") || isInsertedAndDeleted(kinds);
}

function isInsertedAndDeleted(kinds: readonly unknown[]): boolean {
  return (
    kinds[0] === "pending.insert" && kinds.lastIndexOf("pending.delete") > kinds.lastIndexOf("pending.insert")
  );
}

function apply(draft: Draft, change: TaskChange, at: Moment): void {
  const { story } = draft;
  switch (change.kind) {
    case "pending.insert":
      return insert(draft, change.row, at);
    case "pending.update":
      if (!sameImage(story.image, change.before)) lostUpdate(draft, change.before, at);
      pendingStep(draft, change.before, change.after, at);
      story.image = change.after;
      return;
    case "pending.delete":
      if (!sameImage(story.image, change.row)) lostUpdate(draft, change.row, at);
      story.image = null;
      draft.deleted = change.row;
      return;
    case "settled.insert":
      return settle(draft, change.state, change.generation, change.reason ?? null, at);
    case "settled.delete":
      if (story.settled?.state !== change.state || story.settled.generation !== change.generation) {
        breach(draft, "lost-update", at, `a settlement was deleted that did not stand: ${change.state}`);
      }
      draft.left = { state: change.state, generation: change.generation, at: story.settled?.at ?? at };
      story.settled = null;
      return;
    case "task.delete":
      return remove(draft, at);
  }
}

function insert(draft: Draft, row: PendingImage, at: Moment): void {
  const { story, left } = draft;
  if (story.image !== null) breach(draft, "inserted-twice", at, "a pending row was inserted beside another");
  if (story.settled !== null) {
    breach(draft, "resurrected", at, `pending again although it is still noted as ${story.settled.state}`);
  }
  if (left?.state === "confirmed") breach(draft, "resurrected", at, "a confirmed task became pending again");
  const expected = (left ?? story.settled)?.generation ?? 0;
  if (row.generation !== expected + 1) {
    breach(draft, "wrong-generation", at, `generation ${row.generation} follows ${expected}`);
  }
  if (row.failedAttempts + row.lostAttempts + row.deferredAttempts > 0) {
    breach(draft, "counted-at-claim", at, "a new row starts with attempts counted");
  }
  if (left !== null && row.owner !== null) breach(draft, "resurrected", at, "redriven under an old claim");
  draft.round += 1;
  draft.left = null;
  story.type = row.type;
  story.image = row;
  story.settled = null;
  story.isPruned = false;
  const tenure = row.owner === null ? null : beginTenure(draft, row, "born", at);
  const kind = left === null ? "created" : "reopened";
  step(draft, { kind, at, before: null, after: row, generation: row.generation, tenure, reason: null });
}

function settle(
  draft: Draft,
  state: SettledState,
  generation: number,
  reason: string | null,
  at: Moment,
): void {
  const { story, deleted, left } = draft;
  if (story.image !== null) {
    breach(draft, "settled-while-pending", at, `noted as ${state} while its pending row stands`);
  } else if (left !== null) {
    if (state !== "confirmed" || left.state !== "failed" || left.generation !== generation) {
      breach(draft, "settled-twice", at, `${left.state} became ${state}`);
    }
  } else if (story.settled !== null) {
    breach(draft, "settled-twice", at, `${state} after it was ${story.settled.state}`);
  } else if (deleted === null) {
    breach(draft, "settled-without-row", at, `${state} although no pending row was there`);
  }
  if (deleted !== null && deleted.generation !== generation) {
    breach(draft, "wrong-generation", at, `generation ${deleted.generation} was ${state} as ${generation}`);
  }
  const kind = left !== null && state === "confirmed" ? "confirmed-late" : state;
  const { tenure } = draft;
  if (deleted !== null) endTenure(draft, state, at, null);
  draft.deleted = null;
  draft.left = null;
  story.settled = { state, generation, at };
  step(draft, { kind, at, before: deleted, after: null, generation, tenure, reason });
}

function remove(draft: Draft, at: Moment): void {
  const { story, left } = draft;
  const ended = left ?? story.settled;
  if (story.image !== null || draft.deleted !== null) {
    breach(draft, "deleted-unfinished", at, "the task was deleted while it was pending");
    endTenure(draft, "cancelled", at, null);
  } else if (ended?.state === "failed") {
    breach(draft, "failed-pruned", at, "a failed task was deleted");
  }
  draft.left = null;
  draft.deleted = null;
  story.image = null;
  story.settled = null;
  story.isPruned = true;
  const generation = ended?.generation ?? 0;
  step(draft, { kind: "pruned", at, before: null, after: null, generation, tenure: null, reason: null });
}

/** Takes what this entry says of the time before it: the last commits are gone. */
function resume(draft: Draft, { change, seq, atMs }: AuditEntry, index: number): void {
  const { story } = draft;
  const at = { index, seq, atMs };
  endTenure(draft, "superseded", at, null);
  story.image = null;
  story.settled = null;
  if (change.kind === "settled.delete") {
    story.settled = { state: change.state, generation: change.generation, at };
    return;
  }
  if (change.kind !== "pending.update" && change.kind !== "pending.delete") return;
  const row = change.kind === "pending.update" ? change.before : change.row;
  story.image = row;
  story.type = row.type;
  if (row.owner !== null) beginTenure(draft, row, "resumed", at);
}

function lostUpdate(draft: Draft, seen: PendingImage, at: Moment): void {
  const { image } = draft.story;
  const stood = image === null ? "no pending row stood" : JSON.stringify(image);
  breach(draft, "lost-update", at, `the row before the change is ${JSON.stringify(seen)}, but ${stood}`);
  if (draft.story.type === "") draft.story.type = seen.type;
}

function sameImage(left: PendingImage | null, right: PendingImage): boolean {
  return (
    left !== null &&
    left.owner === right.owner &&
    left.claim === right.claim &&
    left.generation === right.generation &&
    left.dueAtMs === right.dueAtMs &&
    left.failedAttempts === right.failedAttempts &&
    left.lostAttempts === right.lostAttempts &&
    left.deferredAttempts === right.deferredAttempts &&
    left.type === right.type
  );
}
