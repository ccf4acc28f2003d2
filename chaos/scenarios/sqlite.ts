// Section B on SQLite: locks, and a file that cannot be written; and section A in short, since nothing else shows it there.
import assert from "node:assert/strict";
import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { loadDriver } from "../../src/store/sqlite/driver.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { RunSqlite } from "../run-sqlite.ts";
import { type Scenario, Skipped } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";
import { order, orders } from "./orders.ts";

const locked: Scenario = {
  id: "F36",
  title: "another process holds the write lock, for less and for more than a call waits",
  expects:
    "waited for without blocking; beyond that a typed error for the caller, and later tries of the engine",
  onSqlite: true,
  needs: ["sqlite"],
  settings: { leaseMs: 3_000 },
  async run(stage) {
    const [client, worker] = await Promise.all([
      stage.client("client", { poolSize: null }),
      stage.worker("worker"),
    ]);
    const other = loadDriver(undefined).open(stage.sqlite.file);
    try {
      // The worker may be writing just then.
      other.exec("pragma busy_timeout = 5000");
      await stage.sqlite.outage(async () => {
        other.exec("begin immediate");
        const waiting = stage.enqueue(client, [order("waits")]);
        await delay(4_000);
        other.exec("commit");
        await waiting;
      });
      await stage.rest();
      await stage.sqlite.outage(async () => {
        other.exec("begin immediate");
        await assert.rejects(stage.enqueue(client, [order("refused")]), /OWED_STORE_UNAVAILABLE/);
        other.exec("rollback");
      });
      await stage.enqueue(client, orders("after", 5), "transaction");
      stage.quiet();
      await stage.rest();
      assert.ok(worker.isAlive && client.isAlive);
      const { running, events } = await worker.status();
      assert.deepEqual([running, events["process.lost"] ?? 0], [0, 0]);
      // Whether the refused one stands is not known: its time was up while it waited for the lock.
      const { confirmed } = await stage.sqlite.counts();
      assert.ok(confirmed === 6 || confirmed === 7, `${confirmed} are confirmed`);
    } finally {
      other.close();
    }
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
    const kept = join(stage.folder, "disk.db");
    await stage.sqlite.drop();
    stage.useDatabase(new RunSqlite(join(mounted.folder, "tasks.db"), stage.nemesis));
    await stage.sqlite.create(true);
    try {
      await onSmallDisk(stage, join(mounted.folder, "ballast"));
    } finally {
      for (const child of stage.children) child.signal("SIGKILL");
      await Promise.all(stage.children.map(({ ended }) => ended));
      stage.sqlite.moveTo(kept);
      stage.rig.unmount(mounted.folder);
    }
  },
};

async function onSmallDisk(stage: Stage, ballast: string): Promise<void> {
  const [client, worker] = await Promise.all([
    stage.client("client", { poolSize: null }),
    stage.worker("worker"),
  ]);
  await stage.enqueue(client, orders("before", 20, { runMs: 200 }), "transaction");
  await stage.sqlite.outage(async () => {
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
  });
  await stage.enqueue(client, [order("after")]);
  stage.quiet();
  await stage.rest();
  assert.equal((await stage.sqlite.counts()).failed, 0);
  await stage.endAll();
}

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
  unmigrated: true,
  needs: ["sqlite"],
  async run(stage) {
    const cases: Readonly<Record<string, () => string>> = {
      "no database": () => {
        writeFileSync(stage.sqlite.file, "this is a letter to my aunt, and no database at all. ".repeat(100));
        return stage.sqlite.file;
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

const harmed: Scenario = {
  id: "F1q",
  title: "workers on one SQLite file are killed, stood still beyond their lease, and stopped, under load",
  expects: "as on Postgres: all tasks end, the dead are noticed, the late are fenced",
  onSqlite: true,
  isShort: true,
  needs: ["sqlite"],
  async run(stage) {
    const [client, killed, paused] = await Promise.all([
      stage.client("client", { poolSize: null, kinds: ["receipt"] }),
      stage.worker("killed"),
      stage.worker("paused"),
      stage.worker("steady"),
    ]);
    await stage.load([client], {
      kinds: ["work", "receipt", "strict"],
      everyMs: 30,
      runMs: 200,
      failing: 0.2,
    });
    await stage.enqueue(client, orders("held", 3, { gate: "open" }), "transaction");
    await until("they run", () => stage.hasStarted("held-3"));
    await stage.kill(killed);
    stage.pause(paused);
    await delay(2 * stage.settings.leaseMs);
    stage.resume(paused);
    stage.openGate("open");
    await stage.terminate(paused);
    await delay(500);
    await stage.endLoad([client]);
    stage.quiet();
    await stage.rest();
  },
};

/** F36 and F37, and the faults of processes. */
export const sqliteScenarios: readonly Scenario[] = [locked, noRoom, gone, harmed];
