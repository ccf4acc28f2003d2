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
import type { PreparedStatements } from "./prepared-statements.ts";
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

/** What such transactions have in common. */
interface Surroundings {
  readonly callers: CallerTransactions;
  /** Null: a session may change from transaction to transaction, so nothing is prepared. */
  readonly prepared: PreparedStatements | null;
}

/** Takes a client of the pool and begins. Rejects with InvalidInputError, or with StoreUnavailableError when no client is to be had. */
export async function beginTransaction(
  pool: pg.Pool,
  surroundings: Surroundings,
  options?: BeginOptions,
): Promise<PostgresOwnTransaction> {
  const isolationLevel = isolationLevelOf(options);
  const transaction = new PostgresOwnTransaction(await checkOut(pool), surroundings);
  await transaction.begin(isolationLevel === null ? "begin" : beginStatements[isolationLevel]);
  return transaction;
}

/** A transaction of the store's own. */
class PostgresOwnTransaction implements OwnTransaction<PostgresTransaction, PostgresTransactionApi> {
  readonly transaction: PostgresTransaction;
  readonly api: PostgresTransactionApi;
  readonly #client: pg.PoolClient;
  readonly #callers: CallerTransactions;
  readonly #prepared: PreparedStatements | null;
  /** The driver sends a statement although the one before is not answered. */
  readonly #pipelines: boolean;
  readonly #forgetErrors: () => void;
  #last: Promise<unknown> = Promise.resolve();
  #isOpen = true;
  #isSilent = false;
  #provesCommit = true;
  /** Statements that were sent, or wait to be, and are not answered. */
  #underWay = 0;
  /** Those among them behind which nothing is sent: of the user, whose time nobody knows, and those that wait. */
  #blocking = 0;

  constructor({ client, forgetErrors }: CheckedOut, { callers, prepared }: Surroundings) {
    this.#client = client;
    this.#forgetErrors = forgetErrors;
    this.#callers = callers;
    this.#prepared = prepared;
    this.#pipelines = client.pipeline === true; // drivers that know nothing of it have none
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
        return this.#query("user", text, [...values]);
      },
      get client() {
        return handOver();
      },
    };
  }

  provesCommit(): boolean {
    return this.#provesCommit;
  }

  sendsAhead(): boolean {
    return this.#pipelines && this.#provesCommit && this.#isOpen;
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
    // What the user sent is answered before it is known whether the transaction is still open.
    if (this.#blocking > 0 || !this.sendsAhead()) await this.#last;
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
    const name = values.length === 0 ? null : (this.#prepared?.nameFor(this.#client, text) ?? null);
    // The driver knows the setting for each query; its types have it for the connection only.
    const query = { text, values, query_timeout: OWN_STATEMENT_MS } as pg.QueryConfig;
    const bounded = name === null ? query : { ...query, name };
    try {
      return await this.#query("library", bounded);
    } catch (error) {
      if (error instanceof Error && error.message === "Query read timeout") this.#isSilent = true;
      throw error;
    }
  }

  /** Sends a statement: at once when only statements of the library's own are under way and the driver can, else after all. */
  #query<Row extends pg.QueryResultRow>(
    sender: "user" | "library",
    text: string | pg.QueryConfig,
    values?: unknown[],
  ): Promise<pg.QueryResult<Row>> {
    const send = async (): Promise<pg.QueryResult<Row>> => {
      if (!this.#isOpen) throw new NotATransactionError("this transaction has ended", "begin another one");
      return await this.#client.query<Row>(text as string, values); // both forms are one overload to the driver
    };
    const isAtOnce = this.#pipelines && this.#blocking === 0;
    const blocks = sender === "user" || !isAtOnce ? 1 : 0;
    this.#underWay += 1;
    this.#blocking += blocks;
    const before = this.#last;
    const answer = isAtOnce ? send() : before.then(send);
    const answered = (): void => {
      this.#underWay -= 1;
      this.#blocking -= blocks;
    };
    this.#last = answer.then(answered, answered).then(() => before);
    return answer;
  }

  /** A client in a state nobody knows is destroyed: given back, it would hand an open transaction to the next user. */
  #giveBack(isBroken: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const mustDestroy = isBroken || (transactionStatusOf(this.#client) ?? "I") !== "I";
    if (mustDestroy && this.#pipelines && this.#underWay > 0) cutOff(this.#client);
    this.#client.release(mustDestroy);
    if (!mustDestroy) this.#forgetErrors();
  }
}

/** A client that pipelines ends when all it has sent is answered, which may be never. */
function cutOff(client: object): void {
  const { connection } = client as { readonly connection?: { readonly stream?: { destroy?(): void } } };
  connection?.stream?.destroy?.();
}

function notByHand(statement: string): InvalidInputError {
  return new InvalidInputError(
    "sql",
    `is "${statement}" inside a transaction of the scheduler`,
    "return from the callback to commit, throw from it to roll back",
  );
}
