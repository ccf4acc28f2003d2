/** What a Postgres store is made of. */
import type pg from "pg";
import { InvalidInputError } from "../../errors.ts";
import { checkNames, optionNames } from "../../task/option-checks.ts";
import { checkedSchemaName } from "./identifier.ts";

/** Name of the schema when none is given. */
const DEFAULT_SCHEMA = "owed";
/** Connections the store opens for itself. */
const DEFAULT_OWN_CONNECTIONS = 2;
/** How long the server may work on one statement of the store, in milliseconds. */
const DEFAULT_STATEMENT_TIMEOUT_MS = 10_000;

/** Options that do not say where the database is. */
export interface PostgresTuning {
  /** Schema of the tables, 1 to 48 bytes, no double quote: it is quoted here. Default "owed". */
  readonly schema?: string;
  /** Connections the store opens for its own statements, beside your pool. Default 2. */
  readonly ownConnections?: number;
  /** The server ends a statement of the store after this long; behind a pooler only in transactions. Default 10,000 ms. */
  readonly statementTimeoutMs?: number;
  /**
   * Set it when a transaction pooler (pgbouncer) stands in between: no startup parameters, no prepared statements. Waits for
   * locks stay bounded. Isolation level, plans and `statement_timeout` of single statements are then those of the role:
   * `warnings()` tells when its isolation level makes claims fail.
   */
  readonly pooler?: boolean;
  /**
   * `false`: other processes are not told of work that this one leaves to them. Default true: a NOTIFY on a connection of
   * the store's own, never in your transaction, at most one every 20 ms or so. It only saves latency.
   */
  readonly notify?: boolean;
  /**
   * `false`: a worker does not LISTEN for such wake-ups, and finds work by polling alone. Default true: one more connection
   * for each process that runs a worker. Behind a transaction pooler nothing can be heard.
   */
  readonly listen?: boolean;
}

/** Where the database is: your pool (recommended: `scheduler.transaction` runs on it), or how to connect. */
export type PostgresLocation =
  | { readonly pool: pg.Pool; readonly connectionString?: never; readonly connection?: never }
  | { readonly connectionString: string; readonly pool?: never; readonly connection?: never }
  | { readonly connection: pg.ClientConfig; readonly pool?: never; readonly connectionString?: never };

/** Options of `postgresStore`. */
export type PostgresStoreOptions = PostgresTuning & PostgresLocation;

const storeOptions = optionNames<PostgresStoreOptions & { readonly transactions: unknown }>({
  pool: true,
  connectionString: true,
  connection: true,
  schema: true,
  ownConnections: true,
  statementTimeoutMs: true,
  pooler: true,
  notify: true,
  listen: true,
  transactions: true,
});

/** Options with every default filled in. */
export interface CheckedOptions {
  readonly schema: string;
  readonly ownConnections: number;
  readonly statementTimeoutMs: number;
  readonly pooler: boolean;
  readonly notify: boolean;
  readonly listen: boolean;
  /** The user's pool; null when the store has to make one for `begin`. */
  readonly userPool: pg.Pool | null;
  /** How to connect, as the user says it. */
  readonly connection: pg.PoolConfig;
}

/** Checks options and fills in defaults. Throws InvalidInputError with the name of the option. */
export function checkedOptions(options: PostgresStoreOptions): CheckedOptions {
  if (typeof options !== "object" || options === null) {
    throw new InvalidInputError("options", "is no object", "give at least { pool } or { connectionString }");
  }
  checkNames("postgresStore", options, storeOptions);
  const { ownConnections = DEFAULT_OWN_CONNECTIONS, statementTimeoutMs = DEFAULT_STATEMENT_TIMEOUT_MS } =
    options;
  checkCount("ownConnections", ownConnections, 1, 100);
  checkCount("statementTimeoutMs", statementTimeoutMs, 1, 3_600_000);
  return Object.freeze({
    schema: checkedSchemaName(options.schema ?? DEFAULT_SCHEMA),
    ownConnections,
    statementTimeoutMs,
    pooler: checkedPooler(options.pooler),
    notify: checkedSwitch("notify", options.notify),
    listen: checkedSwitch("listen", options.listen),
    userPool: options.pool ?? null,
    connection: connectionOf(options),
  });
}

function checkCount(field: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new InvalidInputError(field, `is ${value}`, `give a whole number from ${least} to ${most}`);
}

function checkedPooler(pooler: unknown): boolean {
  if (pooler === undefined || typeof pooler === "boolean") return pooler === true;
  throw new InvalidInputError("pooler", "is neither true nor false", "give true behind a transaction pooler");
}

function checkedSwitch(field: string, value: unknown): boolean {
  if (value === undefined || typeof value === "boolean") return value !== false;
  throw new InvalidInputError(field, "is neither true nor false", "give false to do without wake-ups");
}

function connectionOf(options: PostgresStoreOptions): pg.PoolConfig {
  const given = [options.pool, options.connectionString, options.connection].filter(
    (one) => one !== undefined,
  );
  if (given.length !== 1) {
    throw new InvalidInputError(
      "pool",
      given.length === 0 ? "is missing" : "is given beside another way to connect",
      "give exactly one of pool, connectionString and connection",
    );
  }
  const { connectionString, connection } = options;
  if (connectionString !== undefined) {
    if (typeof connectionString === "string" && connectionString !== "") return { connectionString };
    // What was given is not shown: it may hold a password.
    const remedy = 'give a text such as "postgres://user@host/database"';
    throw new InvalidInputError("connectionString", "is no text, or empty", remedy);
  }
  if (connection !== undefined) {
    if (typeof connection === "object" && connection !== null) return connection;
    throw new InvalidInputError("connection", "is no object", "give the settings of a client of pg");
  }
  const poolOptions: unknown = options.pool?.options;
  if (typeof poolOptions !== "object" || poolOptions === null) {
    throw new InvalidInputError("pool", "is no pool of pg", 'give a Pool of the package "pg"');
  }
  // The pool hides its password from enumeration, so that copying the object alone would lose it.
  const { password } = poolOptions as pg.PoolConfig;
  return password === undefined ? { ...poolOptions } : { ...poolOptions, password };
}
