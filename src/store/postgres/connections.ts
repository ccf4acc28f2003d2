/** The store's own connections: every statement that is not the user's goes through here. */
import pg from "pg";
import { TransactionRolledBackError } from "../../errors.ts";
import { checkOut } from "./checkout.ts";
import { breaksConnection, translated } from "./database-error.ts";
import type { CheckedOptions } from "./options.ts";
import type { Parameter } from "./parameters.ts";
import { BEGIN, beginBounded, LOCK_WAIT_MS } from "./statements/bounds.ts";
import type { Statement } from "./statements/statement.ts";

/** A row of a statement of ours: every column as text. */
export type Row = Readonly<Record<string, string | null>>;

/** Runs statements. */
export interface Runner {
  rows(statement: Statement, values?: readonly Parameter[]): Promise<readonly Row[]>;
  /** Several statements in one text, without parameters and without an answer. */
  script(text: string): Promise<void>;
}

/** The client waits this much longer than the server works, so that a timeout normally has a certain outcome. */
const CLIENT_MARGIN_MS = 2_000;
const CONNECT_TIMEOUT_MS = 5_000;

/** Columns arrive as the server wrote them, whatever parsers the application has registered. */
const asText: pg.CustomTypesConfig = { getTypeParser: () => (value: unknown) => value };

/** How the store's own connections are made: the settings of the user's, and what is pinned. */
export function ownSettings(options: CheckedOptions): pg.PoolConfig {
  const { statementTimeoutMs, connection } = options;
  const settings: pg.PoolConfig = {
    ...connection,
    ...(connection.password === undefined ? {} : { password: connection.password }),
    query_timeout: statementTimeoutMs + CLIENT_MARGIN_MS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    application_name: connection.application_name ?? "owed",
    keepAlive: true,
    pipeline: false,
    max: options.ownConnections,
    min: 0,
    idleTimeoutMillis: 60_000,
    allowExitOnIdle: true,
    types: asText,
  };
  for (const unwanted of ["Client", "Promise", "log", "verify", "onConnect", "binary", "maxUses"] as const) {
    delete (settings as Record<string, unknown>)[unwanted];
  }
  if (options.pooler) {
    for (const parameter of pinnedParameters) delete (settings as Record<string, unknown>)[parameter];
    return settings;
  }
  return {
    ...settings,
    statement_timeout: statementTimeoutMs,
    lock_timeout: Math.min(LOCK_WAIT_MS, statementTimeoutMs),
    idle_in_transaction_session_timeout: statementTimeoutMs,
    options: [connection.options, ...pinnedOptions].filter((part) => part !== undefined).join(" "),
  };
}

/** Startup parameters a pooler refuses. */
const pinnedParameters = [
  "options",
  "statement_timeout",
  "lock_timeout",
  "idle_in_transaction_session_timeout",
] as const;

/**
 * The tables fill and empty faster than statistics follow, so scans of whole tables are out, and so are plans made for
 * one set of parameters: planning a claim takes longer than claiming. So does compiling any statement of ours.
 */
const pinnedOptions = [
  "-c default_transaction_isolation=read\\ committed",
  "-c search_path=pg_catalog",
  "-c enable_seqscan=off",
  "-c enable_bitmapscan=off",
  "-c plan_cache_mode=force_generic_plan",
  "-c jit=off",
];

/** Two connections (or as many as were asked for) with pinned settings, opened when they are needed. */
export class OwnConnections {
  readonly #pool: pg.Pool;
  readonly #pooler: boolean;
  readonly #begin: string;
  readonly #busy = new Set<pg.PoolClient>();
  #isClosed = false;

  constructor(options: CheckedOptions) {
    this.#pool = new pg.Pool(ownSettings(options));
    this.#pooler = options.pooler;
    this.#begin = options.pooler ? beginBounded(options.statementTimeoutMs) : BEGIN;
    // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
    this.#pool.on("error", () => undefined);
  }

  /** One statement in a transaction of its own. Rejects with StoreUnavailableError or StoreRefusedError. */
  async rows(statement: Statement, values: readonly Parameter[] = []): Promise<readonly Row[]> {
    if (this.#pooler && statement.unpinned === "in a transaction") {
      return this.transaction((runner) => runner.rows(statement, values));
    }
    return this.#withClient((client) => this.#query(client, statement, values));
  }

  /** Runs `work` in one transaction, READ COMMITTED. On any error the connection is destroyed, and nothing was written. */
  async transaction<Value>(work: (runner: Runner) => Promise<Value>, timeoutMs?: number): Promise<Value> {
    return this.#withClient(async (client) => {
      const runner: Runner = {
        rows: (statement, values = []) => this.#query(client, statement, values, timeoutMs),
        script: async (text) => void (await client.query(plain(text, timeoutMs))),
      };
      await client.query(this.#begin);
      const value = await work(runner);
      const { command } = await client.query("commit");
      if (command !== "COMMIT") {
        throw new TransactionRolledBackError("a transaction of the store was answered with ROLLBACK");
      }
      return value;
    }, true);
  }

  /** Closes the connections; statements under way reject, since nobody can say how long they would take. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const ended = this.#pool.end();
    await Promise.all([ended, ...[...this.#busy].map((client) => client.end())]);
  }

  async #query(
    client: pg.PoolClient,
    { name, text, unpinned }: Statement,
    values: readonly Parameter[],
    timeoutMs?: number,
  ): Promise<readonly Row[]> {
    const timeout = timeoutMs === undefined ? {} : { query_timeout: timeoutMs };
    const sent = this.#pooler ? { text, ...(typeof unpinned === "object" ? unpinned : {}) } : { name, text };
    const { rows } = await client.query<Record<string, string | null>>({
      ...timeout,
      ...sent,
      values: [...values],
    });
    return rows;
  }

  async #withClient<Value>(
    work: (client: pg.PoolClient) => Promise<Value>,
    inTransaction = false,
  ): Promise<Value> {
    const { client, forgetErrors } = await checkOut(this.#pool);
    this.#busy.add(client);
    let isBroken = true;
    try {
      const value = await work(client);
      isBroken = false;
      return value;
    } catch (error) {
      if (!isDatabaseError(error)) throw error;
      isBroken = inTransaction || breaksConnection(error);
      throw translated(error);
    } finally {
      this.#busy.delete(client);
      client.release(isBroken);
      if (!isBroken) forgetErrors();
    }
  }
}

/** Our own errors (a commit that was rolled back, a schema that is too new) pass through as they are. */
function isDatabaseError(error: unknown): boolean {
  return !(error instanceof Error && "code" in error && String(error.code).startsWith("OWED_"));
}

function plain(text: string, timeoutMs: number | undefined): pg.QueryConfig {
  return timeoutMs === undefined ? { text } : ({ text, query_timeout: timeoutMs } as pg.QueryConfig);
}
