/** `owed/knex`: transactions of Knex on Postgres. */
import type { PostgresTransactions } from "../store/postgres/index.ts";
import { assertOpen, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";
import { positional } from "./placeholders.ts";

/** The `trx` of `knex.transaction(...)`; a `knex` has no `executionPromise`. */
export interface KnexTransaction {
  raw(text: string, values: (string | null)[]): PromiseLike<unknown>;
  readonly executionPromise: Promise<unknown>;
  readonly parentTransaction?: unknown;
  isCompleted(): boolean;
}

/** A `knex`, as far as a transaction needs it. */
export interface KnexDatabase<Transaction, Config> {
  transaction<Value>(work: (trx: Transaction) => Promise<Value>, config?: Config): Promise<Value>;
}

const REMEDY = "pass the trx that knex.transaction(...) hands to its callback";

/** For `transactions` of `postgresStore`. Receipts start by themselves after the commit. */
export function knexTransactions(): PostgresTransactions<KnexTransaction> {
  return {
    assertTransaction(candidate): asserts candidate is KnexTransaction {
      const { raw, isTransaction, isCompleted } = callerObject(candidate, REMEDY);
      assertOpen(typeof raw === "function", "this has no function for SQL", REMEDY);
      const isCompletable = isTransaction === true && typeof isCompleted === "function";
      assertOpen(isCompletable, "this is outside a transaction", REMEDY);
      assertOpen(
        (candidate as KnexTransaction).isCompleted() === false,
        "this transaction has ended",
        REMEDY,
      );
    },
    rows: async (trx, text, values) => {
      const { text: questions, values: ordered } = positional(text, values);
      return ((await trx.raw(questions, [...ordered])) as { readonly rows: readonly unknown[] }).rows;
    },
    afterCommit: (trx, run) => void outermost(trx).executionPromise.then(run, () => undefined),
  };
}

/** Runs `work` in `knex.transaction(..., config)` and starts the fast path after the commit. Rejects with what the library rejects with. */
export function transaction<Transaction extends KnexTransaction, Config, Value>(
  scheduler: CollectingScheduler,
  knex: KnexDatabase<Transaction, Config>,
  work: (trx: Transaction) => Promise<Value>,
  config?: Config,
): Promise<CommittedWork<Value>> {
  return committedWork<Transaction, Value>(scheduler, (run) => knex.transaction(run, config), work);
}

/** Savepoints are transactions to this library, and are over long before anything is committed. */
function outermost(trx: KnexTransaction): KnexTransaction {
  const parent = trx.parentTransaction as KnexTransaction | undefined; // typed by its library as itself
  return parent === undefined ? trx : outermost(parent);
}
