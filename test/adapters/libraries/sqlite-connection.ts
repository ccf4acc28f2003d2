// The bindings of SQLite, whose connections the store takes without an adapter.
import { transaction } from "../../../src/adapters/sqlite-connection.ts";
import { loadDriver, type RawHandle } from "../../../src/store/sqlite/driver.ts";
import type { SqliteDriverName } from "../../../src/store/sqlite/index.ts";
import { type SqliteLibrary, type SqliteOpenLibrary, synchronousLacks } from "../sqlite-library.ts";

function between<Value>(
  handle: RawHandle,
  begin: string,
  undo: readonly string[],
  end: string,
  work: () => Value,
): Value {
  handle.exec(begin);
  try {
    const value = work();
    handle.exec(end);
    return value;
  } catch (error) {
    for (const statement of undo) handle.exec(statement);
    throw error;
  }
}

function opened(file: string, driver: SqliteDriverName): SqliteOpenLibrary<RawHandle> {
  const handle = loadDriver(driver).open(file);
  const outside = loadDriver(driver).open(file);
  return {
    synchronous: true,
    transaction: async (work) =>
      between(handle, "begin immediate", ["rollback"], "commit", () => withoutPromise(work(handle))),
    rolledBack: async (work) =>
      void between(handle, "begin immediate", ["rollback"], "rollback", () => work(handle)),
    nested: (_, work) =>
      between(handle, "savepoint nested", ["rollback to nested", "release nested"], "release nested", () =>
        work(handle),
      ),
    sql: (tx, text) => {
      if (text.startsWith("select")) return tx.prepare(text).all();
      tx.prepare(text).run();
      return [];
    },
    committedWork: async (scheduler, work) => {
      // In a box, since any value could be a promise to the compiler.
      const { value, receipts } = transaction(scheduler, handle, (tx) => ({
        boxed: withoutPromise(work(tx)),
      }));
      return { value: value.boxed, receipts };
    },
    notTransactions: { outside },
    close: () => {
      handle.close();
      outside.close();
    },
  };
}

/** The suite keeps its promise that work is synchronous where the library says so. */
export function withoutPromise<Value>(value: Value | Promise<Value>): Value {
  if (value instanceof Promise) throw new TypeError("the work of a synchronous library answered a promise");
  return value;
}

/** One binding. */
export function connectionLibrary(driver: SqliteDriverName, subpath: string): SqliteLibrary<RawHandle> {
  return {
    name: driver,
    package: driver === "node:sqlite" ? null : driver,
    subpath,
    afterCommit: "verified read",
    refused: "a connection outside a transaction throws",
    lacks: synchronousLacks,
    driver,
    open: (file) => opened(file, driver),
  };
}
