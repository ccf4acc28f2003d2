/** `owed/pglite`: transactions of PGlite. */
import type { PostgresTransactions } from "../store/postgres/index.ts";
import { assertOpen, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";

/** The `tx` of `db.transaction(...)`; a `PGlite` has no `rollback`. */
export interface PgliteTransaction {
  query(text: string, values: (string | null)[]): Promise<{ readonly rows: readonly unknown[] }>;
  rollback(): Promise<void>;
}

/** A `PGlite`, as far as a transaction needs it. */
export interface PgliteDatabase<Transaction> {
  transaction<Value>(work: (tx: Transaction) => Promise<Value>): Promise<Value>;
}

const REMEDY = "pass the tx that db.transaction(...) hands to its callback";

/**
 * For `transactions` of `postgresStore`, whose own connections reach the same PGlite over its socket server
 * (`@electric-sql/pglite-socket`, with `pooler: true`). PGlite has one session: while a transaction of yours is open the
 * store waits, so do not wait for the store inside one.
 */
export function pgliteTransactions(): PostgresTransactions<PgliteTransaction> {
  return {
    assertTransaction(candidate): asserts candidate is PgliteTransaction {
      const { query, rollback, closed } = callerObject(candidate, REMEDY);
      assertOpen(typeof query === "function", "this has no function for SQL", REMEDY);
      assertOpen(typeof rollback === "function", "this is outside a transaction", REMEDY);
      assertOpen(closed !== true, "this transaction has ended", REMEDY);
    },
    rows: async (tx, text, values) => (await tx.query(text, [...values])).rows,
  };
}

/** Runs `work` in `db.transaction(...)` and starts the fast path after the commit. Rejects with what the library rejects with. */
export function transaction<Transaction extends PgliteTransaction, Value>(
  scheduler: CollectingScheduler,
  db: PgliteDatabase<Transaction>,
  work: (tx: Transaction) => Promise<Value>,
): Promise<CommittedWork<Value>> {
  return committedWork<Transaction, Value>(scheduler, (run) => db.transaction(run), work);
}
