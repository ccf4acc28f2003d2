/** `owed/sequelize`: transactions of Sequelize 6 on Postgres. */
import type { PostgresTransactions } from "../store/postgres/index.ts";
import { assertOpen, type CallerObject, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";

/** A `Transaction` of Sequelize; a `Sequelize` has no `afterCommit` for one transaction. */
export interface SequelizeTransaction {
  commit(): Promise<void>;
  rollback(): Promise<void>;
  afterCommit(run: () => void): void;
}

/** A `Sequelize`, as far as a transaction needs it. */
export interface SequelizeDatabase<Transaction, Options> {
  transaction<Value>(
    options: Options,
    work: (transaction: Transaction) => PromiseLike<Value>,
  ): Promise<Value>;
}

/** What a transaction carries that its types do not tell. */
interface OpenTransaction extends SequelizeTransaction {
  readonly sequelize: { query(text: string, options: object): Promise<readonly unknown[]> };
  readonly parent?: OpenTransaction | null;
}

const REMEDY = "pass the transaction that sequelize.transaction(...) hands out";

/** For `transactions` of `postgresStore`. Receipts start by themselves after the commit. */
export function sequelizeTransactions(): PostgresTransactions<SequelizeTransaction> {
  return {
    assertTransaction(candidate): asserts candidate is SequelizeTransaction {
      const { sequelize, afterCommit, finished } = callerObject(candidate, REMEDY);
      assertOpen(
        typeof afterCommit === "function" && isDatabase(sequelize),
        "this is no transaction",
        REMEDY,
      );
      assertOpen(finished === undefined, "this transaction has ended", REMEDY);
    },
    rows: (transaction, text, values) =>
      opened(transaction).sequelize.query(text, { bind: [...values], transaction, type: "SELECT" }),
    // Savepoints are transactions to this library. It calls hooks even when COMMIT has failed, which does no harm here.
    afterCommit: (transaction, run) => outermost(opened(transaction)).afterCommit(run),
  };
}

/**
 * Runs `work` in `sequelize.transaction(options, ...)` and starts the fast path after the commit. Rejects with what the
 * library rejects with.
 */
export function transaction<Transaction extends SequelizeTransaction, Options extends object, Value>(
  scheduler: CollectingScheduler,
  sequelize: SequelizeDatabase<Transaction, Options>,
  work: (transaction: Transaction) => Promise<Value>,
  options?: Options,
): Promise<CommittedWork<Value>> {
  const given = options ?? ({} as Options); // all its options are optional
  return committedWork<Transaction, Value>(scheduler, (run) => sequelize.transaction(given, run), work);
}

function isDatabase(sequelize: unknown): boolean {
  return typeof (sequelize as CallerObject | undefined)?.["query"] === "function";
}

function opened(transaction: SequelizeTransaction): OpenTransaction {
  return transaction as OpenTransaction; // seen by assertTransaction
}

function outermost(transaction: OpenTransaction): OpenTransaction {
  return transaction.parent ? outermost(transaction.parent) : transaction;
}
