// Kysely on SQLite.
import BetterSqlite3 from "better-sqlite3";
import { CompiledQuery, Kysely, SqliteDialect, type Transaction } from "kysely";
import { kyselySqliteTransactions, transaction } from "owed/kysely-sqlite";
import { type SqliteLibrary, sqliteLacks } from "../sqlite-library.ts";
import { nestedByHand, type Tables } from "./kysely.ts";

/** Its transactions are asynchronous, on one connection. */
export const kyselySqliteLibrary: SqliteLibrary<Transaction<Tables>> = {
  name: "Kysely on better-sqlite3",
  package: "kysely",
  subpath: "owed/kysely-sqlite",
  afterCommit: "verified read",
  refused: "a `Kysely` does not compile; an ended transaction throws",
  lacks: sqliteLacks,
  driver: "better-sqlite3",
  open: (file) => {
    const connection = new BetterSqlite3(file);
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: connection }) });
    return {
      transactions: kyselySqliteTransactions(connection),
      synchronous: false,
      transaction: (work) => db.transaction().execute(async (trx) => await work(trx)),
      rolledBack: async (work) => {
        const trx = await db.startTransaction().execute();
        await work(trx);
        await trx.rollback().execute();
      },
      nested: (trx, work) => nestedByHand(trx, async (nested) => await work(nested)),
      sql: async (trx, text) => (await trx.executeQuery(CompiledQuery.raw(text))).rows,
      committedWork: (scheduler, work) =>
        transaction(scheduler, db, async (trx: Transaction<Tables>) => await work(trx)),
      notTransactions: { db, connection },
      close: () => db.destroy(),
    };
  },
};
