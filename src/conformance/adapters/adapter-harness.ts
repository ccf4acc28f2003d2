/** What someone who writes an adapter hands to the suite: its library on a real database, with a business table beside the tasks. */
import type { CollectingScheduler, CommittedWork } from "../../adapters/committed-work.ts";
import type { Awaitable, Store } from "../../store/contract.ts";

/** Isolation levels under which callers enqueue. */
export type CallerIsolation = "read committed" | "repeatable read" | "serializable";

/** A library under test. One harness serves one law and starts empty. */
export interface AdapterHarness<Transaction = unknown> {
  /** The store with the adapter in place, migrated, on a schema or file of its own. */
  readonly store: Store<Transaction>;
  /** Whether the library's callbacks must be synchronous; `work` of `transaction` and `nested` then is. */
  readonly synchronous: boolean;
  /** Runs `work` in a transaction of the library: committed when it returns; rolled back, and rejected with its error, when it throws. */
  transaction<Value>(
    work: (transaction: Transaction) => Awaitable<Value>,
    isolation?: CallerIsolation,
  ): Promise<Value>;
  /** Runs `work` in a transaction that is rolled back by the library's own means, without an error of the callback where that exists. */
  rolledBack(work: (transaction: Transaction) => Awaitable<unknown>): Promise<void>;
  /** Runs `work` in a savepoint or nested transaction of the library: rolled back, and thrown on, when it throws. */
  nested<Value>(transaction: Transaction, work: (nested: Transaction) => Awaitable<Value>): Awaitable<Value>;
  /** Through the library: counts the business row of that key up, and inserts it when it is missing. */
  write(transaction: Transaction, key: string): Awaitable<unknown>;
  /** Through the library: ids of the tasks that this transaction sees. */
  seenTaskIds(transaction: Transaction): Awaitable<readonly string[]>;
  /** Keys of the business rows that are committed. */
  writtenKeys(): Promise<readonly string[]>;
  /** The adapter's `transaction(scheduler, db, work)`. */
  committedWork<Value>(
    scheduler: CollectingScheduler,
    work: (transaction: Transaction) => Awaitable<Value>,
    isolation?: CallerIsolation,
  ): Promise<CommittedWork<Value>>;
  /** What a user may pass by mistake, by name: the database object of the library before all. */
  readonly notTransactions: Readonly<Record<string, unknown>>;
  /** Closes everything this harness opened. */
  close(): Promise<void>;
}

/** What not every library, or its database, can do. */
export type AdapterCapability =
  /** Savepoints or nested transactions. */
  | "nested"
  /** Isolation levels. */
  | "isolation"
  /** A second transaction, or a read of the store, while one is open. */
  | "concurrency"
  /** A business row of the key "doomed" is written, and makes the COMMIT fail: a deferred constraint. */
  | "failing-commit"
  /** It tells of its commits, so that receipts start by themselves. */
  | "after-commit";

/** What a library lacks, each with the reason. */
export type AdapterLacks = Readonly<Partial<Record<AdapterCapability, string>>>;
