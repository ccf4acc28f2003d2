/** A transaction the store opens for `scheduler.transaction(fn)`, on a client of the user's pool. */
import type pg from "pg";
import {
  CommitUnknownError,
  InvalidInputError,
  NotATransactionError,
  StoreUnavailableError,
  TransactionRolledBackError,
} from "../../errors.ts";
import type { BeginOptions, OwnTransaction, Savepoint } from "../contract.ts";
import { isolationLevelOf } from "../isolation-level.ts";
import { type CheckedOut, checkOut } from "./checkout.ts";
import { breaksConnection, isOutcomeUnknown } from "./database-error.ts";
import { type CallerTransactions, type PostgresTransaction, transactionStatusOf } from "./transaction.ts";

/** What the callback of `scheduler.transaction` works with. */
export interface PostgresTransactionApi {
  /** Runs one statement of the transaction; statements that are sent at once run one after the other. */
  query<Row extends pg.QueryResultRow = pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<pg.QueryResult<Row>>;
  /** The client itself, for a library that wants one. What runs on it is not seen here, so the fast path reads before it runs. */
  readonly client: pg.PoolClient;
}

const beginStatements = {
  "read committed": "begin isolation level read committed",
  "repeatable read": "begin isolation level repeatable read",
  serializable: "begin isolation level serializable",
} as const;

/** Statements that end the transaction, or would begin another. */
const endOfTransaction =
  /(?:^|;)\s*(begin|start\s+transaction|commit|end|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b)|abort|prepare\s+transaction)\b/i;
/** Statements that undo a part of the transaction, or may. */
const savepointControl = /(?:^|;)\s*(?:savepoint|release|rollback)\b/i;
const comments = /--[^\n]*|\/\*[\s\S]*?\*\//g;

/**
 * How long a statement of the library's own may take here before its outcome counts as unknown: a network that swallows
 * everything answers nothing, not even an error. What the user sends is the user's to bound.
 */
const OWN_STATEMENT_MS = 12_000;

/** Takes a client of the pool and begins. Rejects with InvalidInputError, or with StoreUnavailableError when no client is to be had. */
export async function beginTransaction(
  pool: pg.Pool,
  callers: CallerTransactions,
  options?: BeginOptions,
): Promise<PostgresOwnTransaction> {
  const isolationLevel = isolationLevelOf(options);
  const transaction = new PostgresOwnTransaction(await checkOut(pool), callers);
  await transaction.begin(isolationLevel === null ? "begin" : beginStatements[isolationLevel]);
  return transaction;
}

/** A transaction of the store's own. */
class PostgresOwnTransaction implements OwnTransaction<PostgresTransaction, PostgresTransactionApi> {
  readonly transaction: PostgresTransaction;
  readonly api: PostgresTransactionApi;
  readonly #client: pg.PoolClient;
  readonly #callers: CallerTransactions;
  readonly #forgetErrors: () => void;
  #last: Promise<unknown> = Promise.resolve();
  #isOpen = true;
  #isSilent = false;
  #provesCommit = true;
  /** Statements that were sent, or wait to be, and are not answered. */
  #underWay = 0;

  constructor({ client, forgetErrors }: CheckedOut, callers: CallerTransactions) {
    this.#client = client;
    this.#forgetErrors = forgetErrors;
    this.#callers = callers;
    const status = (): string => (this.#isOpen ? (transactionStatusOf(client) ?? "T") : "I");
    const transaction = {
      query: (text: string, values: unknown[]) => this.#own(text, values),
      getTransactionStatus: status,
    };
    this.transaction = transaction;
    callers.adopt(transaction);
    const handOver = (): pg.PoolClient => {
      this.#provesCommit = false;
      return client;
    };
    this.api = {
      query: (text, values = []) => {
        const statements = String(text).replaceAll(comments, "");
        const [, ending = null] = endOfTransaction.exec(statements) ?? [];
        if (ending !== null) return Promise.reject(notByHand(ending.toLowerCase()));
        if (savepointControl.test(statements)) this.#provesCommit = false;
        return this.#query(text, [...values]);
      },
      get client() {
        return handOver();
      },
    };
  }

  provesCommit(): boolean {
    return this.#provesCommit;
  }

  async begin(statement: string): Promise<void> {
    try {
      await this.#own(statement, []);
    } catch (error) {
      this.#giveBack(true);
      throw new StoreUnavailableError("a transaction could not be begun", {
        cause: error,
        outcomeUnknown: false,
      });
    }
  }

  savepoint(): Promise<Savepoint> {
    return this.#callers.savepoint(this.transaction);
  }

  async commit(): Promise<void> {
    await this.#last;
    if (this.#isOpen && transactionStatusOf(this.#client) === "I") {
      this.#giveBack(false);
      throw new NotATransactionError(
        "this transaction was ended by hand on its client, and may have been committed there",
        "return from the callback to commit, throw from it to roll back",
      );
    }
    let command: string;
    try {
      ({ command } = await this.#own("commit", []));
    } catch (error) {
      if (error instanceof NotATransactionError) throw error;
      this.#giveBack(breaksConnection(error));
      if (isOutcomeUnknown(error)) throw new CommitUnknownError([], { cause: error });
      throw error;
    }
    this.#giveBack(false);
    if (command !== "COMMIT") {
      throw new TransactionRolledBackError(
        `COMMIT was answered with ${command}: an earlier statement of the transaction failed, nothing was written`,
      );
    }
  }

  async rollback({ atOnce } = { atOnce: false }): Promise<void> {
    if (!this.#isOpen) return;
    if (this.#isSilent || (atOnce && this.#underWay > 0)) return this.#giveBack(true);
    try {
      await this.#own("rollback", []);
      this.#giveBack(false);
    } catch {
      this.#giveBack(true);
    }
  }

  /** A statement of the library's own, bounded in time. */
  async #own(text: string, values: unknown[]): Promise<pg.QueryResult> {
    // The driver knows the setting for each query; its types have it for the connection only.
    const bounded = { text, values, query_timeout: OWN_STATEMENT_MS } as pg.QueryConfig;
    try {
      return await this.#query(bounded);
    } catch (error) {
      if (error instanceof Error && error.message === "Query read timeout") this.#isSilent = true;
      throw error;
    }
  }

  #query<Row extends pg.QueryResultRow>(
    text: string | pg.QueryConfig,
    values?: unknown[],
  ): Promise<pg.QueryResult<Row>> {
    const answer = this.#last.then(() => {
      if (!this.#isOpen) throw new NotATransactionError("this transaction has ended", "begin another one");
      return this.#client.query<Row>(text as string, values); // both forms are one overload to the driver
    });
    this.#underWay += 1;
    const answered = (): void => {
      this.#underWay -= 1;
    };
    this.#last = answer.then(answered, answered);
    return answer;
  }

  /** A client in a state nobody knows is destroyed: given back, it would hand an open transaction to the next user. */
  #giveBack(isBroken: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const mustDestroy = isBroken || (transactionStatusOf(this.#client) ?? "I") !== "I";
    this.#client.release(mustDestroy);
    if (!mustDestroy) this.#forgetErrors();
  }
}

function notByHand(statement: string): InvalidInputError {
  return new InvalidInputError(
    "sql",
    `is "${statement}" inside a transaction of the scheduler`,
    "return from the callback to commit, throw from it to roll back",
  );
}
