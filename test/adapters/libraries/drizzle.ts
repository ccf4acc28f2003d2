// Drizzle, on its drivers for `pg` and for `postgres`.

import { sql } from "drizzle-orm";
import { type NodePgDatabase, drizzle as onPg } from "drizzle-orm/node-postgres";
import { drizzle as onPostgresJs, type PostgresJsDatabase } from "drizzle-orm/postgres-js";
import { drizzleTransactions, transaction } from "owed/drizzle";
import pg from "pg";
import postgres from "postgres";
import { type ConnectedLibrary, type PostgresLibrary, rolledBackBy } from "../postgres-library.ts";

/** The tx of Drizzle on `pg`. */
export type DrizzlePgTransaction = Parameters<Parameters<NodePgDatabase["transaction"]>[0]>[0];
/** The tx of Drizzle on `postgres`. */
export type DrizzlePostgresJsTransaction = Parameters<Parameters<PostgresJsDatabase["transaction"]>[0]>[0];

const described = {
  package: "drizzle-orm",
  subpath: "owed/drizzle",
  afterCommit: "verified read",
  refused: "`db` does not compile",
  lacks: { "after-commit": "Drizzle has no hook" },
} as const;

const rollback = new Error("roll back");

/** Drizzle with the driver node-postgres. */
export const drizzlePgLibrary: PostgresLibrary<DrizzlePgTransaction> = {
  name: "Drizzle on pg",
  ...described,
  async connect({ connectionString }): Promise<ConnectedLibrary<DrizzlePgTransaction>> {
    const pool = new pg.Pool({ connectionString, max: 4 });
    const db = onPg(pool);
    return {
      transactions: drizzleTransactions(),
      transaction: (work, isolationLevel = "read committed") => db.transaction(work, { isolationLevel }),
      rolledBack: (work) =>
        rolledBackBy(
          rollback,
          db.transaction((tx) => failing(work(tx))),
        ),
      nested: (tx, work) => tx.transaction(work),
      sql: async (tx, text) => (await tx.execute(sql.raw(text))).rows,
      committedWork: (scheduler, work, isolationLevel = "read committed") =>
        transaction(scheduler, db, async (tx: DrizzlePgTransaction) => await work(tx), { isolationLevel }),
      notTransactions: { db, pool },
      close: () => pool.end(),
    };
  },
};

/** Drizzle with the driver postgres-js. */
export const drizzlePostgresJsLibrary: PostgresLibrary<DrizzlePostgresJsTransaction> = {
  name: "Drizzle on postgres",
  ...described,
  async connect({ connectionString, pooler }): Promise<ConnectedLibrary<DrizzlePostgresJsTransaction>> {
    const client = postgres(connectionString, { max: 4, prepare: !pooler, onnotice: () => undefined });
    const db = onPostgresJs(client);
    return {
      transactions: drizzleTransactions(),
      transaction: (work, isolationLevel = "read committed") => db.transaction(work, { isolationLevel }),
      rolledBack: (work) =>
        rolledBackBy(
          rollback,
          db.transaction((tx) => failing(work(tx))),
        ),
      nested: (tx, work) => tx.transaction(work),
      sql: (tx, text) => tx.execute(sql.raw(text)),
      committedWork: (scheduler, work, isolationLevel = "read committed") =>
        transaction(scheduler, db, async (tx: DrizzlePostgresJsTransaction) => await work(tx), {
          isolationLevel,
        }),
      notTransactions: { db, client },
      close: () => client.end({ timeout: 5 }),
    };
  },
};

async function failing(work: Promise<unknown>): Promise<never> {
  await work;
  throw rollback;
}
