// Where the database is, for Prisma and for owed, in the web process and in the worker alike.

/** From the environment. */
export function databaseUrl(): string {
  return process.env.DATABASE_URL ?? "postgres://localhost/shop";
}
