/** Connections that users pass as their transaction: whether they are one, on which file, and how they are used. */
import { statSync } from "node:fs";

import { NotATransactionError } from "../../errors.ts";
import { Connection, isInTransaction } from "./connection.ts";
import { readFiles, readSynchronous } from "./connection-statements.ts";
import type { RawHandle, SqliteTransactions } from "./driver.ts";

const FULL = 2;

/** A user's connection that was found to be on the store's file. */
interface CallerHandle {
  readonly connection: Connection;
  /** Names the connection; it may carry many transactions, one after the other. */
  readonly mark: string;
}

/** Remembers the connections it has seen, without keeping them alive. */
export class CallerHandles {
  readonly #file: string;
  readonly #library: SqliteTransactions<object> | null;
  readonly #own = new WeakSet<object>();
  readonly #known = new WeakMap<object, CallerHandle>();
  readonly #byMark = new Map<string, WeakRef<RawHandle>>();
  readonly #collected = new FinalizationRegistry<string>((mark) => this.#byMark.delete(mark));
  #lastMark = 0;
  #hasUnsafeCommits = false;

  /** Without a library the callers' transactions are connections. */
  constructor(file: string, library: SqliteTransactions<object> | null = null) {
    this.#file = file;
    this.#library = library;
  }

  /** Notes a connection of the store's own. */
  adopt(handle: RawHandle): void {
    this.#own.add(handle);
  }

  /** True once a connection was seen whose commits may be lost with the machine. */
  get hasUnsafeCommits(): boolean {
    return this.#hasUnsafeCommits;
  }

  /** The connection behind a candidate. Throws NotATransactionError unless a transaction is open on it, on this file. */
  inTransaction(transaction: unknown): CallerHandle {
    const candidate = this.#connectionOf(transaction);
    if (!isHandle(candidate)) {
      throw new NotATransactionError(
        "this is no connection of better-sqlite3, node:sqlite or libsql",
        "pass the connection itself while a transaction is open on it",
      );
    }
    if (!isInTransaction(candidate)) {
      throw new NotATransactionError(
        "no transaction is open on this connection",
        'run "begin immediate" on it first (or better-sqlite3\'s transaction(...).immediate), or use scheduler.transaction',
      );
    }
    return this.#known.get(candidate) ?? this.#know(candidate);
  }

  /** True while a transaction is open on the connection of that mark, perhaps a later one. */
  isOpen(mark: string): boolean {
    const handle = this.#byMark.get(mark)?.deref();
    return handle !== undefined && isInTransaction(handle);
  }

  #connectionOf(transaction: unknown): unknown {
    if (this.#library === null || this.#own.has(transaction as object)) return transaction;
    const library: SqliteTransactions<object> = this.#library;
    library.assertTransaction(transaction);
    return library.connectionOf(transaction);
  }

  #know(handle: RawHandle): CallerHandle {
    const connection = new Connection(handle);
    const path = connection.all<{ readonly name: string; readonly file: string | null }>(readFiles)[0]?.file;
    if (!isSameFile(path ?? "", this.#file)) {
      throw new NotATransactionError(
        `this connection is open on ${path ? path : "a database in memory"}, and the tasks live in ${this.#file}`,
        "open the connection on the store's file: one transaction cannot span two",
      );
    }
    const setting = connection.first<{ readonly synchronous: number }>(readSynchronous);
    if (Number(setting?.synchronous ?? FULL) < FULL) this.#hasUnsafeCommits = true;
    this.#lastMark += 1;
    const known = Object.freeze({ connection, mark: String(this.#lastMark) });
    this.#known.set(handle, known);
    this.#byMark.set(known.mark, new WeakRef(handle));
    this.#collected.register(handle, known.mark);
    return known;
  }
}

function isHandle(candidate: unknown): candidate is RawHandle {
  if (typeof candidate !== "object" || candidate === null) return false;
  const { prepare, exec } = candidate as Partial<RawHandle>;
  return typeof prepare === "function" && typeof exec === "function";
}

/** Compares the files themselves, since a path may be relative or lead over links. */
function isSameFile(path: string, file: string): boolean {
  if (path === "") return false;
  if (path === file) return true;
  const [left, right] = [path, file].map((name) => statSync(name, { bigint: true, throwIfNoEntry: false }));
  return left !== undefined && right !== undefined && left.dev === right.dev && left.ino === right.ino;
}
