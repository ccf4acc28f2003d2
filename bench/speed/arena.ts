// Where the contestants are measured, one after the other: servers of the run, and fresh databases made from templates.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Rig } from "../../chaos/rig.ts";
import { type PostgresServer, startPostgres } from "../../test/support/postgres.ts";
import { RedisServer } from "../faults/redis-server.ts";
import { businessTable } from "./business.ts";
import type { Contestant } from "./contestants.ts";
import { postgresCpuMs, processCpuMs } from "./cpu.ts";
import { Member } from "./member.ts";
import type { Place, SystemName } from "./port.ts";

/** Tasks of one call when a place is filled beforehand. */
const PIECE = 50_000;

/** Long enough for a process of the server to end. */
const ENDING_MS = 200;

/** Durable as it comes, with memory for what is measured, and no checkpoint in the middle of it. */
export const usualSettings: Readonly<Record<string, string>> = Object.freeze({
  max_connections: "200",
  shared_buffers: "1GB",
  max_wal_size: "16GB",
  checkpoint_timeout: "1h",
});

/** The servers of a run. */
export class Arena implements AsyncDisposable {
  readonly #folder: string;
  readonly #postgres: PostgresServer;
  readonly #redis: RedisServer | null;
  readonly #templates = new Map<string, string>();
  #made = 0;

  private constructor(folder: string, postgres: PostgresServer, redis: RedisServer | null) {
    this.#folder = folder;
    this.#postgres = postgres;
    this.#redis = redis;
  }

  /** Starts them; Redis where there is a program for it. */
  static async open(
    rig: Rig,
    settings: Readonly<Record<string, string>>,
    redisProgram: string | null,
  ): Promise<Arena> {
    const postgres = await startPostgres({ major: 18, durable: true, settings });
    // A server that is left behind is found by its folder.
    const redis = redisProgram === null ? null : await RedisServer.start(redisProgram, rig.newFolder());
    return new Arena(rig.newFolder(), postgres, redis);
  }

  /** A process of a system. It is loaded when it answers its first question. */
  member(system: SystemName): Member {
    return new Member(system, join(this.#folder, `${system}.log`));
  }

  /** A place with nothing in it but the system's own tables. */
  fresh(contestant: Contestant): Promise<Place> {
    return this.filled(contestant, 0);
  }

  /** A place with so many tasks waiting, as it was right after they were enqueued, statistics gathered. */
  async filled(contestant: Contestant, count: number): Promise<Place> {
    switch (contestant.home) {
      case "postgres":
        return this.#place(contestant, { database: await this.#copyOfDatabase(contestant, count) });
      case "sqlite":
        return this.#place(contestant, { folder: await this.#copyOfFolder(contestant, count) });
      case "redis": {
        const place = this.#place(contestant, { database: await this.#newDatabase() });
        await this.#redis?.command("FLUSHALL");
        const fsync = contestant.options["redis"]?.["appendfsync"];
        const wanted = typeof fsync === "string" ? fsync : "everysec";
        await this.#redis?.command("CONFIG SET appendfsync everysec");
        await this.#make(contestant, place, count);
        await this.#redis?.command(`CONFIG SET appendfsync ${wanted}`);
        return place;
      }
    }
  }

  /** Removes what is not needed any more. */
  async drop(place: Place): Promise<void> {
    if (place.connectionString !== "") {
      const database = new URL(place.connectionString).pathname.slice(1);
      await this.sql(`drop database if exists ${database} with (force)`);
    }
    if (place.file !== "") rmSync(join(place.file, ".."), { recursive: true, force: true });
  }

  /** One statement, on a connection of its own; in the server's own database where none is named. */
  async sql(text: string, connectionString?: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({
      connectionString: connectionString ?? this.#connectionString("postgres"),
    });
    client.on("error", () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** CPU of the server that keeps a contestant's tasks, since it was started; null where it has none, or it cannot be read. */
  serverCpuMs({ home }: Contestant): number | null {
    if (home === "sqlite") return null;
    if (home === "redis") return this.#redis === null ? null : processCpuMs(this.#redis.pid);
    const { pid, dataFolder } = this.#postgres;
    return pid === undefined ? null : postgresCpuMs(pid, dataFolder);
  }

  /** The same once connections that were just closed have ended: what they used is counted only then. */
  async serverCpuMsAfterwards(contestant: Contestant): Promise<number | null> {
    await delay(ENDING_MS);
    return this.serverCpuMs(contestant);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#redis?.down();
    await this.#postgres[Symbol.asyncDispose]();
  }

  #connectionString(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.#postgres.port}/${database}`;
  }

  #place({ options }: Contestant, at: { readonly database?: string; readonly folder?: string }): Place {
    return {
      connectionString: at.database === undefined ? "" : this.#connectionString(at.database),
      redisPort: this.#redis?.port ?? null,
      file: at.folder === undefined ? "" : join(at.folder, "tasks.db"),
      options,
    };
  }

  /** What a template is known by: all but the options of workers may show in the tables. */
  #key({ system, options }: Contestant, count: number): string {
    const { worker: _worker, work: _work, ...others } = options;
    return `${system} with ${count}, ${JSON.stringify(others)}`;
  }

  #name(): string {
    this.#made += 1;
    return `bench_${this.#made}`;
  }

  async #newDatabase(): Promise<string> {
    const database = this.#name();
    await this.sql(`create database ${database}`);
    await this.sql(businessTable, this.#connectionString(database));
    return database;
  }

  async #make(contestant: Contestant, place: Place, count: number): Promise<void> {
    await using member = this.member(contestant.system);
    await member.ask({ do: "prepare", place });
    if (count > 0) await member.ask({ do: "fill", place, count, piece: PIECE });
  }

  async #copyOfDatabase(contestant: Contestant, count: number): Promise<string> {
    const key = this.#key(contestant, count);
    let template = this.#templates.get(key);
    if (template === undefined) {
      template = await this.#newDatabase();
      await this.#make(contestant, this.#place(contestant, { database: template }), count);
      await this.sql("vacuum analyze", this.#connectionString(template));
      this.#templates.set(key, template);
    }
    const copy = this.#name();
    await this.sql(`create database ${copy} template ${template} strategy file_copy`);
    return copy;
  }

  async #copyOfFolder(contestant: Contestant, count: number): Promise<string> {
    const key = this.#key(contestant, count);
    let template = this.#templates.get(key);
    if (template === undefined) {
      template = join(this.#folder, this.#name());
      mkdirSync(template);
      await this.#make(contestant, this.#place(contestant, { folder: template }), count);
      this.#templates.set(key, template);
    }
    const copy = join(this.#folder, this.#name());
    cpSync(template, copy, { recursive: true });
    return copy;
  }
}
