/** `owed/sqlite`: tasks in a SQLite file, beside the application's own data. */
export type { SqliteDriverName, SqliteTransaction, SqliteTransactions } from "./driver.ts";
export type { SqliteApi, SqliteOwnTransaction, SqliteRunResult } from "./own-transaction.ts";
export {
  type AdaptedSqliteStoreOptions,
  type SqliteStore,
  type SqliteStoreOptions,
  sqliteStore,
} from "./sqlite-store.ts";
