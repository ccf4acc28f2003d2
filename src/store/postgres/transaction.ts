/** A caller's transaction: what passes as one, of which library it may be, and how the store speaks on it. */
import { NotATransactionError } from "../../errors.ts";
import type { Savepoint } from "../contract.ts";
import { quoteIdentifier } from "./identifier.ts";
import type { Parameter } from "./parameters.ts";

/**
 * An open transaction of `pg`: a Client or PoolClient on which BEGIN was called, or what an adapter makes of another
 * library's transaction. A Pool is none: each of its queries runs on another connection.
 */
export interface PostgresTransaction {
  query(text: string, values: Parameter[]): Promise<{ readonly rows: readonly unknown[] }>;
  /** Only pools count connections. */
  readonly totalCount?: never;
}

/**
 * How the store speaks on the open transactions of one library: what an adapter makes, and `transactions` of
 * `postgresStore` takes. `Transaction` is what users of that library pass to enqueue.
 */
export interface PostgresTransactions<Transaction> {
  /** Throws NotATransactionError unless `candidate` is an open transaction, as far as its library can tell. */
  assertTransaction(candidate: unknown): asserts candidate is Transaction;
  /**
   * Runs one statement with placeholders `$1`, `$2` ... whose values are all text or null, and answers its rows, each
   * with columns by name. Errors are the library's own, and pass through to the user.
   */
  rows(
    transaction: Transaction,
    text: string,
    values: readonly (string | null)[],
  ): PromiseLike<readonly unknown[]>;
  /**
   * Where the library tells of commits: has `run` called once when the whole transaction, not a savepoint of it, has
   * ended with one. It may be called without one all the same: nothing is executed that is not seen to be committed.
   */
  afterCommit?(transaction: Transaction, run: () => void): void;
}

/** A row as a caller's driver answers it. All columns are cast to text. */
export type CallerRow = Readonly<Record<string, string | null>>;

const USAGE = "pass the client on which you called BEGIN (or the tx of your library through its adapter)";

/** Transactions of `pg`: what the store takes when no adapter is named. */
export const pgTransactions: PostgresTransactions<PostgresTransaction> = Object.freeze({
  assertTransaction: assertPostgresTransaction,
  rows: async (transaction: PostgresTransaction, text: string, values: readonly Parameter[]) =>
    (await transaction.query(text, [...values])).rows,
});

/** Throws NotATransactionError unless `candidate` is an open transaction, as far as its driver can tell. */
export function assertPostgresTransaction(candidate: unknown): asserts candidate is PostgresTransaction {
  if (typeof candidate !== "object" || candidate === null) {
    throw new NotATransactionError("this is no database connection", USAGE);
  }
  if (!("query" in candidate) || typeof candidate.query !== "function") {
    throw new NotATransactionError("this has no query function", USAGE);
  }
  if ("totalCount" in candidate) {
    throw new NotATransactionError("this is a pool, each of whose queries runs on another connection", USAGE);
  }
  const status = transactionStatusOf(candidate);
  if (status === undefined) {
    // What an adapter hands over is taken at its word; a client that a user holds could be anywhere.
    if (!("connectionParameters" in candidate)) return;
    throw new NotATransactionError(
      "this client cannot tell whether a transaction is open on it",
      "use version 8.21 or newer of pg (and 3.8 or newer of pg-native)",
    );
  }
  // libpq says nothing while a statement runs.
  if (status === null && "native" in candidate) return;
  if (status === "I" || status === null) {
    throw new NotATransactionError("this connection is outside a transaction", "await BEGIN on it first");
  }
  if (status === "E") {
    throw new NotATransactionError(
      "this transaction is aborted, an earlier statement of it failed",
      "roll it back and run it again",
    );
  }
}

/** What the driver says: I outside, T inside, E aborted; null when it does not know now, undefined when it never does. */
export function transactionStatusOf(client: object): string | null | undefined {
  if (!("getTransactionStatus" in client) || typeof client.getTransactionStatus !== "function") {
    return undefined;
  }
  try {
    const status: unknown = client.getTransactionStatus();
    return typeof status === "string" ? status : null;
  } catch {
    return undefined; // pg hands the question on to an older pg-native, which has no such function
  }
}

/**
 * Speaks on callers' transactions, and on the store's own, which are of `pg` whatever the callers use: one statement at
 * a time on each, and savepoints under names of its own.
 */
export class CallerTransactions {
  readonly #library: PostgresTransactions<object>;
  readonly #last = new WeakMap<object, Promise<unknown>>();
  readonly #own = new WeakSet<object>();
  #savepoints = 0;

  constructor(library: PostgresTransactions<object>) {
    this.#library = library;
  }

  /** Notes that the store began this transaction itself. */
  adopt(transaction: PostgresTransaction): void {
    this.#own.add(transaction);
  }

  /** Throws NotATransactionError unless `candidate` is open, and of the callers' library or the store's own. */
  assertTransaction(candidate: unknown): void {
    const library: PostgresTransactions<object> = this.#libraryOf(candidate as object);
    library.assertTransaction(candidate);
  }

  /**
   * Runs a statement after those the store sent before on the same transaction, which one of the store's own sees to itself.
   * Errors are the driver's own.
   */
  async rows(
    transaction: object,
    text: string,
    values: readonly Parameter[] = [],
  ): Promise<readonly CallerRow[]> {
    if (this.#own.has(transaction)) {
      return (await pgTransactions.rows(
        transaction as PostgresTransaction,
        text,
        values,
      )) as readonly CallerRow[];
    }
    const before = this.#last.get(transaction) ?? Promise.resolve();
    const answer = before.then(() => this.#library.rows(transaction, text, values));
    this.#last.set(
      transaction,
      answer.catch(() => undefined),
    );
    // The rows are what our own statements select: text columns under known names.
    return (await answer) as readonly CallerRow[];
  }

  /** Has `run` called after the commit, where the library tells of it. */
  afterCommit(transaction: object, run: () => void): void {
    const library = this.#libraryOf(transaction);
    library.afterCommit?.(transaction, run);
  }

  #libraryOf(transaction: object): PostgresTransactions<object> {
    return this.#own.has(transaction) ? pgTransactions : this.#library;
  }

  /** Sets a savepoint under a name that is used once. */
  async savepoint(transaction: object): Promise<Savepoint> {
    this.#savepoints += 1;
    const name = quoteIdentifier(`owed_${this.#savepoints}`);
    await this.rows(transaction, `savepoint ${name}`);
    return {
      rollback: async () => {
        await this.rows(transaction, `rollback to savepoint ${name}`);
        await this.rows(transaction, `release savepoint ${name}`);
      },
      release: async () => {
        await this.rows(transaction, `release savepoint ${name}`);
      },
    };
  }
}
