// Where the database is, for TypeORM and for owed alike.

/** From the environment. */
export function databaseUrl(): string {
  return process.env.DATABASE_URL ?? "postgres://localhost/shop";
}
