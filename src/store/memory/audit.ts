/** What can be watched of a memory store: every change of what is committed. For the simulator and its checker. */
import type { Pending, Settled } from "./rows.ts";

/** What is committed of a task. The objects are never changed afterwards. */
export interface AuditedTask {
  readonly generation: number;
  readonly standing: Pending | Settled;
}

/** One change of one row. Changes of one commit, or of one call, are told in the turn in which it happens. */
export type AuditedChange =
  /** `before` is null for a new task, `after` for one that was pruned. */
  | {
      readonly kind: "task";
      readonly taskId: string;
      readonly type: string;
      readonly key: string | null;
      readonly before: AuditedTask | null;
      readonly after: AuditedTask | null;
    }
  | { readonly kind: "process"; readonly owner: string; readonly change: "insert" | "beat" | "delete" };

/** Receives every committed change, in commit order. It must not call the store, nor throw. */
export type Audit = (change: AuditedChange) => void;
