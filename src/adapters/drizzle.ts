/** `owed/drizzle`: transactions of Drizzle on Postgres, with the drivers `pg`, `postgres` and PGlite. */
import { type SQL, sql } from "drizzle-orm";
import type { PostgresTransactions } from "../store/postgres/index.ts";
import { assertOpen, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";

/** The `tx` of `db.transaction(...)`; a `db` has no `rollback`. */
export interface DrizzleTransaction {
  execute(query: SQL): PromiseLike<unknown>;
  rollback(): never;
}

/** A `db`, as far as a transaction needs it. */
export interface DrizzleDatabase<Transaction, Config> {
  transaction<Value>(work: (tx: Transaction) => Promise<Value>, config?: Config): Promise<Value>;
}

const REMEDY = "pass the tx that db.transaction(...) hands to its callback";

/** For `transactions` of `postgresStore`. Once its callback has returned, a tx of this library looks as before. */
export function drizzleTransactions(): PostgresTransactions<DrizzleTransaction> {
  return {
    assertTransaction(candidate): asserts candidate is DrizzleTransaction {
      const { execute, rollback } = callerObject(candidate, REMEDY);
      assertOpen(typeof execute === "function", "this has no function for SQL", REMEDY);
      assertOpen(typeof rollback === "function", "this is outside a transaction", REMEDY);
    },
    rows: async (tx, text, values) => rowsOf(await tx.execute(statement(text, values))),
  };
}

/**
 * Runs `work` in `db.transaction(..., config)` and starts the fast path after the commit. Rejects with what the library
 * rejects with.
 */
export function transaction<Transaction extends DrizzleTransaction, Config, Value>(
  scheduler: CollectingScheduler,
  db: DrizzleDatabase<Transaction, Config>,
  work: (tx: Transaction) => Promise<Value>,
  config?: Config,
): Promise<CommittedWork<Value>> {
  return committedWork<Transaction, Value>(scheduler, (run) => db.transaction(run, config), work);
}

/** Text between placeholders goes in raw, values as parameters. */
function statement(text: string, values: readonly (string | null)[]): SQL {
  const parts = text.split(/\$(\d+)/);
  return sql.join(
    parts.map((part, place) => (place % 2 === 0 ? sql.raw(part) : sql`${values[Number(part) - 1] ?? null}`)),
  );
}

/** An array from `postgres`, an object with rows from the other drivers. */
function rowsOf(answer: unknown): readonly unknown[] {
  return Array.isArray(answer) ? answer : (answer as { readonly rows: readonly unknown[] }).rows;
}
