// Knex on Postgres.
import knex, { type Knex } from "knex";
import { knexTransactions, transaction } from "owed/knex";
import type { PostgresLibrary } from "../../adapters/postgres-library.ts";

/** Knex with its client for `pg`. */
export const knexLibrary: PostgresLibrary<Knex.Transaction> = {
  name: "Knex",
  package: "knex",
  subpath: "owed/knex",
  afterCommit: "`executionPromise`",
  refused: "a `knex` does not compile; an ended transaction throws",
  async connect({ connectionString }) {
    const db = knex({ client: "pg", connection: connectionString, pool: { min: 0, max: 4 } });
    const ended = await db.transaction();
    await ended.rollback();
    return {
      transactions: knexTransactions(),
      transaction: (work, isolationLevel = "read committed") => db.transaction(work, { isolationLevel }),
      rolledBack: async (work) => {
        const trx = await db.transaction();
        await work(trx);
        await trx.rollback();
      },
      nested: (trx, work) => trx.transaction(work),
      sql: async (trx, text) => ((await trx.raw(text)) as { rows: unknown[] }).rows,
      committedWork: (scheduler, work, isolationLevel = "read committed") =>
        transaction(scheduler, db, async (trx: Knex.Transaction) => await work(trx), { isolationLevel }),
      notTransactions: { db, ended },
      close: () => db.destroy(),
    };
  },
};
