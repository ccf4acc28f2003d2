/** `owed/better-sqlite3`, `owed/node-sqlite`, `owed/libsql`: transactions on a connection, which the store takes as it is. */
import { SynchronousOnlyError } from "../errors.ts";
import type { SqliteTransaction } from "../store/sqlite/index.ts";
import { type CollectingScheduler, type CommittedWork, committedWorkSync } from "./committed-work.ts";

/**
 * Runs `work` between "begin immediate" and "commit" on the connection, and starts the fast path. It must not be async:
 * what comes after its first await would run outside. Throws what `work` threw, after a rollback, and what SQLite throws.
 */
export function transaction<Connection extends SqliteTransaction, Value>(
  scheduler: CollectingScheduler,
  connection: Connection,
  work: (connection: Connection) => Value extends PromiseLike<unknown> ? never : Value,
): CommittedWork<Value> {
  return committedWorkSync<Connection, Value>(
    scheduler,
    (run) => {
      connection.exec("begin immediate");
      try {
        refusePromise(run(connection));
        connection.exec("commit");
      } catch (error) {
        rollBack(connection);
        throw error;
      }
    },
    work,
  );
}

function refusePromise(value: unknown): void {
  if (typeof (value as PromiseLike<unknown> | null | undefined)?.then !== "function") return;
  Promise.resolve(value).catch(() => undefined);
  throw new SynchronousOnlyError("the callback of a transaction on SQLite must not be async");
}

function rollBack(connection: SqliteTransaction): void {
  try {
    connection.exec("rollback");
  } catch {
    // After a full disk or an I/O error SQLite has rolled back already; the error that led here tells more.
  }
}
