/** Opens the store that a location names. */
import { Scheduler } from "../run/scheduler.ts";
import type { Store } from "../store/contract.ts";
import type * as PostgresModule from "../store/postgres/index.ts";
import { describedLocation, type Location } from "./location.ts";
import { UsageError } from "./usage-error.ts";

/** An open store, and the scheduler through which operators act, so that what they do is published as in any process. */
export interface OpenedDatabase {
  readonly store: Store;
  readonly scheduler: Scheduler<unknown, unknown, boolean>;
  /** Where it is, for people. */
  readonly described: string;
}

/** Opens a store; nothing is read yet. Throws UsageError when the driver is missing. */
export async function openDatabase(
  location: Location,
  statementTimeoutMs: number | undefined,
): Promise<OpenedDatabase> {
  const store = await openStore(location, statementTimeoutMs);
  return {
    store,
    scheduler: new Scheduler<unknown, unknown, boolean>({ store, migrate: false, fastPath: "off" }),
    described: describedLocation(location),
  };
}

/** Opens a store alone. Throws UsageError when the driver is missing. */
export async function openStore(location: Location, statementTimeoutMs?: number): Promise<Store> {
  if (location.kind === "sqlite") {
    const { sqliteStore } = await import("../store/sqlite/index.ts");
    return sqliteStore({ file: location.file }) as unknown as Store; // commands pass it no transaction
  }
  const { postgresStore } = await loadPostgres();
  const timeout = statementTimeoutMs === undefined ? {} : { statementTimeoutMs };
  return postgresStore({ ...postgresOptions(location), ...timeout }) as unknown as Store; // as above
}

/** A location as the Postgres store takes it. */
export function postgresOptions(
  location: Location & { readonly kind: "postgres" },
): PostgresModule.PostgresStoreOptions {
  const { connectionString, schema, pooler } = location;
  const place = connectionString === null ? { connection: {} } : { connectionString };
  return { ...place, schema, pooler };
}

/** The Postgres store with its driver, which is a package of the user's. */
export async function loadPostgres(): Promise<typeof PostgresModule> {
  try {
    return await import("../store/postgres/index.ts");
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new UsageError('the package "pg" is not installed', "run: npm install pg");
  }
}
