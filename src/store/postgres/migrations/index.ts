/** All versions of the schema, oldest first. A new one is a new file and a new line here. */
import { type Names, namesIn } from "../identifier.ts";
import { setSchemaVersion, versionTable } from "../statements/schema.ts";
import { tables } from "./0001-tables.ts";
import { functions } from "./0002-functions.ts";
import { confirmWithin } from "./0003-confirm-within.ts";
import { insertTasks } from "./0004-insert-tasks.ts";
import { enqueueFromSql } from "./0005-enqueue-from-sql.ts";
import { records } from "./0006-records.ts";
import { leastPrivilege } from "./0007-least-privilege.ts";
import { insertOrRefuse } from "./0008-insert-or-refuse.ts";
import { keys } from "./0009-keys.ts";

/** One step of the schema; its version is its place in the list, counted from 1. */
type Migration = (names: Names) => string;

/** The steps. */
export const migrations: readonly Migration[] = Object.freeze([
  tables,
  functions,
  confirmWithin,
  insertTasks,
  enqueueFromSql,
  records,
  leastPrivilege,
  insertOrRefuse,
  keys,
]);

/** The version this library works with. */
export const knownVersion: number = migrations.length;

/**
 * The whole schema as SQL, for a database administrator who runs it by hand (psql -f) on an empty schema; the processes
 * then start with `migrate: false`. Throws InvalidInputError for a schema name that cannot be used.
 */
export function migrationSql(schema = "owed"): string {
  const names = namesIn(schema);
  return [
    `-- Schema of the package "owed", version ${knownVersion}.`,
    "begin;",
    `create schema if not exists ${names.schema};`,
    `${versionTable(names)};`,
    ...migrations.map((migration, index) => `-- Version ${index + 1}\n${migration(names).trim()}`),
    `${setSchemaVersion(names, knownVersion)};`,
    "commit;",
    "",
  ].join("\n\n");
}
