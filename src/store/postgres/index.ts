/** `owed/postgres`: tasks in Postgres. */
export { migrationSql } from "./migrations/index.ts";
export type { PostgresLocation, PostgresStoreOptions, PostgresTuning } from "./options.ts";
export type { PostgresTransactionApi } from "./own-transaction.ts";
export { type AdaptedPostgresStoreOptions, type PostgresStore, postgresStore } from "./postgres-store.ts";
export { rolesSql } from "./statements/roles.ts";
export { type PostgresTransaction, type PostgresTransactions, pgTransactions } from "./transaction.ts";
