// What a scheduler infers from its store, and what must not compile. Checked by `tsc --noEmit`; never run.
import {
  defineTask,
  type EnqueuedTask,
  type ExecutionAnswer,
  executor,
  failingExecutor,
  type Receipt,
  Scheduler,
  type Task,
  type TransactionResult,
} from "owed";
import { type MemoryRows, type MemoryTransaction, memoryStore } from "owed/memory";
import { type PostgresTransactionApi, postgresStore } from "owed/postgres";
import { type SqliteApi, type SqliteTransaction, sqliteStore } from "owed/sqlite";
import type pg from "pg";
import { expectTypeOf } from "vitest";
import { z } from "zod";

declare const pool: pg.Pool;
declare const client: pg.PoolClient;
declare const memoryTransaction: MemoryTransaction;
declare const sqliteDatabase: SqliteTransaction;

const definition = defineTask({
  type: "a",
  data: z.object({ id: z.string(), amount: z.string().transform(Number) }),
});
const withPostgres = new Scheduler({ store: postgresStore({ pool }) });
const withSqlite = new Scheduler({ store: sqliteStore({ file: "x.db" }) });
const withMemory = new Scheduler({ store: memoryStore() });
const data = { id: "x", amount: "5" };

/** The transaction is the store's; nobody has to write a type argument. */
export async function inferredFromTheStore(): Promise<void> {
  expectTypeOf(await withPostgres.enqueue(client, definition, data)).toEqualTypeOf<Receipt>();
  expectTypeOf(await withMemory.enqueue(memoryTransaction, definition, data)).toEqualTypeOf<Receipt>();
  expectTypeOf(await withSqlite.enqueue(sqliteDatabase, definition, data)).toEqualTypeOf<Receipt>();
  expectTypeOf(await withPostgres.enqueue(definition, data)).toEqualTypeOf<Receipt>();
  expectTypeOf(await withPostgres.enqueueAll(client, definition, [{ data, taskId: "x" }])).toEqualTypeOf<
    readonly Receipt[]
  >();
  expectTypeOf(withSqlite.enqueueSync(sqliteDatabase, definition, data)).toEqualTypeOf<Receipt>();
  expectTypeOf(await withPostgres.tryExecuteNow(await withPostgres.enqueue(definition, data))).toEqualTypeOf<
    readonly ExecutionAnswer[]
  >();
  expectTypeOf((await withPostgres.list({ state: "failed" })).tasks).toEqualTypeOf<readonly Task[]>();
}

/** The callback gets the api of the store's driver, and the result has the callback's value. */
export async function transactionsOfTheStore(): Promise<void> {
  const result = await withPostgres.transaction(async (tx) => {
    expectTypeOf(tx).toExtend<PostgresTransactionApi>();
    expectTypeOf(
      await tx.enqueue(definition, data, { taskId: "x", referenceId: "y" }),
    ).toEqualTypeOf<EnqueuedTask>();
    await tx.savepoint(async (nested) => nested.enqueueAll(definition, [{ data }]));
    return (await tx.query<{ n: number }>("select 1 as n")).rows[0]?.n ?? 0;
  });
  expectTypeOf(result).toEqualTypeOf<TransactionResult<number>>();
  await withMemory.transaction(async (tx) => {
    expectTypeOf(tx).toExtend<MemoryRows>();
    await tx.put("a", 1);
  });
  const synchronous = await withSqlite.transaction((tx) => {
    expectTypeOf(tx).toExtend<SqliteApi>();
    expectTypeOf(tx.enqueue(definition, data)).toEqualTypeOf<EnqueuedTask>();
    return tx.get<{ n: number }>("select 1 as n")?.n;
  });
  expectTypeOf(synchronous.value).toEqualTypeOf<number | undefined>();
}

/** On a store that has to be waited for, so has an enqueue: `.then` exists, and a linter sees a floating promise. */
export async function asynchronousStores(): Promise<void> {
  await withPostgres.transaction(async (tx) => {
    expectTypeOf(tx.enqueue(definition, data)).toEqualTypeOf<Promise<EnqueuedTask>>();
    expectTypeOf(tx.savepoint(async () => 5)).toEqualTypeOf<Promise<number>>();
  });
  await withMemory.transaction(async (tx) => {
    expectTypeOf(tx.enqueue(definition, data)).toEqualTypeOf<Promise<EnqueuedTask>>();
  });
}

/** A pool, a database or anything else in place of a transaction does not compile. */
export async function notTransactions(): Promise<void> {
  // @ts-expect-error: a pool is no transaction
  await withPostgres.enqueue(pool, definition, data);
  // @ts-expect-error: a pool is no transaction
  await withPostgres.enqueueAll(pool, definition, [{ data }]);
  // @ts-expect-error: a plain object is no transaction
  await withPostgres.enqueue({}, definition, data);
  // @ts-expect-error: a store is no transaction
  await withMemory.enqueue(memoryStore(), definition, data);
  // @ts-expect-error: a transaction of another store
  await withMemory.enqueue(client, definition, data);
  // @ts-expect-error: a transaction of another store
  await withPostgres.enqueue(memoryTransaction, definition, data);
  // @ts-expect-error: the name of a file is no transaction
  withSqlite.enqueueSync("x.db", definition, data);
}

/** Data that the definition does not take does not compile. */
export async function wrongData(): Promise<void> {
  // @ts-expect-error: amount is missing
  await withPostgres.enqueue(client, definition, { id: "x" });
  // @ts-expect-error: amount goes in as text; the number is what comes out
  await withPostgres.enqueue(client, definition, { id: "x", amount: 5 });
  // @ts-expect-error: no such field
  await withPostgres.enqueue(client, definition, { ...data, extra: 1, id: 5 });
  // @ts-expect-error: an item of other data
  await withPostgres.enqueueAll(client, definition, [{ data: { id: "x" } }]);
  // @ts-expect-error: data of the raw layer is bytes
  await withPostgres.enqueueAll(client, [{ type: "a", data: "{}" }]);
  // @ts-expect-error: options are an object, a taskId alone is none
  await withPostgres.enqueue(client, definition, data, "my-id");
  // @ts-expect-error: an unknown option
  await withPostgres.enqueue(client, definition, data, { delay: 5 });
  // @ts-expect-error: a date is a Date
  await withPostgres.enqueue(client, definition, data, { runAt: "2030-01-01" });
  await withPostgres.transaction(async (tx) => {
    // @ts-expect-error: amount is missing
    await tx.enqueue(definition, { id: "x" });
  });
}

/** A synchronous store refuses what would have to be waited for. */
export async function synchronousOnly(): Promise<void> {
  // @ts-expect-error: everything after the first await would run outside the transaction
  await withSqlite.transaction(async (tx) => tx.enqueue(definition, data));
  await withSqlite.transaction((tx) => {
    // @ts-expect-error: nor in a savepoint
    void tx.savepoint(async (nested) => nested.enqueue(definition, data));
  });
  // @ts-expect-error: nothing is synchronous on Postgres
  withPostgres.enqueueSync(client, definition, data);
  // @ts-expect-error: nothing is synchronous in memory
  withMemory.enqueueSync(memoryTransaction, definition, data);
}

/** A raw scheduler says for which types, and a typed one has its executors. */
export function rawSchedulers(): void {
  const store = memoryStore();
  new Scheduler({ store, executor: failingExecutor, types: "all" });
  new Scheduler({ store, executor: failingExecutor, types: ["a", "b"] });
  new Scheduler({ store, executors: [executor(definition, () => undefined)] });
  // @ts-expect-error: a raw scheduler needs its types
  new Scheduler({ store, executor: failingExecutor });
  // @ts-expect-error: types are a list, or "all"
  new Scheduler({ store, executor: failingExecutor, types: "a" });
  // @ts-expect-error: either typed or raw
  new Scheduler({ store, executor: failingExecutor, types: "all", executors: [] });
  // @ts-expect-error: types without an executor
  new Scheduler({ store, types: "all" });
  // @ts-expect-error: a store is needed
  new Scheduler({ executors: [] });
  // @ts-expect-error: a misspelt option
  new Scheduler({ store, executers: [] });
  // @ts-expect-error: a function alone is no executor
  new Scheduler({ store, executors: [() => undefined] });
}
