/** A caller's transaction: what passes as one, and how the store speaks on it. */
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

/** A row as a caller's driver answers it. All columns are cast to text. */
export type CallerRow = Readonly<Record<string, string | null>>;

const USAGE = "pass the client on which you called BEGIN (or the tx of your library through its adapter)";

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

/** Speaks on callers' transactions: one statement at a time on each, and savepoints under names of its own. */
export class CallerTransactions {
  readonly #last = new WeakMap<PostgresTransaction, Promise<unknown>>();
  #savepoints = 0;

  /** Runs a statement after those the store sent before on the same transaction. Errors are the driver's own. */
  async rows(
    transaction: PostgresTransaction,
    text: string,
    values: readonly Parameter[] = [],
  ): Promise<readonly CallerRow[]> {
    const before = this.#last.get(transaction) ?? Promise.resolve();
    const answer = before.then(() => transaction.query(text, [...values]));
    this.#last.set(
      transaction,
      answer.catch(() => undefined),
    );
    // The rows are what our own statements select: text columns under known names.
    return (await answer).rows as readonly CallerRow[];
  }

  /** Sets a savepoint under a name that is used once. */
  async savepoint(transaction: PostgresTransaction): Promise<Savepoint> {
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
