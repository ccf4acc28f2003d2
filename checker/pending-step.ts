// What an update of a pending row means. Every legal one is a claim, a loss, or the end of an attempt.
import { beginTenure, breach, type Draft, endTenure, step } from "./draft.ts";
import type { PendingImage } from "./history.ts";
import type { Moment, StepKind, TenureEnd } from "./story.ts";

/** Takes in one update of a pending row. */
export function pendingStep(draft: Draft, before: PendingImage, after: PendingImage, at: Moment): void {
  if (before.generation !== after.generation || before.type !== after.type) {
    breach(
      draft,
      "wrong-generation",
      at,
      `generation ${before.generation} became ${after.generation} in place`,
    );
  }
  const changesHands = before.owner !== after.owner || before.claim !== after.claim;
  if (after.owner !== null && changesHands) claimed(draft, before, after, at);
  else if (before.owner !== null && changesHands) setFree(draft, before, after, at);
  else if (changesAnything(before, after)) {
    const holder = before.owner === null ? "nobody held it" : "its holder kept it";
    breach(draft, "changed-without-right", at, `${difference(before, after)} while ${holder}`);
  }
}

/** Somebody takes the task: free, unknown to its own process, or of a dead one. */
function claimed(draft: Draft, before: PendingImage, after: PendingImage, at: Moment): void {
  const losses = after.lostAttempts - before.lostAttempts;
  const fromOther = before.owner !== null && before.owner !== after.owner;
  if (losses !== 0 && !(fromOther && losses === 1)) {
    breach(draft, "loss-out-of-nothing", at, `a claim changed lostAttempts by ${losses}`);
  }
  if (after.failedAttempts !== before.failedAttempts || after.deferredAttempts !== before.deferredAttempts) {
    breach(draft, "counted-at-claim", at, `a claim counted an attempt: ${difference(before, after)}`);
  }
  if (fromOther && losses === 1) note(draft, "lost", before, after, at);
  else if (before.owner !== null) endTenure(draft, "superseded", at, after);
  const tenure = beginTenure(draft, after, "taken", at);
  step(draft, { kind: "claimed", at, before, after, generation: after.generation, tenure, reason: null });
}

/** The claim on the task ends, and it stays pending. */
function setFree(draft: Draft, before: PendingImage, after: PendingImage, at: Moment): void {
  const failed = after.failedAttempts - before.failedAttempts;
  const lost = after.lostAttempts - before.lostAttempts;
  const deferred = after.deferredAttempts - before.deferredAttempts;
  if (failed + lost + deferred > 1 || Math.min(failed, lost, deferred) < 0) {
    breach(draft, "changed-without-right", at, `one outcome changed ${difference(before, after)}`);
  }
  const kind = failed > 0 ? "retried" : lost > 0 ? "lost" : deferred > 0 ? "deferred" : "released";
  note(draft, kind, before, after, at);
}

function note(
  draft: Draft,
  kind: StepKind & TenureEnd,
  before: PendingImage,
  after: PendingImage,
  at: Moment,
): void {
  const { tenure } = draft;
  endTenure(draft, kind, at, after);
  step(draft, { kind, at, before, after, generation: after.generation, tenure, reason: null });
}

function changesAnything(before: PendingImage, after: PendingImage): boolean {
  return (
    before.dueAtMs !== after.dueAtMs ||
    before.failedAttempts !== after.failedAttempts ||
    before.lostAttempts !== after.lostAttempts ||
    before.deferredAttempts !== after.deferredAttempts
  );
}

function difference(before: PendingImage, after: PendingImage): string {
  const names = ["dueAtMs", "failedAttempts", "lostAttempts", "deferredAttempts"] as const;
  const changed = names.filter((name) => before[name] !== after[name]);
  return changed.map((name) => `${name} ${before[name]} -> ${after[name]}`).join(", ") || "nothing";
}
