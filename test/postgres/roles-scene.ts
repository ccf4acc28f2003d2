// A schema with its roles, and users who have them.
import { constant, defineTask } from "owed";
import pg from "pg";
import { expect } from "vitest";
import { migrationSql, postgresStore } from "../../src/store/postgres/index.ts";
import { freshSchema, type SharedMajor, sharedDatabase, testPool } from "../support/database.ts";
import { type RoleKind, RoleLogins } from "./role-logins.ts";

export const backoff = constant({ delayMs: 20, jitter: 0 });
export const job = defineTask<{ n: number }>({ type: "job", backoff, maxFailedAttempts: 2 });

/** A migrated schema with its roles, a table of the application beside it, and users. */
export async function openScene(major: SharedMajor, migrate = true) {
  const admin = testPool({ major });
  const schema = freshSchema();
  const logins = new RoleLogins(admin, sharedDatabase(major));
  if (migrate) await admin.query(migrationSql(schema));
  await logins.apply(schema);
  const shop = `${schema}_shop`;
  await admin.query(`create schema ${shop}; create table ${shop}.payment (id text);
    grant usage on schema ${shop} to public; grant select, insert on ${shop}.payment to public`);
  const opened: { end(): Promise<void> }[] = [];
  const poolOf = async (...kinds: RoleKind[]): Promise<pg.Pool> => {
    const pool = new pg.Pool({ connectionString: await logins.login(...kinds), max: 4 });
    opened.push(pool);
    return pool;
  };
  const storeOf = async (...kinds: RoleKind[]) => {
    const store = postgresStore({ connectionString: await logins.login(...kinds), schema });
    opened.push({ end: () => store.close() });
    return store;
  };
  return {
    admin,
    schema,
    logins,
    payment: `${shop}.payment`,
    poolOf,
    storeOf,
    async [Symbol.asyncDispose]() {
      for (const one of opened.reverse()) await one.end();
      await logins[Symbol.asyncDispose]();
      await admin.query(`drop schema if exists ${schema}, ${shop} cascade`);
      await admin.end();
    },
  };
}

/** The SQLSTATE a statement is refused with, or "done". */
export async function verdict(pool: pg.Pool, statement: string): Promise<string> {
  return pool.query(statement).then(
    () => "done",
    (error: pg.DatabaseError) => `${error.code}`,
  );
}

/** Every statement is refused for want of a right. */
export async function expectDenied(pool: pg.Pool, statements: readonly string[]): Promise<void> {
  const verdicts = await Promise.all(statements.map(async (one) => [one, await verdict(pool, one)] as const));
  expect(verdicts.filter(([, code]) => code !== "42501")).toEqual([]);
}

export const tables = [
  "task",
  "pending",
  "settled",
  "confirmed",
  "attempt",
  "process",
  "counter",
  "task_state",
];

export const changesOfTheSchema = (schema: string): string[] => [
  `create table ${schema}.mine (id int)`,
  `create function ${schema}.mine() returns int language sql as 'select 1'`,
  `alter table ${schema}.task add column mine int`,
  `drop table ${schema}.pending`,
  `truncate ${schema}.pending`,
  `alter function ${schema}.enqueue security invoker`,
  `create or replace function ${schema}.open_transactions_v1(marks text[]) returns table (mark text)
    language sql as 'select ''x'''`,
  `create trigger mine before insert on ${schema}.task for each row execute function suppress_redundant_updates_trigger()`,
  `drop schema ${schema} cascade`,
  `update ${schema}.schema_version set version = 1`,
  `delete from ${schema}.schema_version`,
];
