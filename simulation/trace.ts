// Tells a run as lines of text, in the order of virtual time as far as it is known.
import type { AuditEntry, PendingImage } from "../checker/history.ts";
import { DEFAULT_START_MS } from "../src/testing/index.ts";
import type { Run } from "./scenario.ts";

interface Line {
  readonly atMs: number;
  readonly text: string;
}

/** Kinds that would hide the rest. */
const dull = new Set(["heartbeat", "process.beat", "claim.invoke"]);

/** The story of a run, the dull part of it only when asked for. Owners are cut to their last four digits. */
export function storyOf(run: Run, isWhole = false): string {
  const { history } = run;
  const lines: Line[] = [
    ...run.told.map(({ atMs, process, boot, event }) => ({
      atMs,
      text: `${process}.${boot}  ${shown(event)}`,
      kind: event.kind,
    })),
    ...history.nemesis.map(({ atMs, action }) => ({ atMs, text: `NEMESIS ${shown(action)}`, kind: "" })),
    ...history.audit.map((entry) => ({
      atMs: run.auditedAtMs.get(entry.seq) ?? entry.atMs - DEFAULT_START_MS,
      text: `   DB #${entry.seq} ${audited(entry)}`,
      kind: entry.change.kind,
    })),
  ]
    .filter(({ kind, text }) => isWhole || (!dull.has(kind) && !text.includes('"taskIds":[]')))
    .sort((left, right) => left.atMs - right.atMs);
  return lines.map(({ atMs, text }) => `${atMs.toFixed(1).padStart(9)}  ${text}`).join("\n");
}

function shown(value: { readonly kind: string }): string {
  const { kind, ...rest } = value;
  return `${kind} ${short(JSON.stringify(rest))}`;
}

function audited({ change }: AuditEntry): string {
  if (change.kind === "pending.update")
    return `${change.kind} ${change.taskId} ${row(change.before)} -> ${row(change.after)}`;
  if (change.kind === "pending.insert" || change.kind === "pending.delete") {
    return `${change.kind} ${change.taskId} ${row(change.row)}`;
  }
  return shown(change);
}

function row({ dueAtMs, owner, claim, failedAttempts, lostAttempts, generation }: PendingImage): string {
  const held = owner === null ? "free" : `${short(owner)}/${claim}`;
  return `[${held} due ${dueAtMs - DEFAULT_START_MS} failed ${failedAttempts} lost ${lostAttempts} g${generation}]`;
}

/** Owner ids have some nineteen digits; four tell them apart. */
function short(text: string): string {
  return text.replace(/\d{11,}(\d{4})/g, "…$1");
}
