// Section E of the fault catalogue: migrations, load, contention.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { postgresStore } from "../../src/store/postgres/index.ts";
import type { Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";
import { order, orders, ordersOver } from "./orders.ts";

const isFull = process.env["OWED_TEST_FULL"] === "1";

const migrating: Scenario = {
  id: "F60",
  title: "many processes migrate an empty database at once; one is killed in the middle",
  expects: "one row of the version, all others succeed, and again over what stands",
  unmigrated: true,
  isShort: true,
  async run(stage) {
    const count = isFull ? 16 : 5;
    const victim = await stage.client("victim", {
      migrate: true,
      proxied: true,
      unawaited: true,
      startTries: 1,
    });
    await stage.proxyOf(victim).when({ text: "pending_ready", deed: "note" });
    victim.signal("SIGSTOP"); // it holds the lock, with its tables half made
    const others = Array.from({ length: count }, (_, index) =>
      stage.client(`other-${index}`, { migrate: true, startTries: 1, unawaited: true }),
    );
    const started = await Promise.all(others);
    await delay(2_000);
    victim.signal("SIGKILL");
    await victim.ended;
    stage.proxyOf(victim).cut();
    await Promise.all(started.map((child) => child.ready));
    const again = await stage.client("again", { migrate: true, startTries: 1 });
    const rows = await stage.postgres.sql("select version from owed.schema_version");
    assert.equal(rows.length, 1);
    await stage.enqueue(again, [order("works")]);
    await stage.worker("worker");
    await stage.rest();
  },
};

/** A transaction that keeps its snapshot, so that no dead row can be removed. */
async function pinned(stage: Stage): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: stage.postgres.connectionString() });
  client.on("error", () => undefined);
  await client.connect();
  await client.query("begin isolation level repeatable read");
  await client.query("select count(*) from owed.task");
  return client;
}

/** How long claims took that found something, in milliseconds, sorted. */
function claimTimes(stage: Stage): readonly number[] {
  const asked = new Map<string, number>();
  const times: number[] = [];
  for (const { process, monotonicMs, event } of stage.events()) {
    if (event.kind !== "claim.invoke" && event.kind !== "claim.answer") continue;
    const key = `${process} ${event.owner} ${event.claim}`;
    if (event.kind === "claim.invoke") asked.set(key, monotonicMs);
    else if (event.taskIds.length > 0) times.push(monotonicMs - (asked.get(key) ?? monotonicMs));
  }
  return times.sort((left, right) => left - right);
}

const backlog: Scenario = {
  id: "F61",
  title: "a large backlog, worked off under a pinned snapshot",
  expects: "claims stay quick, from the first to the last",
  settings: { concurrency: 200 },
  async run(stage) {
    const client = await stage.client("client");
    const count = isFull ? 30_000 : 4_000;
    for (let batch = 0; batch < count / 1_000; batch += 1) {
      await stage.enqueue(client, orders(`task-${batch}`, 1_000), "transaction");
    }
    const reader = await pinned(stage);
    await stage.worker("worker");
    stage.quiet();
    await stage.rest(120_000);
    await reader.end();
    const times = claimTimes(stage);
    const p99 = times[Math.ceil(times.length * 0.99) - 1] ?? 0;
    assert.ok(p99 < 1_000, `claims took ${Math.round(p99)} ms (p99 of ${times.length})`);
  },
};

const manyLeases: Scenario = {
  id: "F63",
  title: "thousands of claims become void at once, and new work comes in",
  expects: "new work is not held up by them; all are executed, each loss counted once",
  // One kind gets four fifths of the slots at most.
  settings: { concurrency: 4_000 },
  async run(stage) {
    const [client, first] = await Promise.all([stage.client("client"), stage.worker("first")]);
    for (let batch = 0; batch < 3; batch += 1) {
      await stage.enqueue(client, orders(`held-${batch}`, 1_000, { gate: "open" }), "transaction");
    }
    await until("all are held", async () => (await first.status()).running === 3_000);
    stage.openGate("open");
    await stage.kill(first);
    await stage.worker("second");
    await stage.enqueue(client, orders("new", 50), "transaction");
    const startedMs = await until("the new ones have run", () => stage.hasStarted("new-50"), 60_000);
    assert.ok(startedMs < 15_000, `new work waited ${startedMs} ms`);
    stage.quiet();
    await stage.rest(120_000);
    const [row] = await stage.postgres.sql<{ confirmed: string }>(
      "select sum(cardinality(ids)) as confirmed from owed.confirmed",
    );
    assert.equal(Number(row?.confirmed), 3_050);
  },
};

const hotKey: Scenario = {
  id: "F64",
  title: "the same task enqueued by a hundred transactions at once",
  expects: "one row, no deadlock, bounded waits",
  isShort: true,
  async run(stage) {
    const clients = await Promise.all([
      stage.client("c1", { poolSize: 10 }),
      stage.client("c2", { poolSize: 10 }),
    ]);
    await stage.worker("worker");
    const fromMs = performance.now();
    const reports = await Promise.all(
      Array.from({ length: 100 }, (_, index) => {
        const way = (["alone", "transaction", "caller"] as const)[index % 3] ?? "alone";
        return stage.enqueue(clients[index % 2] ?? clients[0], [order("hot", { runMs: 10 })], way);
      }),
    );
    const tookMs = performance.now() - fromMs;
    assert.ok(tookMs < 20_000, `it took ${tookMs} ms`);
    stage.quiet();
    await stage.rest();
    assert.equal(reports.flatMap(({ created }) => created).length, 1);
    assert.equal(stage.starts("hot"), 1);
  },
};

const retention: Scenario = {
  id: "F65",
  title: "retention deletes while tasks come in and are settled",
  expects: "in batches, without locks that pile up; never a pending or a failed one",
  async run(stage) {
    const [client] = await Promise.all([stage.client("client"), stage.worker("worker")]);
    await stage.enqueue(client, [order("failed", { end: "permanent" })]);
    await stage.load([client], { everyMs: 2, runMs: 5 });
    const store = postgresStore({ connectionString: stage.postgres.connectionString() });
    let pruned = 0;
    let longestMs = 0;
    const untilMs = performance.now() + (isFull ? 30_000 : 6_000);
    while (performance.now() < untilMs) {
      const fromMs = performance.now();
      pruned += await store.prune({ olderThanMs: 0, limit: 500 });
      longestMs = Math.max(longestMs, performance.now() - fromMs);
      await delay(50);
    }
    const enqueued = await stage.endLoad([client]);
    stage.quiet();
    await stage.rest();
    const balance = await store.balance();
    await store.close();
    assert.ok(pruned > 0);
    assert.equal(balance.enqueued, enqueued + 1);
    assert.equal(balance.confirmed + balance.pruned, enqueued);
    assert.equal(balance.failed, 1);
    assert.ok(longestMs < 5_000, `a batch took ${longestMs} ms`);
  },
};

const overload: Scenario = {
  id: "F67",
  title: "more tasks come in than can be done: a slow kind, a quick kind, and retries of old tasks",
  expects: "the quick kind is not held up by the slow one, and retries are not postponed for ever",
  settings: { concurrency: 6 },
  async run(stage) {
    const [client] = await Promise.all([stage.client("client"), stage.worker("worker")]);
    await stage.enqueue(client, orders("slow", 100, { runMs: 400 }, "slow"), "transaction");
    await stage.enqueue(client, orders("retried", 5, { end: "fail", times: 3 }, "webhook"), "transaction");
    await stage.enqueue(client, ordersOver("quick", 60, 100, { runMs: 10 }), "transaction");
    await until("the retried ones are done", async () => {
      const states = await Promise.all(
        [1, 2, 3, 4, 5].map(async (number) => (await stage.postgres.task(`retried-${number}`))?.["state"]),
      );
      return states.every((state) => state === "confirmed");
    });
    await until("the quick ones are done", () => stage.hasStarted("quick-60"));
    const slow = stage
      .events()
      .filter(({ event }) => event.kind === "effect" && event.taskId.startsWith("slow"));
    assert.ok(slow.length < 100, "the slow ones were done first: this shows nothing");
    stage.quiet();
    await stage.rest(60_000);
  },
};

const onlyConnection: Scenario = {
  id: "F68",
  title: "executors enqueue through the application's pool, which has one connection",
  expects: "no deadlock",
  async run(stage) {
    const [client] = await Promise.all([stage.client("client"), stage.worker("worker", { poolSize: 1 })]);
    const parents = orders("parent", 30).map((one) => ({
      ...one,
      script: { runMs: 20, followUp: `${one.taskId}/follow-up` },
    }));
    await stage.enqueue(client, parents, "transaction");
    await until("all are confirmed", async () => (await stage.postgres.counts()).confirmed === 60);
    stage.quiet();
    await stage.rest();
  },
};

/** Section E. */
export const schemaScenarios: readonly Scenario[] = [
  migrating,
  backlog,
  manyLeases,
  hotKey,
  retention,
  overload,
  onlyConnection,
];
