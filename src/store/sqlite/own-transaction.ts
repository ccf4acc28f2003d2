/** The transaction of `store.begin()`, and what the user's callback gets to work with in it. */
import {
  CommitUnknownError,
  InvalidInputError,
  NotATransactionError,
  TransactionRolledBackError,
} from "../../errors.ts";
import type { OwnTransaction, Savepoint } from "../contract.ts";
import { COMMIT, ROLLBACK } from "./connection-statements.ts";
import type { OpenHandle } from "./database.ts";
import type { RawStatement, SqliteTransaction } from "./driver.ts";
import { sqliteCodeOf, storeErrorOf } from "./sqlite-error.ts";

/** What a statement without rows did. */
export interface SqliteRunResult {
  readonly changes: number | bigint;
  readonly lastInsertRowid: number | bigint;
}

/**
 * SQL on the store's own connection, inside its transaction. All calls are synchronous; parameters are those of the
 * binding: values for `?`, one object for names. Errors of the user's own statements come through as they are.
 */
export interface SqliteApi {
  /** Runs a statement and answers no rows. */
  run(sql: string, ...parameters: readonly unknown[]): SqliteRunResult;
  /** The first row, or undefined. */
  get<Row = Record<string, unknown>>(sql: string, ...parameters: readonly unknown[]): Row | undefined;
  /** All rows. */
  all<Row = Record<string, unknown>>(sql: string, ...parameters: readonly unknown[]): Row[];
  /** The binding's own connection, for a query builder. Once it was touched, the fast path reads before it believes. */
  readonly handle: SqliteTransaction;
}

/** A transaction of the store's own; everything on it is synchronous. */
export interface SqliteOwnTransaction<Transaction = SqliteTransaction>
  extends OwnTransaction<Transaction, SqliteApi> {
  savepoint(): Savepoint;
  commit(): void;
  rollback(): void;
}

/** Wraps a transaction that was just begun. `savepoint` sets one on its connection. */
export function ownTransaction(
  open: OpenHandle & { end(): void },
  savepoint: () => Savepoint,
): SqliteOwnTransaction {
  const { handle, connection } = open;
  let isOver = false;
  let isCertain = true;
  const assertOpen = (): void => {
    if (isOver)
      throw new NotATransactionError("this transaction has ended", "use it inside its callback only");
  };
  const statement = (sql: string): RawStatement => {
    assertOpen();
    if (isTransactionControl(sql)) isCertain = false;
    return handle.prepare(sql);
  };
  const end = (): void => {
    isOver = true;
    open.end();
  };
  // A scheduler puts its own methods before this object's, so nothing in here may depend on `this`.
  const api: SqliteApi = Object.freeze({
    run: (sql: string, ...parameters: readonly unknown[]) =>
      statement(sql).run(...parameters) as SqliteRunResult,
    get: <Row>(sql: string, ...parameters: readonly unknown[]) =>
      plain(statement(sql).get(...parameters)) as Row | undefined,
    all: <Row>(sql: string, ...parameters: readonly unknown[]) =>
      statement(sql)
        .all(...parameters)
        .map(plain) as Row[],
    get handle(): SqliteTransaction {
      assertOpen();
      isCertain = false;
      return handle;
    },
  });
  return Object.freeze({
    transaction: handle,
    api,
    provesCommit: () => isCertain,
    savepoint: () => {
      assertOpen();
      return savepoint();
    },
    commit: () => {
      assertOpen();
      try {
        commit(connection);
      } finally {
        if (connection.inTransaction) rollBack(connection);
        end();
      }
    },
    rollback: () => {
      if (isOver) return;
      if (connection.inTransaction) rollBack(connection);
      end();
    },
  });
}

function commit(connection: OpenHandle["connection"]): void {
  if (!connection.inTransaction) {
    throw new TransactionRolledBackError(
      "there was no transaction left to commit: SQLite had rolled it back after an error, or it was ended by hand",
    );
  }
  try {
    connection.exec(COMMIT);
  } catch (error) {
    if (sqliteCodeOf(error) === "IOERR") throw new CommitUnknownError([], { cause: error });
    throw storeErrorOf(error);
  }
}

function rollBack(connection: OpenHandle["connection"]): void {
  try {
    connection.exec(ROLLBACK);
  } catch {
    // Its owner closes a connection that is still in a transaction.
  }
}

/** True for savepoints by hand. Throws for what would end the transaction under the scheduler's feet. */
function isTransactionControl(sql: string): boolean {
  const text = sql.replace(/^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[^]*?(?:\*\/|$))+/, "");
  const words = text.slice(0, 200).toLowerCase().split(/\W+/);
  const [first = ""] = words;
  const endsTransaction =
    first === "begin" ||
    first === "commit" ||
    first === "end" ||
    (first === "rollback" && !words.slice(1, 3).includes("to"));
  if (endsTransaction) {
    throw new InvalidInputError(
      "sql",
      `is "${first}" inside a transaction of the scheduler`,
      "return from the callback to commit, throw from it to roll back",
    );
  }
  return first === "savepoint" || first === "release" || first === "rollback";
}

/** node:sqlite answers rows without a prototype. */
function plain(row: unknown): unknown {
  return typeof row === "object" && row !== null ? { ...row } : row;
}
