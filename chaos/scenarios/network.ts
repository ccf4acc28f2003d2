// Section B, on the way between process and database: black holes, a pooler, a standby, a full disk.
import assert from "node:assert/strict";
import { chownSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { quoteIdentifier } from "../../src/store/postgres/identifier.ts";
import { serverAccount } from "../../test/support/server-account.ts";
import type { Child } from "../child.ts";
import { startPgbouncer } from "../pgbouncer.ts";
import { COMMIT } from "../proxy.ts";
import { type Scenario, Skipped } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";
import { order, ordersOver } from "./orders.ts";

/** Where the network goes away: while nothing is under way, or at a message. */
const moments = {
  idle: null,
  claim: "owed_claim_ready",
  heartbeat: "owed_beat",
  complete: "owed_confirm_current",
} as const;

function halfOpen(moment: keyof typeof moments): Scenario {
  return {
    id: `F29-${moment}`,
    title: `the network swallows everything, at: ${moment}`,
    expects:
      "every call is over by its deadline, the connection is given up, everything goes on after the heal",
    isShort: moment === "complete",
    async run(stage) {
      const client = await stage.client("client");
      const worker = await stage.worker("worker", { proxied: true, statementTimeoutMs: 500 });
      const text = moments[moment];
      const reached =
        text === null ? Promise.resolve() : stage.proxyOf(worker).when({ text, nth: 2, deed: "black-hole" });
      await stage.enqueue(client, ordersOver("task", 20, 100, { runMs: 50 }), "transaction");
      await reached;
      stage.blackHole(worker);
      await delay(6_000);
      const { events } = await worker.status();
      assert.ok((events["store.unavailable"] ?? 0) > 0, "it has not noticed that nothing is answered");
      stage.heal(worker);
      stage.quiet();
      await stage.rest();
      assert.ok(worker.isAlive);
      assert.equal((await worker.status()).running, 0);
      assert.equal((await stage.postgres.counts()).failed, 0);
    },
  };
}

function halfOpenCommit(id: string, way: "transaction" | "alone", poolSize: number | null): Scenario {
  const pool = poolSize === null ? "the library's own pool" : "a pool of the application";
  return {
    id,
    title: `the network swallows a COMMIT of ${way === "alone" ? "enqueue" : "transaction(fn)"} on ${pool}`,
    expects: "the call is over by a deadline, its outcome told as unknown, and later calls work",
    async run(stage) {
      const [client] = await Promise.all([
        stage.client("client", { proxied: true, poolSize }),
        stage.worker("worker"),
      ]);
      await stage.enqueue(client, [order("before")], way);
      const lost = stage.proxyOf(client).when({ text: COMMIT, deed: "black-hole" });
      stage.nemesis.note({ kind: "cut", process: client.name });
      const enqueued = stage.enqueue(client, [order("lost")], way);
      enqueued.catch(() => undefined);
      await lost;
      const limitMs = 20_000;
      const over = await Promise.race([
        enqueued.then(
          () => "over",
          () => "over",
        ),
        delay(limitMs, "still waiting"),
      ]);
      // Its connection must have been given up, and not be missing in the pool for ever.
      const next = stage.enqueue(client, [order("after")], way).then(
        () => "enqueued",
        (error: unknown) => String(error),
      );
      const after = await Promise.race([next, delay(limitMs, "still waiting")]);
      stage.heal(client);
      assert.equal(over, "over", `the call was not over after ${limitMs} ms`);
      assert.equal(after, "enqueued");
      await assert.rejects(enqueued, /OWED_(COMMIT_UNKNOWN|STORE_UNAVAILABLE)/);
      await stage.enqueue(client, [order("lost")], way);
      stage.quiet();
      await stage.rest();
    },
  };
}

const pooled: Scenario = {
  id: "F33",
  title: "PgBouncer in transaction mode",
  expects: "enqueue, claims, settling, heartbeats and deaths all work through it",
  needs: ["pgbouncer"],
  async run(stage) {
    await using pooler = await startPgbouncer(stage.folder, stage.postgres.server.port);
    const database = {
      kind: "postgres" as const,
      connectionString: stage.postgres.connectionString(pooler.port),
      schema: stage.postgres.schema,
      pooler: true,
    };
    const client = await stage.client("client", {
      database: { ...database, poolSize: 4 },
      kinds: ["receipt"],
    });
    const first = await stage.worker("first", { database });
    await stage.load([client], { kinds: ["work", "receipt", "strict"], everyMs: 30, failing: 0.2 });
    await delay(3_000);
    await stage.kill(first);
    await stage.worker("second", { database });
    await delay(3_000);
    await stage.endLoad([client]);
    stage.quiet();
    await stage.rest();
    await stage.endAll();
  },
};

/** An idle worker looks after 25 ms, then after twice as long each time, so 25.6 s after its last work and then after 51.2 s. */
const heardOnly = { pollIntervalMs: 120_000 };
const BETWEEN_LOOKS_MS = 27_500;
/** Nothing but a wake-up makes it look before that is over. */
const LOOKS_BY_ITSELF_MS = 20_000;

/** Waits until a worker has told an event so often. */
async function told(worker: Child, event: string, times: number): Promise<void> {
  await until(`${event} is told ${times} times`, async () => {
    const { events } = await worker.status();
    return (events[event] ?? 0) >= times;
  });
}

const terminatedListener: Scenario = {
  id: "F30",
  title: "the session that listens is terminated",
  expects: "it says so, listens again, and looks once: what was left meanwhile does not wait for the poll",
  settings: heardOnly,
  async run(stage) {
    const [client, worker] = await Promise.all([stage.client("client"), stage.worker("worker")]);
    await told(worker, "wake-ups.on", 1);
    await stage.enqueue(client, [order("heard")], "transaction");
    await stage.rest(10_000);
    await delay(BETWEEN_LOOKS_MS);
    await stage.postgres.sql(endListener, [worker.name]);
    await told(worker, "wake-ups.lost", 1);
    await stage.enqueue(client, [order("unheard")], "transaction");
    await stage.rest(LOOKS_BY_ITSELF_MS);
    await told(worker, "wake-ups.on", 2);
    await stage.endAll();
  },
};

const halfOpenListener: Scenario = {
  id: "F31",
  title: "the network swallows the connection that listens, and no other",
  expects: "it does not hear itself, gives the connection up, listens again, and looks once",
  settings: heardOnly,
  async run(stage) {
    const client = await stage.client("client");
    const worker = await stage.worker("worker", { proxied: true });
    await told(worker, "wake-ups.on", 1);
    const proxy = stage.proxyOf(worker);
    const listens = proxy.when({ text: "listen ", deed: "mark" });
    await stage.postgres.sql(endListener, [worker.name]);
    await listens;
    await told(worker, "wake-ups.on", 2);
    await delay(BETWEEN_LOOKS_MS - 2_000); // it has had no work yet
    proxy.blackHoleMarked();
    await stage.enqueue(client, [order("unheard")], "transaction");
    await stage.rest(LOOKS_BY_ITSELF_MS);
    await told(worker, "wake-ups.lost", 2);
    await told(worker, "wake-ups.on", 3);
    await stage.endAll();
  },
};

const endListener = `select pg_terminate_backend(pid) from pg_stat_activity
  where datname = current_database() and application_name = $1 and query like 'listen %'`;

const standby: Scenario = {
  id: "F26",
  title: "the server is a standby for a while, then promoted",
  expects: "everything fails with backoff, and goes on after the promotion",
  ownServer: { hot_standby: "on" },
  async run(stage) {
    const { server } = stage.postgres;
    const [client, worker] = await Promise.all([stage.client("client"), stage.worker("worker")]);
    await stage.enqueue(client, ordersOver("task", 30, 200, { runMs: 100 }), "transaction");
    await stage.postgres.down("fast");
    const signal = join(server.dataFolder, "standby.signal");
    writeFileSync(signal, "");
    const account = serverAccount();
    if (account !== undefined) chownSync(signal, account.uid, account.gid);
    const up = stage.postgres.up(); // ready only once it is promoted
    await until("the standby answers", async () => {
      const [row] = await stage.postgres.sql<{ standby: boolean }>("select pg_is_in_recovery() as standby");
      return row?.standby === true;
    });
    await assert.rejects(stage.enqueue(client, [order("refused")]));
    await delay(4_000);
    await stage.postgres.sql("select pg_promote()");
    await up;
    assert.ok(!existsSync(signal));
    stage.quiet();
    await stage.rest();
    assert.ok(worker.isAlive);
    assert.equal((await stage.postgres.counts()).failed, 0);
  },
};

const fullDisk: Scenario = {
  id: "F28",
  title: "the disk is full while tasks are enqueued and settled",
  expects:
    "53100: enqueue fails for its caller, outcomes are written once there is room, nothing is counted as failed",
  needs: ["mount"],
  async run(stage) {
    const mounted = stage.rig.mount("disk", 48);
    if ("problem" in mounted) throw new Skipped(`a small disk cannot be mounted here: ${mounted.problem}`);
    const account = serverAccount();
    if (account !== undefined) chownSync(mounted.folder, account.uid, account.gid);
    try {
      await onSmallDisk(stage, mounted.folder);
    } finally {
      await dropSmallDisk(stage);
      stage.rig.unmount(mounted.folder);
    }
  },
};

async function onSmallDisk(stage: Stage, disk: string): Promise<void> {
  const { postgres } = stage;
  await postgres.sql(`create tablespace small location '${disk}'`);
  for (const table of ["task", "pending", "settled", "confirmed", "attempt", "process"]) {
    await postgres.sql(`alter table owed.${quoteIdentifier(table)} set tablespace small`);
  }
  const [client, worker] = await Promise.all([stage.client("client"), stage.worker("worker")]);
  await stage.enqueue(client, ordersOver("task", 60, 100, { runMs: 50 }), "transaction");
  await delay(500);
  const ballast = join(disk, "ballast");
  stage.nemesis.note({ kind: "database.down" });
  writeUntilFull(ballast);
  const padding = "x".repeat(200_000);
  let refused = "";
  for (let number = 1; number <= 20 && refused === ""; number += 1) {
    refused = await stage.enqueue(client, [order(`large-${number}`, { padding })]).then(
      () => "",
      (error: unknown) => String(error),
    );
  }
  assert.match(refused, /53100|space|No space/i);
  await delay(4_000);
  assert.ok(worker.isAlive && client.isAlive);
  rmSync(ballast);
  stage.nemesis.note({ kind: "database.up" });
  await stage.enqueue(client, [order("after")]);
  stage.quiet();
  await stage.rest();
  assert.equal((await postgres.counts()).failed, 0);
  await stage.endAll();
}

function writeUntilFull(file: string): void {
  for (let size = 1_024 * 1_024; size >= 4_096; size /= 2) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(size), { flag: "a" });
    } catch {
      // That much does not fit any more.
    }
  }
}

async function dropSmallDisk(stage: Stage): Promise<void> {
  for (const table of ["task", "pending", "settled", "confirmed", "attempt", "process"]) {
    await stage.postgres
      .sql(`alter table owed.${quoteIdentifier(table)} set tablespace pg_default`)
      .catch(() => undefined);
  }
}

/** The rest of section B. */
export const networkScenarios: readonly Scenario[] = [
  ...(Object.keys(moments) as (keyof typeof moments)[]).map(halfOpen), // its own keys
  halfOpenCommit("F29-commit", "transaction", null),
  halfOpenCommit("F29-commit-pool", "transaction", 1),
  halfOpenCommit("F29-commit-alone", "alone", 1),
  standby,
  fullDisk,
  terminatedListener,
  halfOpenListener,
  pooled,
];
