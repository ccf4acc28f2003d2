// A Postgres store in a schema of its own, with callers' transactions on a pool of their own.
import type pg from "pg";
import type { ConformanceHarness, ConformanceTransaction } from "../../src/conformance/index.ts";
import {
  migrationSql,
  type PostgresStore,
  type PostgresTransaction,
  postgresStore,
} from "../../src/store/postgres/index.ts";
import { freshSchema, type SharedMajor, sharedDatabase, testPool } from "../support/database.ts";
import { type RoleKind, RoleLogins } from "./role-logins.ts";

/** A store under test. */
export interface PostgresHarness extends ConformanceHarness<PostgresTransaction> {
  readonly store: PostgresStore;
  readonly schema: string;
  readonly pool: pg.Pool;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How the harness differs from the usual one. */
export interface HarnessOptions {
  readonly major?: SharedMajor;
  /** Another server than the shared ones. */
  readonly connectionString?: string;
  readonly schema?: string;
  /** Startup options of every connection, the store's own included. */
  readonly options?: string;
  readonly pooler?: boolean;
  readonly application_name?: string;
  readonly migrate?: boolean;
  /** All connections are those of a user who owns nothing and has these roles, on the shared server. */
  readonly roles?: readonly RoleKind[];
}

/** Opens a harness on the shared server. */
export async function openHarness(settings: HarnessOptions = {}): Promise<PostgresHarness> {
  const {
    major = 18,
    schema = freshSchema(),
    pooler = false,
    migrate = true,
    roles,
    ...connection
  } = settings;
  const lowly = roles === undefined ? null : await lowlyUser(major, schema, roles);
  const place = lowly === null ? connection : { ...connection, connectionString: lowly.connectionString };
  const pool = testPool({ major, max: 8, ...place });
  const store = postgresStore({ pool, schema, pooler });
  if (migrate && lowly === null) await store.migrate();
  const open = new Set<pg.PoolClient>();
  pool.on("acquire", (client) => open.add(client));
  pool.on("release", (_error, client) => open.delete(client));
  const close = async (): Promise<void> => {
    // What a failed law left open would keep the pool from ending.
    for (const client of open) client.release(true);
    await store.close();
    await pool.end();
    await lowly?.remove();
  };
  return {
    store,
    schema,
    pool,
    begin: () => beginOn(pool, store),
    close,
    [Symbol.asyncDispose]: close,
  };
}

/** Migrates as an administrator, and makes a user who has these roles. */
async function lowlyUser(major: SharedMajor, schema: string, kinds: readonly RoleKind[]) {
  const admin = testPool({ major, max: 1 });
  const logins = new RoleLogins(admin, sharedDatabase(major));
  await admin.query(migrationSql(schema));
  await logins.apply(schema);
  return {
    connectionString: await logins.login(...kinds),
    async remove() {
      await logins[Symbol.asyncDispose]();
      await admin.end();
    },
  };
}

async function beginOn(
  pool: pg.Pool,
  store: PostgresStore,
): Promise<ConformanceTransaction<PostgresTransaction>> {
  const client = await pool.connect();
  await client.query("begin");
  const end = async (statement: string): Promise<void> => {
    await client.query(statement);
    client.release();
  };
  return {
    transaction: client,
    savepoint: () => store.savepoint(client),
    commit: () => end("commit"),
    rollback: () => end("rollback"),
  };
}
