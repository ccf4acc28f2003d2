/** Brings the schema up to date, or says what is wrong with it. */
import { SchemaMissingError, SchemaTooNewError } from "../../errors.ts";
import type { OwnConnections, Runner } from "./connections.ts";
import { migrationLockKey, type Names } from "./identifier.ts";
import { knownVersion, migrations } from "./migrations/index.ts";
import { settingFindings } from "./setting-findings.ts";
import {
  createSchema,
  durabilitySettings,
  lockMigrations,
  schemaStanding,
  schemaVersion,
  setSchemaVersion,
  versionTable,
} from "./statements/schema.ts";

/** Longest a migration may take, and longest it waits for another process that is migrating. */
const MIGRATION_TIMEOUT_MS = 600_000;
const migrationTimeouts = `set local statement_timeout = ${MIGRATION_TIMEOUT_MS};
set local lock_timeout = 60000;
set local idle_in_transaction_session_timeout = ${MIGRATION_TIMEOUT_MS}`;

/** Many processes may call it at once: one works, the others wait and find it done. Throws SchemaTooNewError. */
export async function migrate(own: OwnConnections, schema: string, names: Names): Promise<void> {
  if ((await versionFound(own, schema, names)) === knownVersion) return;
  await own.transaction(async (runner) => {
    await runner.script(migrationTimeouts);
    await runner.rows(lockMigrations, [migrationLockKey(schema)]);
    const [standing] = await runner.rows(schemaStanding, [schema]);
    if (standing?.["schema_exists"] !== "true") await runner.script(createSchema(names));
    await runner.script(versionTable(names));
    const found = await readVersion(runner, names);
    if (found > knownVersion) throw new SchemaTooNewError(found, knownVersion);
    if (found === knownVersion) return;
    for (const migration of migrations.slice(found)) await runner.script(migration(names));
    await runner.script(setSchemaVersion(names, knownVersion));
  }, MIGRATION_TIMEOUT_MS);
}

/** Throws SchemaMissingError or SchemaTooNewError unless the schema is of the version this library works with. */
export async function checkSchema(own: OwnConnections, schema: string, names: Names): Promise<void> {
  const found = await versionFound(own, schema, names);
  if (found === knownVersion) return;
  throw new SchemaMissingError(
    found === 0
      ? `the schema "${schema}" holds no tables of this library: let start() migrate, or apply the SQL of migrationSql()`
      : `the schema "${schema}" has version ${found} and this library needs ${knownVersion}: let start() migrate, or apply the SQL of migrationSql()`,
  );
}

/** What of the database's settings weakens the promises, a sentence each. */
export async function warnings(own: OwnConnections): Promise<readonly string[]> {
  const [settings = {}] = await own.rows(durabilitySettings);
  return settingFindings(settings).map(({ problem, remedy }) => `${problem}; ${remedy}`);
}

/** The version that stands, whatever it is; 0 when there are no tables. */
export async function foundVersion(own: OwnConnections, schema: string, names: Names): Promise<number> {
  const [standing] = await own.rows(schemaStanding, [schema]);
  return standing?.["version_exists"] === "true" ? await readVersion(own, names) : 0;
}

async function versionFound(own: OwnConnections, schema: string, names: Names): Promise<number> {
  const found = await foundVersion(own, schema, names);
  if (found > knownVersion) throw new SchemaTooNewError(found, knownVersion);
  return found;
}

async function readVersion(runner: Pick<Runner, "rows">, names: Names): Promise<number> {
  const [row] = await runner.rows(schemaVersion(names));
  return Number(row?.["version"] ?? 0);
}
