/** What someone who writes a store hands to the suite: the store, and a way to open a caller's own transactions. */
import type { Awaitable, Savepoint, Store } from "../store/contract.ts";

/** A store under test with its surroundings. One harness serves one law and starts empty. */
export interface ConformanceHarness<Transaction = unknown> {
  /** The store, migrated, on a schema or file of its own. */
  readonly store: Store<Transaction>;
  /** Opens a transaction the way a user of this store does, on a connection of the user's own. */
  begin(): Promise<ConformanceTransaction<Transaction>>;
  /** Closes the store and everything this harness opened. Transactions that a failed law left open are rolled back. */
  close(): Promise<void>;
}

/** A caller's own transaction. */
export interface ConformanceTransaction<Transaction = unknown> {
  /** What the user would pass to enqueue. */
  readonly transaction: Transaction;
  savepoint(): Awaitable<Savepoint>;
  commit(): Awaitable<void>;
  rollback(): Awaitable<void>;
}

/** One promise of the store contract, named in the present tense, that a store keeps or breaks. */
export interface Law {
  readonly name: string;
  /**
   * The law needs a write while a caller's transaction is open: a second transaction, or an operation of the store.
   * A database with a single writer cannot do that; see `singleWriter` of `registerStoreConformance`.
   */
  readonly concurrentTransactions?: true;
  /** Rejects when the law is broken. Never sleeps: time is passed to the store. */
  run(harness: ConformanceHarness): Promise<void>;
}
