// Kysely on Postgres, with its controlled transactions for what is rolled back by hand.
import { CompiledQuery, type ControlledTransaction, Kysely, PostgresDialect, type Transaction } from "kysely";
import { kyselyTransactions, transaction } from "owed/kysely";
import pg from "pg";
import type { PostgresLibrary } from "../postgres-library.ts";

/** The tables do not matter here. */
export type Tables = Record<string, never>;

/** Kysely with its dialect for `pg`. */
export const kyselyLibrary: PostgresLibrary<Transaction<Tables>> = {
  name: "Kysely",
  package: "kysely",
  subpath: "owed/kysely",
  afterCommit: "verified read",
  refused: "a `Kysely` does not compile; an ended transaction throws",
  lacks: { "after-commit": "Kysely has no hook" },
  async connect({ connectionString }) {
    const db = new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 4 }) }),
    });
    const ended = await db.startTransaction().execute();
    await ended.rollback().execute();
    return {
      transactions: kyselyTransactions(),
      transaction: (work, isolation = "read committed") =>
        db.transaction().setIsolationLevel(isolation).execute(work),
      rolledBack: async (work) => {
        const trx = await db.startTransaction().execute();
        await work(trx);
        await trx.rollback().execute();
      },
      nested: nestedByHand,
      sql: async (trx, text) => (await trx.executeQuery(CompiledQuery.raw(text))).rows,
      committedWork: (scheduler, work, isolationLevel = "read committed") =>
        transaction(scheduler, db, async (trx: Transaction<Tables>) => await work(trx), { isolationLevel }),
      notTransactions: { db, ended },
      close: () => db.destroy(),
    };
  },
};

/** Kysely whose transactions are begun and ended by hand. */
export const kyselyControlledLibrary: PostgresLibrary<
  Transaction<Tables> | ControlledTransaction<Tables, string[]>
> = {
  ...kyselyLibrary,
  name: "Kysely, controlled",
  async connect({ connectionString }) {
    const db = new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString, max: 4 }) }),
    });
    return {
      transactions: kyselyTransactions(),
      transaction: async (work, isolation = "read committed") => {
        const trx = await db.startTransaction().setIsolationLevel(isolation).execute();
        try {
          const value = await work(trx);
          await trx.commit().execute();
          return value;
        } catch (error) {
          await trx.rollback().execute();
          throw error;
        }
      },
      rolledBack: async (work) => {
        const trx = await db.startTransaction().execute();
        await work(trx);
        await trx.rollback().execute();
      },
      nested: async (trx, work) => {
        // The adapter's own `transaction` hands out a transaction that is not controlled.
        if (!("savepoint" in trx)) return await nestedByHand(trx, work);
        const nested = await trx.savepoint("nested").execute();
        try {
          return await work(nested);
        } catch (error) {
          await nested.rollbackToSavepoint("nested").execute();
          throw error;
        }
      },
      sql: async (trx, text) => (await trx.executeQuery(CompiledQuery.raw(text))).rows,
      committedWork: (scheduler, work, isolationLevel = "read committed") =>
        transaction(scheduler, db, async (trx: Transaction<Tables>) => await work(trx), { isolationLevel }),
      notTransactions: { db },
      close: () => db.destroy(),
    };
  },
};

/** Only controlled transactions have savepoints of their own; with others, users send the statement. */
export async function nestedByHand<Trx extends Transaction<Tables>, Value>(
  trx: Trx,
  work: (nested: Trx) => Promise<Value>,
): Promise<Value> {
  const run = (text: string): Promise<unknown> => trx.executeQuery(CompiledQuery.raw(text));
  await run("savepoint nested");
  try {
    return await work(trx);
  } catch (error) {
    await run("rollback to savepoint nested");
    throw error;
  }
}
