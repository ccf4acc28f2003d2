/** The committed whole: tables, business rows, locks, open transactions, and the instant at which a commit becomes visible. */
import type { Audit } from "./audit.ts";
import { BusinessRows } from "./business-rows.ts";
import { Locks } from "./locks.ts";
import type { TaskRow } from "./rows.ts";
import { type Confirmation, confirmRow } from "./settlements.ts";
import { Tables } from "./tables.ts";

/** What a transaction leaves behind when it commits. */
export interface Changes {
  readonly tasks: Iterable<TaskRow>;
  /** Tasks that it has confirmed; it holds their locks. */
  readonly confirmations: Iterable<Confirmation>;
  readonly businessRows: Iterable<readonly [key: string, value: unknown]>;
}

/** A transaction as the database knows it: its name, and the commit its reads are bound to (null: always the latest). */
export interface OpenTransaction {
  readonly mark: string;
  readonly snapshot: number | null;
}

/** Everything the transactions of one memory store share. */
export class Database {
  readonly tables: Tables;
  readonly businessRows = new BusinessRows();
  readonly locks = new Locks();
  readonly #open = new Map<string, OpenTransaction>();
  #lastTaskId = 0;
  #lastMark = 0;
  #lastCommit = 0;

  constructor(audit?: Audit) {
    this.tables = new Tables(audit);
  }

  /** Number of the latest commit. */
  get lastCommit(): number {
    return this.#lastCommit;
  }

  /** The next number of a task. Like a sequence it never goes back, whatever becomes of the transaction. */
  nextTaskId(): number {
    this.#lastTaskId += 1;
    return this.#lastTaskId;
  }

  open(frozen: boolean): OpenTransaction {
    this.#lastMark += 1;
    const transaction = { mark: String(this.#lastMark), snapshot: frozen ? this.#lastCommit : null };
    this.#open.set(transaction.mark, transaction);
    return transaction;
  }

  /** Whether an open transaction has confirmed the task, or is about to. */
  isLocked(row: TaskRow): boolean {
    return this.locks.isHeld(pendingLock(row));
  }

  isOpen(mark: string): boolean {
    return this.#open.has(mark);
  }

  /** Makes all changes visible at one instant. */
  commit(transaction: OpenTransaction, changes: Changes): void {
    this.#lastCommit += 1;
    for (const row of changes.tasks) {
      row.commit = this.#lastCommit;
      this.tables.add(row);
    }
    for (const confirmation of changes.confirmations) confirmRow(this.tables, confirmation);
    for (const [key, value] of changes.businessRows) this.businessRows.write(key, value, this.#lastCommit);
    this.end(transaction);
  }

  /** The transaction is over. */
  end(transaction: OpenTransaction): void {
    this.#open.delete(transaction.mark);
    let oldest = this.#lastCommit;
    for (const { snapshot } of this.#open.values()) oldest = Math.min(oldest, snapshot ?? oldest);
    this.businessRows.forgetBefore(oldest);
  }
}

/** The lock of whoever ends a pending task. */
export function pendingLock({ id }: Pick<TaskRow, "id">): string {
  return `pending ${id}`;
}
