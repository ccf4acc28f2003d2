// Where the contestants meet: one Postgres and one Redis for all, so that a fault of the server hits all at the same moment.
import pg from "pg";
import type { Rig } from "../../chaos/rig.ts";
import type { PostgresServer } from "../../test/support/postgres.ts";
import { RedisServer } from "./redis-server.ts";

/** Databases of contestants begin so. */
const PREFIX = "peers_";

/** The servers of a run. */
export class Arena {
  readonly rig: Rig;
  readonly postgres: PostgresServer;
  /** Null: there is none on this machine. */
  readonly redis: RedisServer | null;
  #databases = 0;

  private constructor(rig: Rig, postgres: PostgresServer, redis: RedisServer | null) {
    this.rig = rig;
    this.postgres = postgres;
    this.redis = redis;
  }

  /** Starts the servers, durable both. */
  static async open(rig: Rig, redisProgram: string | null): Promise<Arena> {
    const postgres = await rig.newServer({ settings: { max_connections: "600" } });
    const redis = redisProgram === null ? null : await RedisServer.start(redisProgram, rig.newFolder());
    return new Arena(rig, postgres, redis);
  }

  /** Version of Postgres, as it says itself. */
  async postgresVersion(): Promise<string> {
    const [row] = await this.#run(this.postgres.connectionString, "show server_version");
    return String(row?.["server_version"]);
  }

  /** A database with the application's own table; answers its name. */
  async newDatabase(): Promise<string> {
    this.#databases += 1;
    const name = `${PREFIX}${this.#databases}`;
    await this.#run(this.postgres.connectionString, `create database ${name}`);
    await this.#run(this.connectionString(name), "create table business (task text primary key)");
    return name;
  }

  /** Where a database is; through another port where a proxy stands in between. */
  connectionString(database: string, port: number = this.postgres.port): string {
    return `postgres://postgres@127.0.0.1:${port}/${database}`;
  }

  /** Crashes both servers. */
  async down(): Promise<void> {
    await Promise.all([this.postgres.stop("immediate"), this.redis?.down()]);
  }

  /** Starts both; resolves when both take connections. */
  async up(): Promise<void> {
    await Promise.all([this.postgres.start(), this.redis?.up()]);
  }

  /** Ends the connections of all contestants. */
  async terminateConnections(): Promise<void> {
    const statement = `select pg_terminate_backend(pid) from pg_stat_activity where datname like '${PREFIX}%'`;
    await Promise.all([this.#run(this.postgres.connectionString, statement), this.redis?.killClients()]);
  }

  /** Removes what is not needed any more. */
  async drop(database: string): Promise<void> {
    await this.#run(this.postgres.connectionString, `drop database if exists ${database} with (force)`);
  }

  async #run(connectionString: string, statement: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement)).rows;
    } finally {
      await client.end();
    }
  }
}
