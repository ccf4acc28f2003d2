// Drizzle on better-sqlite3.
import BetterSqlite3 from "better-sqlite3";
import { sql } from "drizzle-orm";
import { type BetterSQLite3Database, drizzle } from "drizzle-orm/better-sqlite3";
import { drizzleSqliteTransactions, transaction } from "owed/drizzle-sqlite";
import { type SqliteLibrary, synchronousLacks } from "../sqlite-library.ts";
import { withoutPromise } from "./sqlite-connection.ts";

/** The tx of Drizzle on better-sqlite3. */
export type DrizzleBetterTransaction = Parameters<Parameters<BetterSQLite3Database["transaction"]>[0]>[0];

const immediate = { behavior: "immediate" } as const;

/** Its transactions are synchronous. */
export const drizzleSqliteLibrary: SqliteLibrary<DrizzleBetterTransaction> = {
  name: "Drizzle on better-sqlite3",
  package: "drizzle-orm",
  subpath: "owed/drizzle-sqlite",
  afterCommit: "verified read",
  refused: "`db` does not compile; a tx that has ended throws",
  lacks: synchronousLacks,
  driver: "better-sqlite3",
  open: (file) => {
    const connection = new BetterSqlite3(file);
    const db = drizzle(connection);
    let ended: DrizzleBetterTransaction | undefined;
    db.transaction((tx) => {
      ended = tx;
    });
    return {
      transactions: drizzleSqliteTransactions(),
      synchronous: true,
      transaction: async (work) => db.transaction((tx) => withoutPromise(work(tx)), immediate),
      rolledBack: async (work) => {
        try {
          db.transaction((tx) => {
            withoutPromise(work(tx));
            tx.rollback();
          }, immediate);
        } catch (error) {
          if (!(error instanceof Error) || error.constructor.name !== "TransactionRollbackError") throw error;
        }
      },
      nested: (tx, work) => tx.transaction((nested) => withoutPromise(work(nested))),
      sql: (tx, text) => {
        if (text.startsWith("select")) return tx.all(sql.raw(text));
        tx.run(sql.raw(text));
        return [];
      },
      committedWork: async (scheduler, work) =>
        transaction(scheduler, db, (tx: DrizzleBetterTransaction) => withoutPromise(work(tx)), immediate),
      notTransactions: { db, connection, ended },
      close: () => void connection.close(),
    };
  },
};
