// The library as users run it: what `npm run build` made. Only its types come from the sources.
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type * as Core from "../../src/index.ts";
import type * as Postgres from "../../src/store/postgres/index.ts";
import type * as Sqlite from "../../src/store/sqlite/index.ts";

async function built(path: string): Promise<unknown> {
  const url = new URL(`../../dist/${path}`, import.meta.url);
  if (!existsSync(fileURLToPath(url))) throw new Error("the library is not built: npm run build");
  return import(url.href);
}

// The build keeps the shape of what it was built from.
const core = (await built("index.js")) as typeof Core;
const postgres = (await built("store/postgres/index.js")) as typeof Postgres;
const sqlite = (await built("store/sqlite/index.js")) as typeof Sqlite;

/** What the measurements use of it. */
export const { defineTask, executor, Scheduler } = core;
/** The Postgres store, and its schema as SQL. */
export const { postgresStore, migrationSql } = postgres;
/** The SQLite store. */
export const { sqliteStore } = sqlite;
