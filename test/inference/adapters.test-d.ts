// What a scheduler infers from the adapter of its store, and what must not compile. Checked by `tsc --noEmit`; never run.

import type BetterSqlite3 from "better-sqlite3";
import type { BetterSQLite3Database } from "drizzle-orm/better-sqlite3";
import type { NodePgDatabase } from "drizzle-orm/node-postgres";
import type { PostgresJsDatabase } from "drizzle-orm/postgres-js";
import type { Kysely } from "kysely";
import { defineTask, type Receipt, Scheduler } from "owed";
import * as drizzle from "owed/drizzle";
import * as drizzleSqlite from "owed/drizzle-sqlite";
import * as kysely from "owed/kysely";
import * as kyselySqlite from "owed/kysely-sqlite";
import * as owedPg from "owed/pg";
import { postgresStore } from "owed/postgres";
import * as postgresJs from "owed/postgres-js";
import { sqliteStore } from "owed/sqlite";
import type pg from "pg";
import type postgres from "postgres";
import { expectTypeOf } from "vitest";

interface Tables {
  readonly payment: { readonly id: string; readonly amount: number };
}

declare const pool: pg.Pool;
declare const client: pg.PoolClient;
declare const sql: postgres.Sql;
declare const onPg: NodePgDatabase;
declare const onPostgresJs: PostgresJsDatabase;
declare const onBetterSqlite: BetterSQLite3Database;
declare const connection: BetterSqlite3.Database;
declare const db: Kysely<Tables>;

const definition = defineTask<{ readonly id: string }>({ type: "a" });
const data = { id: "x" };

/** The default is a client of `pg`. */
export async function pgItself(): Promise<void> {
  const scheduler = new Scheduler({ store: postgresStore({ pool }) });
  await scheduler.enqueue(client, definition, data);
  const done = await owedPg.transaction(scheduler, pool, async (tx) => {
    expectTypeOf(tx).toEqualTypeOf<pg.PoolClient>();
    return (await scheduler.enqueue(tx, definition, data)).taskId;
  });
  expectTypeOf(done.value).toEqualTypeOf<string>();
}

/** The `sql` of a transaction, and not that of the package. */
export async function postgresPackage(): Promise<void> {
  const store = postgresStore({ pool, transactions: postgresJs.postgresJsTransactions() });
  const scheduler = new Scheduler({ store });
  await sql.begin(async (tx) => {
    expectTypeOf(await scheduler.enqueue(tx, definition, data)).toEqualTypeOf<Receipt>();
    await tx.savepoint(async (nested) => scheduler.enqueue(nested, definition, data));
  });
  const { value, receipts } = await postgresJs.transaction(scheduler, sql, async (tx) => {
    await scheduler.enqueue(tx, definition, data);
    return 5;
  });
  expectTypeOf(value).toEqualTypeOf<number>();
  expectTypeOf(receipts[0]?.taskId).toEqualTypeOf<string | undefined>();
  // @ts-expect-error: the sql of the package runs each query on any connection
  await scheduler.enqueue(sql, definition, data);
  // @ts-expect-error: a client of pg is no transaction of this scheduler
  await scheduler.enqueue(client, definition, data);
}

/** The `tx`, and not the `db`. */
export async function drizzleOnPostgres(): Promise<void> {
  const scheduler = new Scheduler({
    store: postgresStore({ pool, transactions: drizzle.drizzleTransactions() }),
  });
  await onPg.transaction(async (tx) => {
    await scheduler.enqueue(tx, definition, data);
    await tx.transaction(async (nested) => scheduler.enqueue(nested, definition, data));
  });
  await onPostgresJs.transaction(async (tx) => scheduler.enqueueAll(tx, definition, [{ data }]));
  const { value } = await drizzle.transaction(
    scheduler,
    onPg,
    async (tx) => {
      await scheduler.enqueue(tx, definition, data);
      return "value" as const;
    },
    { isolationLevel: "serializable" },
  );
  expectTypeOf(value).toEqualTypeOf<"value">();
  await drizzle.transaction(scheduler, onPostgresJs, async (tx) => scheduler.enqueue(tx, definition, data));
  // @ts-expect-error: db is no transaction
  await scheduler.enqueue(onPg, definition, data);
  // @ts-expect-error: db is no transaction
  await scheduler.enqueue(onPostgresJs, definition, data);
  // @ts-expect-error: a pool is no transaction
  await scheduler.enqueue(pool, definition, data);
}

/** The `trx`, and not the `Kysely`. */
export async function kyselyOnPostgres(): Promise<void> {
  const scheduler = new Scheduler({
    store: postgresStore({ pool, transactions: kysely.kyselyTransactions() }),
  });
  await db.transaction().execute(async (trx) => scheduler.enqueue(trx, definition, data));
  const controlled = await db.startTransaction().execute();
  await scheduler.enqueue(controlled, definition, data);
  const { value } = await kysely.transaction(
    scheduler,
    db,
    async (trx) => {
      await trx.insertInto("payment").values({ id: "x", amount: 5 }).execute();
      return scheduler.enqueue(trx, definition, data);
    },
    { isolationLevel: "repeatable read" },
  );
  expectTypeOf(value).toEqualTypeOf<Receipt>();
  // @ts-expect-error: a Kysely is no transaction
  await scheduler.enqueue(db, definition, data);
  // @ts-expect-error: no such level
  await kysely.transaction(scheduler, db, async () => 5, { isolationLevel: "chaos" });
}

/** On SQLite as well. */
export async function librariesOnSqlite(): Promise<void> {
  const onDrizzle = new Scheduler({
    store: sqliteStore({ file: "x.db", transactions: drizzleSqlite.drizzleSqliteTransactions() }),
  });
  onBetterSqlite.transaction((tx) => onDrizzle.enqueueSync(tx, definition, data));
  const done = drizzleSqlite.transaction(onDrizzle, onBetterSqlite, (tx) => {
    onDrizzle.enqueueSync(tx, definition, data);
    return 5;
  });
  expectTypeOf(done.value).toEqualTypeOf<number>();
  // @ts-expect-error: db is no transaction
  onDrizzle.enqueueSync(onBetterSqlite, definition, data);
  // @ts-expect-error: nor is its connection, to this scheduler
  onDrizzle.enqueueSync(connection, definition, data);

  const transactions = kyselySqlite.kyselySqliteTransactions(connection);
  const onKysely = new Scheduler({ store: sqliteStore({ file: "x.db", transactions }) });
  await db.transaction().execute(async (trx) => onKysely.enqueue(trx, definition, data));
  await kyselySqlite.transaction(onKysely, db, async (trx) => onKysely.enqueue(trx, definition, data));
  // @ts-expect-error: a Kysely is no transaction
  await onKysely.enqueue(db, definition, data);
}
