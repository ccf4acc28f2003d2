// The database of the shop: its tables, its connections, its migrations.
import { Kysely, PostgresDialect } from "kysely";
import { type Migration, Migrator } from "kysely/migration";
import type pg from "pg";

/** The tables. */
export interface ShopTables {
  orders: { id: string; email: string; amount_cents: number };
}

/** Kysely on connections of the pool. */
export function openDatabase(pool: pg.Pool): Kysely<ShopTables> {
  return new Kysely<ShopTables>({ dialect: new PostgresDialect({ pool }) });
}

/** Brings the tables up to date. */
export async function migrate(db: Kysely<ShopTables>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) throw new Error("the tables could not be brought up to date", { cause: error });
}

const migrations: Record<string, Migration> = {
  "0001-orders": {
    up: async (db) => {
      await db.schema
        .createTable("orders")
        .addColumn("id", "uuid", (column) => column.primaryKey())
        .addColumn("email", "text", (column) => column.notNull())
        .addColumn("amount_cents", "integer", (column) => column.notNull())
        .execute();
    },
  },
};
