/** `owed/mikro-orm`: transactions of MikroORM on Postgres, by their entity manager. */
import type { PostgresTransactions } from "../store/postgres/index.ts";
import { assertOpen, callerObject } from "./caller-object.ts";
import { type CollectingScheduler, type CommittedWork, committedWork } from "./committed-work.ts";
import { positional } from "./placeholders.ts";

/** The `em` of `em.transactional(...)`, or one on which `begin` was called. An `em` outside a transaction has the same type. */
export interface MikroOrmTransaction {
  execute(text: string, values?: (string | null)[]): Promise<unknown>;
  isInTransaction(): boolean;
  getTransactionContext(): object | undefined;
}

/** An `em`, as far as a transaction needs it. */
export interface MikroOrmDatabase<Transaction, Options> {
  transactional<Value>(work: (em: Transaction) => Promise<Value>, options?: Options): Promise<Value>;
}

/** Where an `orm` tells of its transactions. */
export interface MikroOrm {
  readonly em: { getEventManager(): { registerSubscriber(subscriber: object): void } };
}

interface TransactionEvent {
  readonly em: object;
  readonly transaction?: object;
}

const REMEDY = "pass the em that em.transactional(...) hands to its callback";

/** For `transactions` of `postgresStore`. Receipts start by themselves after the commit: a subscriber is registered with the orm. */
export function mikroOrmTransactions(orm: MikroOrm): PostgresTransactions<MikroOrmTransaction> {
  const waiting = new WeakMap<object, (() => void)[]>();
  const outer = new WeakMap<object, object>();
  const beginning = new WeakMap<object, object>();
  const outermost = (context: object): object => {
    const around = outer.get(context);
    return around === undefined ? context : outermost(around);
  };
  orm.em.getEventManager().registerSubscriber({
    // Savepoints are transactions to this library: both events of one beginning bear the same em.
    beforeTransactionStart: ({ em, transaction: around }: TransactionEvent) => {
      if (around !== undefined) beginning.set(em, around);
    },
    afterTransactionStart: ({ em, transaction: begun }: TransactionEvent) => {
      const around = beginning.get(em);
      beginning.delete(em);
      if (around !== undefined && begun !== undefined) outer.set(begun, around);
    },
    afterTransactionCommit: ({ transaction: ended }: TransactionEvent) => {
      for (const run of (ended === undefined ? undefined : waiting.get(ended)) ?? []) run();
    },
  });
  return {
    assertTransaction(candidate): asserts candidate is MikroOrmTransaction {
      const { execute, isInTransaction } = callerObject(candidate, REMEDY);
      const isManager = typeof execute === "function" && typeof isInTransaction === "function";
      assertOpen(isManager, "this is no entity manager of an SQL database", REMEDY);
      assertOpen(
        (candidate as MikroOrmTransaction).isInTransaction(),
        "this is outside a transaction",
        REMEDY,
      );
    },
    rows: async (em, text, values) => {
      const { text: questions, values: ordered } = positional(text, values);
      return (await em.execute(questions, [...ordered])) as readonly unknown[];
    },
    afterCommit: (em, run) => {
      const context = em.getTransactionContext();
      if (context === undefined) return;
      const root = outermost(context);
      waiting.set(root, [...(waiting.get(root) ?? []), run]);
    },
  };
}

/** Runs `work` in `em.transactional(..., options)` and starts the fast path after the commit. Rejects with what the library rejects with. */
export function transaction<Transaction extends MikroOrmTransaction, Options, Value>(
  scheduler: CollectingScheduler,
  em: MikroOrmDatabase<Transaction, Options>,
  work: (em: Transaction) => Promise<Value>,
  options?: Options,
): Promise<CommittedWork<Value>> {
  return committedWork<Transaction, Value>(scheduler, (run) => em.transactional(run, options), work);
}
