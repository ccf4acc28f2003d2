// Section B on SQLite: locks, and a file that cannot be written. Judged by what is asserted here, there is no audit.
import assert from "node:assert/strict";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { type Scenario, Skipped } from "../scenario.ts";
import { until } from "../until.ts";
import { order, orders } from "./orders.ts";

async function confirmed(file: string): Promise<number> {
  await using store = sqliteStore({ file });
  return await store.count("confirmed");
}

async function migrated(file: string): Promise<void> {
  await using store = sqliteStore({ file });
  await store.migrate();
}

const locked: Scenario = {
  id: "F36",
  title: "another process holds the write lock, for less and for more than a call waits",
  expects:
    "waited for without blocking; beyond that a typed error for the caller, and later tries of the engine",
  onSqlite: true,
  needs: ["sqlite"],
  settings: { leaseMs: 3_000 },
  async run(stage) {
    const file = stage.sqliteFile;
    await migrated(file);
    const [client, worker] = await Promise.all([
      stage.client("client", { poolSize: null }),
      stage.worker("worker"),
    ]);
    // An optional dependency: not every machine has it.
    const { default: Database } = await import("better-sqlite3");
    const other = new Database(file);
    try {
      other.exec("begin immediate");
      const waiting = stage.enqueue(client, [order("waits")]);
      await delay(4_000);
      other.exec("commit");
      await waiting;
      await until("it is confirmed", async () => (await confirmed(file)) === 1);
      other.exec("begin immediate");
      await assert.rejects(stage.enqueue(client, [order("refused")]), /OWED_STORE_UNAVAILABLE/);
      other.exec("rollback");
      await stage.enqueue(client, orders("after", 5), "transaction");
      await until("they are confirmed", async () => (await confirmed(file)) >= 6);
      assert.ok(worker.isAlive && client.isAlive);
      const { running, events } = await worker.status();
      assert.deepEqual([running, events["process.lost"] ?? 0], [0, 0]);
    } finally {
      other.close();
    }
    await stage.endAll();
  },
};

const noRoom: Scenario = {
  id: "F37",
  title: "the disk of the file is full for a while",
  expects: "a typed error for the caller, no process ends, everything goes on once there is room",
  onSqlite: true,
  needs: ["sqlite", "mount"],
  async run(stage) {
    const mounted = stage.rig.mount("disk", 24);
    if ("problem" in mounted) throw new Skipped(`a small disk cannot be mounted here: ${mounted.problem}`);
    const file = join(mounted.folder, "tasks.db");
    const ballast = join(mounted.folder, "ballast");
    await migrated(file);
    const database = { kind: "sqlite", file } as const;
    const [client, worker] = await Promise.all([
      stage.client("client", { poolSize: null, database }),
      stage.worker("worker", { database }),
    ]);
    try {
      await stage.enqueue(client, orders("before", 20, { runMs: 200 }), "transaction");
      fill(ballast);
      let refused = "";
      for (let number = 1; number < 40 && refused === ""; number += 1) {
        const large = order(`large-${number}`, { padding: "x".repeat(1_000_000) });
        refused = await stage.enqueue(client, [large]).then(
          () => "",
          (error: unknown) => String(error),
        );
      }
      assert.match(refused, /OWED_STORE_UNAVAILABLE/);
      await delay(2_000);
      assert.ok(worker.isAlive && client.isAlive, stage.output("worker"));
      rmSync(ballast);
      await stage.enqueue(client, [order("after")]);
      await until("it is confirmed", async () => (await confirmed(file)) >= 21);
      await stage.endAll();
    } finally {
      for (const child of stage.children) child.signal("SIGKILL");
      stage.rig.unmount(mounted.folder);
    }
  },
};

function fill(file: string): void {
  for (let size = 1_024 * 1_024; size >= 4_096; size /= 2) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch {
      // That much does not fit any more.
    }
  }
}

const gone: Scenario = {
  id: "F37b",
  title: "the file is no database, or its folder is gone",
  expects: "a typed error from the start; nothing crashes",
  onSqlite: true,
  needs: ["sqlite"],
  async run(stage) {
    const cases: Readonly<Record<string, () => string>> = {
      "no database": () => {
        writeFileSync(stage.sqliteFile, "this is a letter to my aunt, and no database at all. ".repeat(100));
        return stage.sqliteFile;
      },
      "no folder": () => join(stage.folder, "nowhere", "tasks.db"),
      "a folder": () => {
        chmodSync(stage.folder, 0o755);
        return stage.folder;
      },
    };
    for (const [name, make] of Object.entries(cases)) {
      await using store = sqliteStore({ file: make() });
      await assert.rejects(store.migrate(), (error: unknown) => {
        const code = String((error as { readonly code?: unknown }).code);
        assert.match(code, /^OWED_/, `${name}: ${String(error)}`);
        return true;
      });
    }
  },
};

/** F36 and F37. */
export const sqliteScenarios: readonly Scenario[] = [locked, noRoom, gone];
