// Rows of an audit, of whatever database, as entries of a history.
import type { AuditEntry, PendingImage } from "../checker/history.ts";

/** A row that a trigger has written. */
export interface AuditRow {
  /** Equal for rows of one commit, and for no others. */
  readonly commit: string | number;
  readonly atMs: number;
  readonly kind: string;
  /** The number of the task in the store, or the owner. */
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>> | null;
  readonly before: Readonly<Record<string, unknown>> | null;
}

/** Entries of rows that are in the order of their commits. */
export function auditEntries(rows: readonly AuditRow[]): readonly AuditEntry[] {
  const tasks = new Map<string, { readonly taskId: string; readonly type: string }>();
  for (const { kind, subject, details } of rows) {
    if (kind === "task.insert")
      tasks.set(subject, details as { readonly taskId: string; readonly type: string }); // the trigger writes it so
  }
  const entries: AuditEntry[] = [];
  let seq = 0;
  let last: AuditRow["commit"] | null = null;
  for (const row of rows) {
    if (row.commit !== last) seq += 1;
    last = row.commit;
    const change = changeOf(row, tasks);
    if (change !== null) entries.push({ seq, atMs: row.atMs, change });
  }
  return entries;
}

function changeOf(
  { kind, subject, details, before }: AuditRow,
  tasks: ReadonlyMap<string, { readonly taskId: string; readonly type: string }>,
): AuditEntry["change"] | null {
  const { taskId, type } = tasks.get(subject) ?? { taskId: `unknown ${subject}`, type: "unknown" };
  const row = (columns: unknown): PendingImage => ({ ...(columns as PendingImage), type }); // the trigger writes these columns
  switch (kind) {
    case "pending.insert":
    case "pending.delete":
      return { kind, taskId, row: row(details) };
    case "pending.update":
      return { kind, taskId, before: row(before), after: row(details) };
    case "settled.insert":
    case "settled.delete": {
      const { reason, ...rest } = details as {
        state: "confirmed";
        generation: number;
        reason?: string | null;
      };
      return { kind, taskId, ...rest, ...(typeof reason === "string" ? { reason } : {}) };
    }
    case "task.delete":
      return { kind, taskId };
    case "process.insert":
    case "process.beat":
    case "process.delete":
      return { kind, owner: subject };
    default:
      return null;
  }
}
