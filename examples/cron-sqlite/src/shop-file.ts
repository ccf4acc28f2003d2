// The SQLite file of the shop: its tables, beside those of owed, and who subscribes.
import type { Scheduler } from "owed";
import type { SqliteApi, SqliteTransaction } from "owed/sqlite";

/** A scheduler on SQLite: its transactions are synchronous. */
export type ShopScheduler = Scheduler<SqliteTransaction, SqliteApi, true>;

/** Makes the tables that are missing. */
export async function createTables(scheduler: ShopScheduler): Promise<void> {
  await scheduler.transaction((tx) => {
    tx.run(`create table if not exists subscription (
      id text primary key,
      email text not null,
      amount_cents integer not null,
      invoices integer not null default 0,
      due_at integer not null
    )`);
    tx.run(`create table if not exists invoice (
      id text primary key,
      subscription_id text not null,
      amount_cents integer not null
    )`);
  });
}
