/** Bringing the schema up to date, and checking that it is. */
import { SchemaMissingError, SchemaTooNewError } from "../../errors.ts";
import type { Connection } from "./connection.ts";
import { createVersionTable, findVersionTable, migrations, readVersion, writeVersion } from "./migrations.ts";

/** Applies what is missing; runs inside a write transaction, so that of many processes one does it. */
export function migrateSchema(connection: Connection): void {
  connection.exec(createVersionTable);
  const found = versionOf(connection);
  assertNotTooNew(found);
  for (const migration of migrations.slice(found)) connection.exec(migration);
  if (found < migrations.length) connection.run(writeVersion, { version: migrations.length });
}

/** The version in the file; 0 when there is none. */
export function readSchemaVersion(connection: Connection): number {
  return connection.first(findVersionTable) === undefined ? 0 : versionOf(connection);
}

/** Throws unless this version of the library can work with that schema. */
export function assertUsableVersion(found: number, file: string): void {
  assertNotTooNew(found);
  if (found < migrations.length) {
    throw new SchemaMissingError(
      `${file} has version ${found} of the tables and version ${migrations.length} is needed: let start() migrate, or call store.migrate()`,
    );
  }
}

function versionOf(connection: Connection): number {
  return connection.first<{ readonly version: number }>(readVersion)?.version ?? 0;
}

function assertNotTooNew(found: number): void {
  if (found > migrations.length) throw new SchemaTooNewError(found, migrations.length);
}
