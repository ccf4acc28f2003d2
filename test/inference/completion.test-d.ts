// What executors are given to complete their tasks with, and what must not compile. Checked by `tsc --noEmit`; never run.
import {
  defineTask,
  type EnqueuedTask,
  executor,
  Scheduler,
  type SchedulerTransaction,
  type TransactionalAttempt,
} from "owed";
import { type MemoryRows, memoryStore } from "owed/memory";
import { type PostgresTransactionApi, postgresStore } from "owed/postgres";
import { type SqliteApi, sqliteStore } from "owed/sqlite";
import type pg from "pg";
import { expectTypeOf } from "vitest";
import { z } from "zod";

declare const pool: pg.Pool;
declare const client: pg.PoolClient;

const definition = defineTask({
  type: "a",
  data: z.object({ id: z.string(), amount: z.string().transform(Number) }),
});
const postgres = postgresStore({ pool });
const sqlite = sqliteStore({ file: "x.db" });
const memory = memoryStore();

/** The transaction has the type of the store's own, with what the scheduler adds. */
export function typedByTheStore(): void {
  const bound = executor(definition, { transactional: postgres }, async ({ data, tx, taskId, signal }) => {
    expectTypeOf(data).toEqualTypeOf<{ id: string; amount: number }>();
    expectTypeOf(tx).toEqualTypeOf<SchedulerTransaction<PostgresTransactionApi, false>>();
    expectTypeOf(tx.enqueue(definition, { id: taskId, amount: "5" })).toEqualTypeOf<Promise<EnqueuedTask>>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    await tx.query("select 1");
  });
  new Scheduler({ store: postgres, executors: [bound] });
  const inMemory = executor(definition, { transactional: memory, timeoutMs: 5 }, async ({ tx }) => {
    expectTypeOf(tx).toEqualTypeOf<SchedulerTransaction<MemoryRows, false>>();
    await tx.put("a", 1);
  });
  new Scheduler({ store: memory, executors: [inMemory, executor(definition, () => undefined)] });
  const synchronous = executor(definition, { transactional: sqlite }, ({ tx }) => {
    expectTypeOf(tx).toEqualTypeOf<SchedulerTransaction<SqliteApi, true>>();
    expectTypeOf(tx.enqueue(definition, { id: "x", amount: "5" })).toEqualTypeOf<EnqueuedTask>();
    tx.run("select 1");
  });
  new Scheduler({ store: sqlite, executors: [synchronous] });
}

/** Where executors stand apart from their store, they say its type, and the scheduler holds them to it. */
export function typedByTheCaller(): void {
  type Attempt = TransactionalAttempt<{ id: string; amount: number }, PostgresTransactionApi>;
  const bound = executor(definition, { transactional: true }, async ({ data, tx }: Attempt) => {
    await tx.query("select $1", [data.amount]);
  });
  new Scheduler({ store: postgres, executors: [bound] });
  // @ts-expect-error: its tx is one of Postgres
  new Scheduler({ store: memory, executors: [bound] });
  // @ts-expect-error: its tx is one of Postgres
  new Scheduler({ store: sqlite, executors: [bound] });
  executor(definition, { transactional: true }, async ({ tx }) => {
    // @ts-expect-error: nobody has said what it is
    await tx.query("select 1");
  });
}

/** Without a transaction of the engine's there is no tx, and with one there is nothing to complete. */
export function oneOrTheOther(): void {
  executor(definition, async ({ complete }) => {
    expectTypeOf(complete).toEqualTypeOf<(transaction: object) => void | Promise<void>>();
    await complete(client);
  });
  // @ts-expect-error: it did not ask for a transaction
  executor(definition, ({ tx }) => tx);
  // @ts-expect-error: it did not ask for a transaction
  executor(definition, { timeoutMs: 5 }, ({ tx }) => tx);
  // @ts-expect-error: its task is completed with its tx
  executor(definition, { transactional: postgres }, async ({ complete }) => complete(client));
  // @ts-expect-error: an isolation level of nothing
  executor(definition, { isolationLevel: "serializable" }, async () => undefined);
  // @ts-expect-error: no such level
  executor(definition, { transactional: postgres, isolationLevel: "snapshot" }, async () => undefined);
  // @ts-expect-error: a pool is no store
  executor(definition, { transactional: pool }, async () => undefined);
}

/** A synchronous store refuses what would have to be waited for. */
export function synchronousOnly(): void {
  // @ts-expect-error: everything after the first await would run outside the transaction
  executor(definition, { transactional: sqlite }, async ({ tx }) => tx.run("select 1"));
}
