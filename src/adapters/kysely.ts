/** `owed/kysely`: transactions of Kysely on Postgres. */
import { CompiledQuery } from "kysely";
import type { PostgresTransactions } from "../store/postgres/index.ts";
import { assertOpen, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";

/** A `Transaction` of Kysely, controlled or not; a `Kysely` says of itself that it is none. */
export interface KyselyTransaction {
  readonly isTransaction: true;
  executeQuery(query: CompiledQuery): Promise<{ readonly rows: readonly unknown[] }>;
}

/** A `Kysely`, as far as a transaction needs it. */
export interface KyselyDatabase<Transaction> {
  transaction(): KyselyTransactionBuilder<Transaction>;
}

/** What `db.transaction()` answers. */
export interface KyselyTransactionBuilder<Transaction> {
  setIsolationLevel(level: KyselyIsolationLevel): KyselyTransactionBuilder<Transaction>;
  execute<Value>(work: (trx: Transaction) => Promise<Value>): Promise<Value>;
}

/** Isolation levels of Postgres, as Kysely names them. */
export type KyselyIsolationLevel = "read committed" | "repeatable read" | "serializable";

const REMEDY = "pass the trx that db.transaction().execute(...) hands to its callback";

/** For `transactions` of `postgresStore`. */
export function kyselyTransactions(): PostgresTransactions<KyselyTransaction> {
  return {
    assertTransaction(candidate): asserts candidate is KyselyTransaction {
      const { executeQuery, isTransaction, isCommitted, isRolledBack } = callerObject(candidate, REMEDY);
      assertOpen(typeof executeQuery === "function", "this has no function for SQL", REMEDY);
      assertOpen(isTransaction === true, "this is outside a transaction", REMEDY);
      assertOpen(isCommitted !== true && isRolledBack !== true, "this transaction has ended", REMEDY);
    },
    rows: async (trx, text, values) => (await trx.executeQuery(CompiledQuery.raw(text, [...values]))).rows,
  };
}

/** Runs `work` in a transaction of Kysely and starts the fast path after the commit. Rejects with what the library rejects with. */
export function transaction<Transaction extends KyselyTransaction, Value>(
  scheduler: CollectingScheduler,
  db: KyselyDatabase<Transaction>,
  work: (trx: Transaction) => Promise<Value>,
  options: { readonly isolationLevel?: KyselyIsolationLevel } = {},
): Promise<CommittedWork<Value>> {
  const { isolationLevel } = options;
  const plain = db.transaction();
  const builder = isolationLevel === undefined ? plain : plain.setIsolationLevel(isolationLevel);
  return committedWork<Transaction, Value>(scheduler, (run) => builder.execute(run), work);
}
