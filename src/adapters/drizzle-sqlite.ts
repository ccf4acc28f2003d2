/** `owed/drizzle-sqlite`: transactions of Drizzle on better-sqlite3. */
import type { SqliteTransaction, SqliteTransactions } from "../store/sqlite/index.ts";
import { assertOpen, type CallerObject, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWorkSync } from "./committed-work.ts";

/** The `tx` of `db.transaction(...)`; a `db` has no `rollback`. */
export interface DrizzleSqliteTransaction {
  rollback(): never;
  run(query: never): unknown;
}

/** A `db`, as far as a transaction needs it. */
export interface DrizzleSqliteDatabase<Transaction, Config> {
  transaction<Value>(work: (tx: Transaction) => Value, config?: Config): Value;
}

const REMEDY = "pass the tx that db.transaction(...) hands to its callback";

/** For `transactions` of `sqliteStore`, which must use the same binding: `driver: "better-sqlite3"`. */
export function drizzleSqliteTransactions(): SqliteTransactions<DrizzleSqliteTransaction> {
  return {
    assertTransaction(candidate): asserts candidate is DrizzleSqliteTransaction {
      const { rollback } = callerObject(candidate, REMEDY);
      assertOpen(typeof rollback === "function", "this is outside a transaction", REMEDY);
    },
    connectionOf: (tx) => {
      // Its types do not tell, but each tx carries the session that runs its statements.
      const session = (tx as unknown as CallerObject)["session"] as { readonly client?: SqliteTransaction };
      const connection = session?.client;
      assertOpen(typeof connection?.exec === "function", "this has no connection of better-sqlite3", REMEDY);
      return connection as SqliteTransaction;
    },
  };
}

/**
 * Runs `work` in `db.transaction(..., config)`, which is synchronous, and starts the fast path. Say
 * `{ behavior: "immediate" }`, or a transaction that reads first may be refused the write lock. Throws what the library
 * throws.
 */
export function transaction<Transaction extends DrizzleSqliteTransaction, Config, Value>(
  scheduler: CollectingScheduler,
  db: DrizzleSqliteDatabase<Transaction, Config>,
  work: (tx: Transaction) => Value,
  config?: Config,
): CommittedWork<Value> {
  return committedWorkSync<Transaction, Value>(scheduler, (run) => db.transaction(run, config), work);
}
