// The schema as an older version of the library left it.
import { namesIn } from "../../src/store/postgres/identifier.ts";
import { migrations } from "../../src/store/postgres/migrations/index.ts";
import { setSchemaVersion, versionTable } from "../../src/store/postgres/statements/schema.ts";

/** The SQL that makes its tables and functions in an empty schema. */
export function olderSchemaSql(schema: string, version: number): string {
  const names = namesIn(schema);
  const steps = migrations.slice(0, version).map((migration) => migration(names));
  return [versionTable(names), ...steps, setSchemaVersion(names, version)].join(";\n");
}
