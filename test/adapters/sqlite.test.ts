// The laws of adapters on the bindings of SQLite, and on the libraries above them.
import { describe, it } from "vitest";
import { loadDriver, type SqliteDriverName } from "../../src/store/sqlite/driver.ts";
import { registerLaws } from "./adapter-suite.ts";
import { connectionLibrary } from "./libraries/sqlite-connection.ts";
import { openSqliteAdapterHarness, type SqliteLibrary } from "./sqlite-library.ts";

const isFull = process.env["OWED_TEST_FULL"] === "1";

function describeSqlite<Transaction extends object>(library: SqliteLibrary<Transaction>): void {
  describe(library.name, () => {
    registerLaws(library, "", () => openSqliteAdapterHarness(library));
  });
}

/** Whether the binding can be loaded here; where it cannot, its laws are shown as skipped. */
function isHere(driver: SqliteDriverName): boolean {
  try {
    loadDriver(driver);
    return true;
  } catch (error) {
    // skipped: this machine, or this runtime, has no such binding; the reason is in the name
    describe.skip(`${driver} (${String(error)})`, () => it("is not run"));
    return false;
  }
}

if (isHere("node:sqlite")) describeSqlite(connectionLibrary("node:sqlite", "owed/node-sqlite"));
if (isFull && isHere("libsql")) describeSqlite(connectionLibrary("libsql", "owed/libsql"));
if (isHere("better-sqlite3")) {
  describeSqlite(connectionLibrary("better-sqlite3", "owed/better-sqlite3"));
  // They import the package themselves.
  const { drizzleSqliteLibrary } = await import("./libraries/drizzle-sqlite.ts");
  const { kyselySqliteLibrary } = await import("./libraries/kysely-sqlite.ts");
  describeSqlite(drizzleSqliteLibrary);
  if (isFull) describeSqlite(kyselySqliteLibrary);
}
