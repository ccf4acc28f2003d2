/** `owed/typeorm`: transactions of TypeORM on Postgres, by their manager or their query runner. */
import type { PostgresTransactions } from "../store/postgres/index.ts";
import { assertOpen, type CallerObject, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";

/** The `manager` of `dataSource.transaction(...)`, or a query runner; a data source cannot be released. */
export interface TypeormTransaction {
  query(text: string, values?: (string | null)[]): Promise<unknown>;
  release(): Promise<void>;
}

/** A data source, or a manager, as far as a transaction needs it. */
export interface TypeormDatabase<Transaction> {
  transaction<Value>(
    isolation: TypeormIsolationLevel,
    work: (manager: Transaction) => Promise<Value>,
  ): Promise<Value>;
}

/** Isolation levels of Postgres, as TypeORM names them. */
export type TypeormIsolationLevel = "READ COMMITTED" | "REPEATABLE READ" | "SERIALIZABLE";

interface QueryRunner {
  readonly isTransactionActive: boolean;
  readonly isReleased: boolean;
  readonly connection: { readonly subscribers: object[] };
}

const REMEDY = "pass the manager that dataSource.transaction(...) hands to its callback";

/** For `transactions` of `postgresStore`. Receipts start by themselves after the commit: a subscriber is added to the data source. */
export function typeormTransactions(): PostgresTransactions<TypeormTransaction> {
  const waiting = new WeakMap<QueryRunner, (() => void)[]>();
  const subscribed = new WeakSet<object>();
  const ended = ({ queryRunner }: { readonly queryRunner: QueryRunner }, isCommit: boolean): void => {
    if (queryRunner.isTransactionActive) return; // only a savepoint has ended
    const runs = waiting.get(queryRunner) ?? [];
    waiting.delete(queryRunner);
    if (isCommit) for (const run of runs) run();
  };
  const subscriber = {
    afterTransactionCommit: (event: { readonly queryRunner: QueryRunner }) => ended(event, true),
    afterTransactionRollback: (event: { readonly queryRunner: QueryRunner }) => ended(event, false),
  };
  return {
    assertTransaction(candidate): asserts candidate is TypeormTransaction {
      const { query } = callerObject(candidate, REMEDY);
      assertOpen(typeof query === "function", "this has no function for SQL", REMEDY);
      const runner = queryRunnerOf(candidate as TypeormTransaction);
      assertOpen(runner?.isTransactionActive === true, "this is outside a transaction", REMEDY);
      assertOpen(runner?.isReleased === false, "this query runner was released", REMEDY);
    },
    rows: async (manager, text, values) => (await manager.query(text, [...values])) as readonly unknown[],
    afterCommit: (manager, run) => {
      const runner = queryRunnerOf(manager);
      if (runner === null) return;
      const { subscribers } = runner.connection;
      if (!subscribed.has(subscribers)) subscribers.push(subscriber);
      subscribed.add(subscribers);
      waiting.set(runner, [...(waiting.get(runner) ?? []), run]);
    },
  };
}

/** Runs `work` in `dataSource.transaction(...)` and starts the fast path after the commit. Rejects with what the library rejects with. */
export function transaction<Transaction extends TypeormTransaction, Value>(
  scheduler: CollectingScheduler,
  dataSource: TypeormDatabase<Transaction>,
  work: (manager: Transaction) => Promise<Value>,
  isolation: TypeormIsolationLevel = "READ COMMITTED",
): Promise<CommittedWork<Value>> {
  return committedWork<Transaction, Value>(scheduler, (run) => dataSource.transaction(isolation, run), work);
}

/** A manager has a query runner while it is bound to a connection; a query runner is one. */
function queryRunnerOf(transaction: TypeormTransaction): QueryRunner | null {
  const candidate = transaction as unknown as CallerObject; // looked at property by property
  const runner = candidate["queryRunner"] ?? ("isTransactionActive" in candidate ? candidate : null);
  return runner as QueryRunner | null;
}
