/** `owed/postgres-js`: transactions of the package `postgres`. */
import type { PostgresTransactions } from "../store/postgres/index.ts";
import { assertOpen, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";

/** The `sql` that `sql.begin(...)` and its savepoints hand out; the one of the package has no `savepoint`. */
export interface PostgresJsTransaction {
  unsafe(text: string, values: (string | null)[]): PromiseLike<readonly unknown[]>;
  savepoint: unknown;
}

/** The `sql` of the package, as far as a transaction needs it. */
export interface PostgresJsDatabase<Transaction> {
  begin(options: string, work: (sql: Transaction) => unknown): Promise<unknown>;
}

const REMEDY = "pass the sql that sql.begin(...) hands to its callback";

/** For `transactions` of `postgresStore`. Once its callback has returned, this library does not tell a transaction from a connection. */
export function postgresJsTransactions(): PostgresTransactions<PostgresJsTransaction> {
  return {
    assertTransaction(candidate): asserts candidate is PostgresJsTransaction {
      const { unsafe, savepoint } = callerObject(candidate, REMEDY);
      assertOpen(typeof unsafe === "function", "this has no function for SQL", REMEDY);
      assertOpen(typeof savepoint === "function", "this is outside a transaction", REMEDY);
    },
    rows: (sql, text, values) => sql.unsafe(text, [...values]),
  };
}

/**
 * Runs `work` in `sql.begin(options, ...)` and starts the fast path after the commit. `options` are those of the
 * library, such as "isolation level serializable". Rejects with what the library rejects with.
 */
export function transaction<Transaction extends PostgresJsTransaction, Value>(
  scheduler: CollectingScheduler,
  sql: PostgresJsDatabase<Transaction>,
  work: (sql: Transaction) => Promise<Value>,
  options = "",
): Promise<CommittedWork<Value>> {
  return committedWork<Transaction, Value>(scheduler, (run) => sql.begin(options, run), work);
}
