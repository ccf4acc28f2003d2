// The laws of adapters on the bindings of SQLite, and on the libraries above them.
import { isBuiltin } from "node:module";
import { describe, it } from "vitest";
import { registerLaws } from "./adapter-suite.ts";
import { drizzleSqliteLibrary } from "./libraries/drizzle-sqlite.ts";
import { kyselySqliteLibrary } from "./libraries/kysely-sqlite.ts";
import { connectionLibrary } from "./libraries/sqlite-connection.ts";
import { openSqliteAdapterHarness, type SqliteLibrary } from "./sqlite-library.ts";

function describeSqlite<Transaction extends object>(library: SqliteLibrary<Transaction>): void {
  describe(library.name, () => {
    registerLaws(library, "", () => openSqliteAdapterHarness(library));
  });
}

describeSqlite(connectionLibrary("better-sqlite3", "owed/better-sqlite3"));
if (process.env["OWED_TEST_FULL"] === "1") {
  describeSqlite(connectionLibrary("libsql", "owed/libsql"));
  describeSqlite(kyselySqliteLibrary);
}
if (isBuiltin("node:sqlite")) describeSqlite(connectionLibrary("node:sqlite", "owed/node-sqlite"));
// skipped: this runtime has no node:sqlite
else it.skip("node:sqlite (this runtime has none)", () => undefined);
describeSqlite(drizzleSqliteLibrary);
