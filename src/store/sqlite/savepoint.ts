/** Savepoints on a connection, and calls that happen on it all or not at all. */
import { StoreUnavailableError } from "../../errors.ts";
import type { Savepoint } from "../contract.ts";
import type { Connection } from "./connection.ts";
import { callSavepoint, numberedSavepoint } from "./connection-statements.ts";
import { sqliteCodeOf, storeErrorOf } from "./sqlite-error.ts";

/** A savepoint that leaves nothing behind, however it ends; a second end does nothing. */
export function setSavepoint(
  connection: Connection,
  number: number,
): Savepoint & {
  rollback(): void;
  release(): void;
} {
  const statements = numberedSavepoint(number);
  let isOver = false;
  run(connection, statements.set);
  return {
    rollback() {
      if (isOver) return;
      run(connection, statements.rollback);
      run(connection, statements.release);
      isOver = true;
    },
    release() {
      if (isOver) return;
      run(connection, statements.release);
      isOver = true;
    },
  };
}

/** Runs the statements of one call on a user's transaction. When one fails, none of them has happened. */
export function asOneCall<Value>(connection: Connection, work: () => Value): Value {
  try {
    connection.exec(callSavepoint.set);
    try {
      const value = work();
      connection.exec(callSavepoint.release);
      return value;
    } catch (error) {
      undo(connection);
      throw error;
    }
  } catch (error) {
    throw callErrorOf(error);
  }
}

function run(connection: Connection, sql: string): void {
  try {
    connection.exec(sql);
  } catch (error) {
    throw storeErrorOf(error);
  }
}

function undo(connection: Connection): void {
  try {
    connection.exec(callSavepoint.rollback);
    connection.exec(callSavepoint.release);
  } catch {
    // After a full disk or an I/O error SQLite has rolled the whole transaction back, and the savepoint with it.
  }
}

function callErrorOf(error: unknown): unknown {
  if (sqliteCodeOf(error) !== "BUSY") return storeErrorOf(error);
  return new StoreUnavailableError(
    "the transaction could not get SQLite's write lock: another connection holds it or has written since this transaction " +
      'began to read. Roll back and run it again, begun with "begin immediate"',
    { cause: error, outcomeUnknown: false },
  );
}
