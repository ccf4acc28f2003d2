// The SQLite file of one run: its schema with the audit, statements of the rig, and the times when nobody can write to it.
import { copyFileSync, existsSync } from "node:fs";
import type { AuditEntry } from "../checker/history.ts";
import { Connection } from "../src/store/sqlite/connection.ts";
import { BEGIN_IMMEDIATE } from "../src/store/sqlite/connection-statements.ts";
import { loadDriver } from "../src/store/sqlite/driver.ts";
import { sqliteStore } from "../src/store/sqlite/index.ts";
import { commitMarked, installSqliteAudit, readSqliteAudit } from "./audit-sqlite.ts";
import type { NemesisLog } from "./nemesis-log.ts";
import type { StateCounts } from "./run-postgres.ts";

/** One file. */
export class RunSqlite {
  file: string;
  readonly #nemesis: NemesisLog;
  #connection: Connection | null = null;

  constructor(file: string, nemesis: NemesisLog) {
    this.file = file;
    this.#nemesis = nemesis;
  }

  /** With `isMigrated`, creates the file with the schema and its audit; without, leaves it to the scenario. */
  async create(isMigrated: boolean): Promise<void> {
    if (!isMigrated) return;
    await using store = sqliteStore({ file: this.file });
    await store.migrate();
    installSqliteAudit(this.#connected());
  }

  /** Runs a statement of the rig in a transaction of its own. */
  sql(text: string): void {
    const connection = this.#connected();
    connection.exec(BEGIN_IMMEDIATE);
    connection.exec(text);
    commitMarked(connection);
  }

  /** Tasks by state. */
  counts(): Promise<StateCounts> {
    const counts = { pending: 0, confirmed: 0, failed: 0, cancelled: 0 };
    const rows = this.#connected().all<{ readonly state: keyof StateCounts; readonly tasks: number }>(
      "select state, count(*) as tasks from owed_task_state group by state",
    );
    for (const { state, tasks } of rows) counts[state] = tasks;
    return Promise.resolve(counts);
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

  /** The audit of the run. */
  audit(): Promise<readonly AuditEntry[]> {
    return Promise.resolve(readSqliteAudit(this.#connected()));
  }

  /** Takes the file elsewhere, once nobody works on it any more. */
  moveTo(file: string): void {
    this.#close();
    for (const suffix of ["", "-wal"]) {
      if (existsSync(this.file + suffix)) copyFileSync(this.file + suffix, file + suffix);
    }
    this.file = file;
  }

  /** Closes it. The file goes with the folder of the run. */
  drop(): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  #connected(): Connection {
    if (this.#connection !== null) return this.#connection;
    this.#connection = new Connection(loadDriver(undefined).open(this.file));
    // The rig may wait for a lock as long as it likes.
    this.#connection.exec("pragma busy_timeout = 10000");
    return this.#connection;
  }

  #close(): void {
    this.#connection?.close();
    this.#connection = null;
  }
}
