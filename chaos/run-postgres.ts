// The Postgres of one run: its schema with the audit, statements of the rig, and everything that is done to the server.
import { randomBytes } from "node:crypto";
import pg from "pg";
import type { AuditEntry } from "../checker/history.ts";
import { quoteIdentifier } from "../src/store/postgres/identifier.ts";
import { postgresStore } from "../src/store/postgres/index.ts";
import type { PostgresServer, StopMode } from "../test/support/postgres.ts";
import { installAudit, readAudit } from "./audit.ts";
import type { NemesisLog } from "./nemesis-log.ts";
import { until } from "./until.ts";

/** Name under which the rig itself is connected; its connections are spared. */
const ADMIN = "chaos-admin";

/** Tasks by state. */
export interface StateCounts {
  readonly pending: number;
  readonly confirmed: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** A time during which the server was not there, on the clock of the machine. */
export interface Restart {
  /** When it was ended: that of the event of the nemesis. */
  readonly downMs: number;
  /** When it had ended. */
  readonly goneMs: number;
  /** When it took connections again. */
  readonly upMs: number;
}

/** One database on a server. */
export class RunPostgres {
  readonly server: PostgresServer;
  readonly database: string;
  readonly schema: string;
  /** Each time the server was down, and came back. */
  readonly restarts: Restart[] = [];
  readonly #nemesis: NemesisLog;
  #down: Omit<Restart, "upMs"> | null = null;
  #admin: pg.Client | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(server: PostgresServer, nemesis: NemesisLog, schema = "owed", database?: string) {
    this.server = server;
    this.#nemesis = nemesis;
    this.schema = schema;
    this.database = database ?? `chaos_${randomBytes(6).toString("hex")}`;
  }

  /** Creates the database; with `isMigrated`, the schema and its audit too. */
  async create(isMigrated: boolean): Promise<void> {
    await this.#inPostgres(`create database ${quoteIdentifier(this.database)}`);
    if (isMigrated) await this.migrate();
  }

  /** Creates schema and audit. */
  async migrate(): Promise<void> {
    const store = postgresStore({ connectionString: this.connectionString(), schema: this.schema });
    await store.migrate();
    await store.close();
    await installAudit(await this.#connected(), this.schema);
  }

  /** Where it is; through another port where a proxy or a pooler stands in between. */
  connectionString(port: number = this.server.port): string {
    return `postgres://postgres@127.0.0.1:${port}/${this.database}`;
  }

  /** Runs a statement of the rig, after those before it. */
  sql<Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    const answer = this.#last.then(async () => {
      const admin = await this.#connected();
      return (await admin.query<Row>(text, [...values])).rows;
    });
    this.#last = answer.catch(() => undefined);
    return answer;
  }

  /** Tasks by state. */
  async counts(): Promise<StateCounts> {
    const schema = quoteIdentifier(this.schema);
    const [row] = await this.sql<Record<keyof StateCounts, string>>(`select
      (select count(*) from ${schema}.pending) as pending,
      (select coalesce(sum(cardinality(ids)), 0) from ${schema}.confirmed) as confirmed,
      (select count(*) from ${schema}.settled where state = 'failed') as failed,
      (select count(*) from ${schema}.settled where state = 'cancelled') as cancelled`);
    const of = (state: keyof StateCounts): number => Number(row?.[state] ?? 0);
    return {
      pending: of("pending"),
      confirmed: of("confirmed"),
      failed: of("failed"),
      cancelled: of("cancelled"),
    };
  }

  /** A task as people with psql see it. */
  async task(taskId: string): Promise<Readonly<Record<string, unknown>> | null> {
    const view = `${quoteIdentifier(this.schema)}.task_state`;
    const [row] = await this.sql<Record<string, unknown>>(`select * from ${view} where task_id = $1`, [
      taskId,
    ]);
    return row ?? null;
  }

  /** Outcomes of a task's attempts that counted and did not simply succeed, oldest first. */
  async story(taskId: string): Promise<readonly string[]> {
    const schema = quoteIdentifier(this.schema);
    const rows = await this.sql<{ outcome: string }>(
      `select a.outcome from ${schema}.attempt a join ${schema}.task t on t.id = a.id where t.task_id = $1 and a.accepted order by a.number`,
      [taskId],
    );
    return rows.map(({ outcome }) => outcome);
  }

  /** Takes the server down: in a crash, unless said otherwise. */
  async down(mode: StopMode | "kill" = "immediate"): Promise<void> {
    const { atMs: downMs } = this.#nemesis.note({ kind: "database.down" });
    await (mode === "kill" ? this.server.kill("SIGKILL") : this.server.stop(mode));
    this.#down = { downMs, goneMs: Date.now() };
  }

  /** Brings it back. */
  async up(): Promise<void> {
    await this.server.start();
    const { atMs: upMs } = this.#nemesis.note({ kind: "database.up" });
    if (this.#down !== null) this.restarts.push({ ...this.#down, upMs });
    this.#down = null;
  }

  /** A time during which calls fail, whatever the reason. */
  async outage(work: () => Promise<void>): Promise<void> {
    this.#nemesis.note({ kind: "database.down" });
    try {
      await work();
    } finally {
      this.#nemesis.note({ kind: "database.up" });
    }
  }

  /** Ends all connections but the rig's; answers how many. */
  async terminateBackends(): Promise<number> {
    const rows = await this.sql(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name <> $2",
      [this.database, ADMIN],
    );
    return rows.length;
  }

  /** Changes a setting for new connections to the database, and ends the old ones. */
  async setForDatabase(setting: string, value: string | null): Promise<void> {
    const change = value === null ? `reset ${setting}` : `set ${setting} = ${value}`;
    // A database that is read-only by default is changed in a transaction that says it is not.
    await this.#inPostgres(`alter database ${quoteIdentifier(this.database)} ${change}`);
    await this.#close();
    await this.#inPostgres("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", [
      this.database,
    ]);
  }

  /** The audit of the run. */
  async audit(): Promise<readonly AuditEntry[]> {
    return await readAudit(await this.#connected());
  }

  /** Drops the database, if its server is up. */
  async drop(): Promise<void> {
    await this.#close();
    if (!this.server.isRunning()) return;
    await this.#inPostgres(`drop database if exists ${quoteIdentifier(this.database)} with (force)`);
  }

  /** Answers when statements can be run again. */
  async answers(): Promise<void> {
    await until("the database answers", async () => (await this.sql("select 1")).length === 1);
  }

  async #connected(): Promise<pg.Client> {
    if (this.#admin !== null) return this.#admin;
    const client = new pg.Client({
      connectionString: this.connectionString(),
      application_name: ADMIN,
      connectionTimeoutMillis: 5_000,
    });
    client.on("error", () => undefined);
    client.once("end", () => {
      if (this.#admin === client) this.#admin = null;
    });
    await client.connect();
    this.#admin = client;
    return client;
  }

  async #close(): Promise<void> {
    const admin = this.#admin;
    this.#admin = null;
    await admin?.end().catch(() => undefined);
  }

  async #inPostgres(text: string, values: readonly unknown[] = []): Promise<void> {
    const client = new pg.Client({ connectionString: this.server.connectionString, application_name: ADMIN });
    client.on("error", () => undefined);
    await client.connect();
    try {
      await client.query(text, [...values]);
    } finally {
      await client.end();
    }
  }
}
