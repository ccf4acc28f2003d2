/** `owed/kysely-sqlite`: transactions of Kysely on SQLite. */
import type { SqliteTransaction, SqliteTransactions } from "../store/sqlite/index.ts";
import { assertOpen, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";

/** A `Transaction` of Kysely; a `Kysely` says of itself that it is none. */
export interface KyselySqliteTransaction {
  readonly isTransaction: true;
}

/** A `Kysely`, as far as a transaction needs it. */
export interface KyselySqliteDatabase<Transaction> {
  transaction(): { execute<Value>(work: (trx: Transaction) => Promise<Value>): Promise<Value> };
}

const REMEDY = "pass the trx that db.transaction().execute(...) hands to its callback";

/**
 * For `transactions` of `sqliteStore`, which must use the same binding. `connection` is what Kysely's SqliteDialect was
 * given as its database: all its transactions run on that one, and a trx does not tell it.
 */
export function kyselySqliteTransactions(
  connection: SqliteTransaction,
): SqliteTransactions<KyselySqliteTransaction> {
  return {
    assertTransaction(candidate): asserts candidate is KyselySqliteTransaction {
      const { isTransaction, isCommitted, isRolledBack } = callerObject(candidate, REMEDY);
      assertOpen(isTransaction === true, "this is outside a transaction", REMEDY);
      assertOpen(isCommitted !== true && isRolledBack !== true, "this transaction has ended", REMEDY);
    },
    connectionOf: () => connection,
  };
}

/** Runs `work` in a transaction of Kysely and starts the fast path after the commit. Rejects with what the library rejects with. */
export function transaction<Transaction extends KyselySqliteTransaction, Value>(
  scheduler: CollectingScheduler,
  db: KyselySqliteDatabase<Transaction>,
  work: (trx: Transaction) => Promise<Value>,
): Promise<CommittedWork<Value>> {
  return committedWork<Transaction, Value>(scheduler, (run) => db.transaction().execute(run), work);
}
