/** Statements about the schema itself: its version, and settings of the database that weaken what is promised. */
import type { Names } from "../identifier.ts";
import type { Statement } from "./statement.ts";

/** The table that holds the one version row. */
export const versionTable = (names: Names): string => `create table if not exists ${names.schemaVersion} (
  one boolean primary key default true check (one),
  version integer not null check (version >= 0)
)`;

/** Writes the version; the number is ours, not a user's. */
export const setSchemaVersion = (
  names: Names,
  version: number,
): string => `insert into ${names.schemaVersion} (one, version)
values (true, ${Math.trunc(version)})
on conflict (one) do update set version = excluded.version`;

/** Creates the schema; asked only when it does not stand, since the right to do so is asked for first. */
export const createSchema = (names: Names): string => `create schema if not exists ${names.schema}`;

/** $1 the lock key. Held until the end of the transaction. */
export const lockMigrations: Statement = {
  name: "owed_lock_migrations",
  text: `select cast(true as text) as locked
from (select pg_advisory_xact_lock(cast($1 as bigint))) as held`,
};

/** $1 the name of the schema, not quoted. */
export const schemaStanding: Statement = {
  name: "owed_schema_standing",
  text: `select
  cast(exists (select from pg_catalog.pg_namespace n where n.nspname = $1) as text) as schema_exists,
  cast(exists (
    select
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    where n.nspname = $1 and c.relname = 'schema_version'
  ) as text) as version_exists`,
};

/** The version that stands. */
export const schemaVersion = (names: Names): Statement => ({
  name: "owed_schema_version",
  text: `select cast(version as text) as version from ${names.schemaVersion}`,
});

/** Settings that decide how much a commit is worth. */
export const durabilitySettings: Statement = {
  name: "owed_durability_settings",
  text: `select
  current_setting('synchronous_commit') as synchronous_commit,
  current_setting('fsync') as fsync,
  current_setting('full_page_writes') as full_page_writes,
  current_setting('default_transaction_read_only') as read_only,
  current_setting('default_transaction_isolation') as isolation,
  concat('role ', quote_ident(session_user), ' in database ', quote_ident(current_database())) as place,
  cast(pg_is_in_recovery() as text) as in_recovery`,
};
