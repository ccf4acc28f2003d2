// PGlite in this process; the store reaches it over its socket server.
import { PGlite, type Transaction } from "@electric-sql/pglite";
import { PGLiteSocketServer } from "@electric-sql/pglite-socket";
import { pgliteTransactions, transaction } from "owed/pglite";
import type { PostgresLibrary } from "../../adapters/postgres-library.ts";
import { freePort } from "../../support/server-process.ts";

/** One PGlite for all laws. */
export const pgliteLibrary: PostgresLibrary<Transaction> = {
  name: "PGlite",
  package: "@electric-sql/pglite",
  subpath: "owed/pglite",
  afterCommit: "verified read",
  refused: "a `PGlite` does not compile; an ended transaction throws",
  isDatabase: true,
  lacks: {
    "after-commit": "PGlite has no hook",
    concurrency: "PGlite has one session, so nothing else can be asked while a transaction is open",
  },
  async connect() {
    const db = await PGlite.create();
    const port = await freePort();
    const server = new PGLiteSocketServer({ db, port, host: "127.0.0.1", maxConnections: 20 });
    await server.start();
    let kept: Transaction | undefined;
    await db.transaction(async (tx) => {
      kept = tx;
    });
    const begin = async (tx: Transaction, isolation: string): Promise<void> => {
      await tx.exec(`set transaction isolation level ${isolation}`);
    };
    return {
      target: { connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`, pooler: true },
      transactions: pgliteTransactions(),
      transaction: (work, isolation = "read committed") =>
        db.transaction(async (tx) => {
          await begin(tx, isolation);
          return await work(tx);
        }),
      rolledBack: (work) =>
        db.transaction(async (tx) => {
          await work(tx);
          await tx.rollback();
        }),
      nested: async (tx, work) => {
        await tx.exec("savepoint nested");
        try {
          return await work(tx);
        } catch (error) {
          await tx.exec("rollback to savepoint nested");
          throw error;
        }
      },
      sql: async (tx, text) => (await tx.query(text)).rows,
      committedWork: (scheduler, work, isolation = "read committed") =>
        transaction(scheduler, db, async (tx: Transaction) => {
          await begin(tx, isolation);
          return await work(tx);
        }),
      notTransactions: { db, ended: kept },
      close: async () => {
        await server.stop();
        await db.close();
      },
    };
  },
};
