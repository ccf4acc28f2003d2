// The shared databases as a test sees them: a pool, and a schema of its own.
import { randomBytes } from "node:crypto";
import pg from "pg";
import { inject } from "vitest";
import type { PostgresMajor } from "./server-binaries.ts";

/** The major versions that all test files share. */
export type SharedMajor = Extract<PostgresMajor, 14 | 18>;

/** The connection string of the shared server. Throws when the run was started without it. */
export function sharedDatabase(major: SharedMajor = 18): string {
  const connectionString = inject(major === 18 ? "postgres" : "postgres14");
  if (connectionString === null) {
    throw new Error(
      `This run has no Postgres ${major}; see test/support/global-setup.ts for how to ask for it.`,
    );
  }
  return connectionString;
}

/** The major versions this run has, for `describe.each`. */
export function sharedMajors(): SharedMajor[] {
  const majors: SharedMajor[] = [];
  if (inject("postgres") !== null) majors.push(18);
  if (inject("postgres14") !== null) majors.push(14);
  return majors;
}

/** A schema name no other test has. It is not created; nothing needs to drop it, the server is thrown away. */
export function freshSchema(): string {
  return `test_${randomBytes(6).toString("hex")}`;
}

/** A pool that can be disposed of. */
export type TestPool = pg.Pool & AsyncDisposable;

/** A pool on the shared server; dispose of it (`await using pool = testPool()`) or call `end()`. */
export function testPool({
  major = 18,
  ...options
}: { readonly major?: SharedMajor } & pg.PoolConfig = {}): TestPool {
  const pool = new pg.Pool({ connectionString: sharedDatabase(major), max: 4, ...options });
  // An idle connection that a test cuts on purpose must not end the process; queries report the error themselves.
  pool.on("error", () => undefined);
  return Object.assign(pool, { [Symbol.asyncDispose]: () => pool.end() });
}
