/** The inside of a transaction: what it has written and nobody else sees, and how to take that back. */
import { NotATransactionError, TransactionRolledBackError } from "../../errors.ts";
import type { Awaitable, HeldTask, Savepoint } from "../contract.ts";
import { type Database, type OpenTransaction, pendingLock } from "./database.ts";
import { databaseError } from "./database-error.ts";
import { isCurrent, type TaskRow } from "./rows.ts";
import type { Confirmation } from "./settlements.ts";

/** One transaction. Its statements run one after the other, as they would on a connection. */
export class Session {
  readonly database: Database;
  readonly #transaction: OpenTransaction;
  readonly #tasks = new Map<string, TaskRow>();
  readonly #businessRows = new Map<string, unknown>();
  readonly #confirmations = new Set<Confirmation>();
  /** How to take back each thing done, in order; a savepoint is a length of it. */
  readonly #undo: (() => void)[] = [];
  readonly #savepoints: object[] = [];
  readonly #locks = new Set<string>();
  #state: "open" | "aborted" | "ended" = "open";
  #lastStatement: Promise<void> = Promise.resolve();

  constructor(database: Database, frozen: boolean) {
    this.database = database;
    this.#transaction = database.open(frozen);
  }

  get isOpen(): boolean {
    return this.#state !== "ended";
  }

  get mark(): string {
    return this.#transaction.mark;
  }

  /** The commit as of which it reads. */
  get horizon(): number {
    return this.#transaction.snapshot ?? this.database.lastCommit;
  }

  /** Runs a statement after those before it. One that throws aborts the transaction. */
  statement<Value>(run: () => Awaitable<Value>): Promise<Value> {
    return this.#inTurn(async () => {
      if (this.#state === "ended") throw hasEnded();
      if (this.#state === "aborted") throw databaseError("25P02");
      try {
        return await run();
      } catch (error) {
        this.#state = "aborted";
        throw error;
      }
    });
  }

  /** Locks a key until the end, or until the savepoint before this is rolled back. */
  async lock(key: string): Promise<void> {
    if (!(await this.database.locks.acquire(key, this))) return;
    this.#locks.add(key);
    this.#undo.push(() => {
      this.#locks.delete(key);
      this.database.locks.release(key);
    });
  }

  /** Refuses to build on what was committed after this transaction's frozen snapshot. */
  assertNotNewer(commit: number): void {
    if (this.#transaction.snapshot !== null && commit > this.#transaction.snapshot)
      throw databaseError("40001");
  }

  /** The task of that id as this transaction sees it. */
  findTask(taskId: string): TaskRow | undefined {
    return this.#tasks.get(taskId) ?? this.database.tables.find(taskId);
  }

  addTask(row: TaskRow): void {
    this.#tasks.set(row.taskId, row);
    this.#undo.push(() => this.#tasks.delete(row.taskId));
  }

  /** Takes back tasks this transaction has inserted itself. */
  removeTasks(ids: ReadonlySet<string>): void {
    const removed = [...this.#tasks.values()].filter(({ id }) => ids.has(String(id)));
    for (const row of removed) {
      this.#tasks.delete(row.taskId);
      this.#undo.push(() => this.#tasks.set(row.taskId, row));
    }
  }

  /** Confirms a task under its current claim; nobody else ends it before this transaction does. Answers false otherwise. */
  async confirm({ id, token }: HeldTask, nowMs: number): Promise<boolean> {
    const row = this.database.tables.findById(id);
    if (row === undefined || !isCurrent(row, token) || this.#hasConfirmed(row)) return false;
    await this.lock(pendingLock(row));
    if (!isCurrent(row, token)) return false;
    const confirmation = { row, token, atMs: nowMs };
    this.#confirmations.add(confirmation);
    this.#undo.push(() => this.#confirmations.delete(confirmation));
    return true;
  }

  #hasConfirmed(row: TaskRow): boolean {
    return [...this.#confirmations].some((confirmation) => confirmation.row === row);
  }

  readBusinessRow(key: string): unknown {
    if (this.#businessRows.has(key)) return this.#businessRows.get(key);
    return this.database.businessRows.read(key, this.horizon);
  }

  businessKeys(): string[] {
    const keys = new Set(this.database.businessRows.keys(this.horizon));
    for (const [key, value] of this.#businessRows) {
      if (value === undefined) keys.delete(key);
      else keys.add(key);
    }
    return [...keys].sort();
  }

  writeBusinessRow(key: string, value: unknown): void {
    const had = this.#businessRows.has(key);
    const before = this.#businessRows.get(key);
    this.#businessRows.set(key, value);
    this.#undo.push(() => {
      if (had) this.#businessRows.set(key, before);
      else this.#businessRows.delete(key);
    });
  }

  savepoint(): Promise<Savepoint> {
    return this.statement(() => {
      const marker = {};
      const length = this.#undo.length;
      this.#savepoints.push(marker);
      return {
        rollback: () => this.#inTurn(() => this.#rollbackTo(marker, length)),
        release: () => this.statement(() => void this.#savepoints.splice(this.#placeOf(marker))),
      };
    });
  }

  /** Makes everything visible, or throws when an earlier error has aborted the transaction: then nothing is written. */
  commit(): Promise<void> {
    return this.#inTurn(() => {
      if (this.#state === "ended") throw hasEnded();
      const aborted = this.#state === "aborted";
      this.#state = "ended";
      const changes = {
        tasks: this.#tasks.values(),
        confirmations: this.#confirmations,
        businessRows: this.#businessRows,
      };
      if (aborted) this.database.end(this.#transaction);
      else this.database.commit(this.#transaction, changes);
      this.#releaseLocks();
      if (aborted) {
        throw new TransactionRolledBackError(
          "COMMIT was answered with ROLLBACK: an earlier statement had failed",
        );
      }
    });
  }

  /** Forgets everything. Does nothing when the transaction is over. */
  rollback(): Promise<void> {
    return this.#inTurn(() => {
      if (this.#state === "ended") return;
      this.#state = "ended";
      this.database.end(this.#transaction);
      this.#releaseLocks();
    });
  }

  #rollbackTo(marker: object, length: number): void {
    if (this.#state === "ended") throw hasEnded();
    this.#savepoints.splice(this.#placeOf(marker) + 1);
    for (const undo of this.#undo.splice(length).reverse()) undo();
    this.#state = "open";
  }

  #placeOf(marker: object): number {
    const place = this.#savepoints.indexOf(marker);
    if (place >= 0) return place;
    this.#state = "aborted";
    throw databaseError("3B001");
  }

  #releaseLocks(): void {
    for (const key of this.#locks) this.database.locks.release(key);
    this.#locks.clear();
  }

  async #inTurn<Value>(run: () => Awaitable<Value>): Promise<Value> {
    const before = this.#lastStatement;
    const turn = before.then(run);
    this.#lastStatement = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }
}

function hasEnded(): NotATransactionError {
  return new NotATransactionError("this transaction has ended", "begin another one");
}
