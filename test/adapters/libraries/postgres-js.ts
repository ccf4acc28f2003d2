// `postgres` of porsager.
import { postgresJsTransactions, transaction } from "owed/postgres-js";
import postgres from "postgres";
import { type PostgresLibrary, rolledBackBy } from "../postgres-library.ts";

/** The package with its defaults, but for named statements behind a pooler. */
export const postgresJsLibrary: PostgresLibrary<postgres.TransactionSql> = {
  name: "postgres",
  package: "postgres",
  subpath: "owed/postgres-js",
  afterCommit: "verified read",
  refused: "the `sql` of the package does not compile",
  lacks: { "after-commit": "postgres has no hook" },
  async connect({ connectionString, pooler }) {
    const sql = postgres(connectionString, { max: 4, prepare: !pooler, onnotice: () => undefined });
    const reserved = await sql.reserve();
    const rollback = new Error("roll back");
    return {
      transactions: postgresJsTransactions(),
      // The library unwraps arrays of promises in what it answers, which nobody here returns.
      transaction: async <Value>(
        work: (tx: postgres.TransactionSql) => Promise<Value>,
        isolation = "read committed",
      ) => (await sql.begin(`isolation level ${isolation}`, work)) as Value,
      rolledBack: (work) =>
        rolledBackBy(
          rollback,
          sql.begin(async (tx) => {
            await work(tx);
            throw rollback;
          }),
        ),
      nested: async <Value>(
        tx: postgres.TransactionSql,
        work: (nested: postgres.TransactionSql) => Promise<Value>,
      ) => (await tx.savepoint(work)) as Value,
      sql: (tx, text) => tx.unsafe(text),
      committedWork: (scheduler, work, isolation = "read committed") =>
        transaction(
          scheduler,
          sql,
          async (tx: postgres.TransactionSql) => await work(tx),
          `isolation level ${isolation}`,
        ),
      notTransactions: { sql, reserved },
      close: async () => {
        reserved.release();
        await sql.end({ timeout: 5 });
      },
    };
  },
};
