// Section C of the fault catalogue: signals, graces, deploys.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "../child.ts";
import { knownKinds } from "../process/kinds.ts";
import type { Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";
import { order, orders } from "./orders.ts";

/** What a stop may take beyond its grace: a second for the abort, five for the last writes, and a busy machine. */
const BEYOND_GRACE_MS = 9_000;

const graceful: Scenario = {
  id: "F41",
  title: "SIGTERM with running tasks that are shorter than the grace, and outcomes to write",
  expects: "nothing is claimed after the signal, all outcomes are written, exit code 0",
  isShort: true,
  async run(stage) {
    const [client, worker] = await Promise.all([stage.client("client"), stage.worker("worker")]);
    await stage.enqueue(client, orders("task", 40, { runMs: 600 }), "transaction");
    await until("tasks are running", async () => (await worker.status()).running >= 8);
    const { code, tookMs } = await stage.terminate(worker);
    assert.equal(code, 0);
    assert.ok(tookMs < stage.settings.graceMs, `it took ${tookMs} ms`);
    const { confirmed, pending } = await stage.postgres.counts();
    assert.equal(confirmed, stage.events().filter(({ event }) => event.kind === "execution.start").length);
    assert.equal(confirmed + pending, 40);
    const held = await stage.postgres.sql("select 1 from owed.pending where owner is not null");
    assert.equal(held.length, 0);
    await stage.worker("next");
    stage.quiet();
    await stage.rest();
  },
};

function tooLong(id: string, heedsSignal: boolean): Scenario {
  return {
    id,
    title: `SIGTERM with a task that is longer than the grace and ${heedsSignal ? "heeds" : "ignores"} its signal`,
    expects: "it is aborted and given back, due now, without cost; exit within grace and drain",
    isShort: id === "F42",
    settings: { graceMs: 500 },
    async run(stage) {
      const [client, worker] = await Promise.all([stage.client("client"), stage.worker("worker")]);
      await stage.enqueue(client, [order("long", { gate: "long", heedsSignal })]);
      await until("it runs", () => stage.hasStarted("long"));
      const { code, tookMs } = await stage.terminate(worker);
      assert.equal(code, 0);
      assert.ok(tookMs < 500 + BEYOND_GRACE_MS, `it took ${tookMs} ms`);
      const task = await stage.postgres.task("long");
      assert.equal(task?.["owner"], null);
      assert.deepEqual([Number(task?.["failed_attempts"]), Number(task?.["lost_attempts"])], [0, 0]);
      stage.openGate("long");
      await stage.worker("next");
      stage.quiet();
      await stage.rest();
      assert.deepEqual(await stage.postgres.story("long"), ["abandoned"]);
    },
  };
}

function stoppedWithout(
  id: string,
  title: string,
  takeAway: (stage: Stage, worker: Child) => Promise<void>,
  giveBack: (stage: Stage, worker: Child) => Promise<void>,
): Scenario {
  return {
    id,
    title,
    expects: "exit within grace and drain all the same, with a code that is not 0",
    isShort: id === "F43",
    settings: { graceMs: 1_000 },
    async run(stage) {
      const [client, worker] = await Promise.all([
        stage.client("client"),
        stage.worker("worker", { proxied: true }),
      ]);
      await stage.enqueue(client, orders("task", 5, { runMs: 700 }), "transaction");
      await until("they run", async () => (await worker.status()).running === 5);
      await takeAway(stage, worker);
      // Until the process has noticed: what it has not noticed it cannot tell.
      await delay(1_500);
      const { code, tookMs } = await stage.terminate(worker);
      assert.notEqual(code, 0);
      assert.ok(tookMs < 1_000 + BEYOND_GRACE_MS, `it took ${tookMs} ms`);
      await giveBack(stage, worker);
      await stage.worker("next");
      stage.quiet();
      await stage.rest();
      assert.equal((await stage.postgres.counts()).confirmed, 5);
    },
  };
}

const twice: Scenario = {
  id: "F44",
  title: "SIGTERM twice; SIGINT and SIGTERM; many SIGINT",
  expects: "the second signal forces: given back within a second or two, exit code 143 or 130",
  isShort: true,
  settings: { graceMs: 60_000 },
  async run(stage) {
    const client = await stage.client("client");
    const cases: readonly (readonly [readonly NodeJS.Signals[], number])[] = [
      [["SIGTERM", "SIGTERM"], 143],
      [["SIGINT", "SIGTERM"], 143],
      [["SIGINT", "SIGINT", "SIGINT", "SIGINT", "SIGINT"], 130],
    ];
    for (const [index, [signals, expected]] of cases.entries()) {
      const worker = await stage.worker(`worker-${index + 1}`);
      await stage.enqueue(client, [order(`task-${index}`, { gate: "all" })]);
      await until("it runs", () => stage.hasStarted(`task-${index}`, worker.name));
      const fromMs = performance.now();
      for (const signal of signals) {
        worker.signal(signal);
        await delay(100); // two signals of one kind at once are one
      }
      const { code } = await worker.ended;
      const tookMs = performance.now() - fromMs;
      assert.equal(code, expected);
      assert.ok(tookMs < 4_000, `${signals.join(" ")} took ${tookMs} ms`);
      const task = await stage.postgres.task(`task-${index}`);
      assert.equal(task?.["owner"], null);
    }
    stage.openGate("all");
    await stage.worker("last");
    stage.quiet();
    await stage.rest();
  },
};

const rolling: Scenario = {
  id: "F46",
  title: "a rolling deploy: old workers meet a kind of task that only the new ones know",
  expects: "both versions work side by side; tasks of the new kind wait and are never failed",
  isShort: true,
  async run(stage) {
    const newKinds = [...knownKinds, "foreign"];
    const [client] = await Promise.all([stage.client("client"), stage.worker("w1"), stage.worker("w2")]);
    await stage.load([client], { kinds: ["work", "foreign", "receipt"], everyMs: 100 });
    await delay(1_000);
    for (const name of ["w1", "w2"]) {
      const old = stage.children.find((child) => child.name === name);
      if (old !== undefined) assert.equal((await stage.terminate(old)).code, 0);
      await stage.worker(name, { kinds: newKinds });
      await delay(500);
    }
    await stage.endLoad([client]);
    stage.quiet();
    await stage.rest();
    assert.equal((await stage.postgres.counts()).failed, 0);
    const executed = stage.events().filter(({ event }) => event.kind === "effect");
    assert.equal(
      new Set(executed.map(({ event }) => (event.kind === "effect" ? event.taskId : ""))).size,
      executed.length,
    );
  },
};

/** Section C. */
export const shutdownScenarios: readonly Scenario[] = [
  graceful,
  tooLong("F42", true),
  tooLong("F42b", false),
  stoppedWithout(
    "F43",
    "SIGTERM while the server is down",
    (stage) => stage.postgres.down(),
    (stage) => stage.postgres.up(),
  ),
  stoppedWithout(
    "F43b",
    "SIGTERM while the network swallows everything",
    async (stage, worker) => stage.blackHole(worker),
    async (stage, worker) => stage.heal(worker),
  ),
  twice,
  rolling,
];
