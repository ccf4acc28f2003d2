// Section A of the fault catalogue: processes that die, stand still, or run code that should not be trusted.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import type { Child } from "../child.ts";
import { COMMIT } from "../proxy.ts";
import type { Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { until } from "../until.ts";
import { order, orders } from "./orders.ts";

/** The whole tier has the time for the sizes of the catalogue. */
const isFull = process.env["OWED_TEST_FULL"] === "1";

const started = (stage: Stage, taskId: string, process?: string): Promise<number> =>
  until(`${taskId} has started`, () => stage.hasStarted(taskId, process));

/** Two workers, a client, and a task that waits for its gate in the first worker. */
async function heldByFirst(stage: Stage): Promise<{ client: Child; first: Child; second: Child }> {
  const [client, first] = await Promise.all([
    stage.client("client"),
    stage.worker("first", { proxied: true }),
  ]);
  await stage.enqueue(client, [order("held", { gate: "held" })]);
  await started(stage, "held");
  const second = await stage.worker("second");
  return { client, first, second };
}

const killed: Scenario = {
  id: "F1",
  title: "kill -9 of a worker while it executes",
  expects: "another runs the task within lease, observation and poll; the attempt is recorded as lost",
  isShort: true,
  async run(stage) {
    const { first } = await heldByFirst(stage);
    await stage.kill(first);
    const recoveredMs = await started(stage, "held", "second");
    const { leaseMs, pollIntervalMs } = stage.settings;
    assert.ok(recoveredMs < leaseMs * (4 / 3) + pollIntervalMs + 2_000, `recovered after ${recoveredMs} ms`);
    stage.openGate("held");
    stage.quiet();
    await stage.rest();
    assert.deepEqual(await stage.postgres.story("held"), ["lost"]);
  },
};

function completionKilled(id: string, deed: "black-hole" | "swallow-reply", expectsRerun: boolean): Scenario {
  return {
    id,
    title: `kill -9 of a worker after its success, ${expectsRerun ? "before the completion arrives" : "completion sent and not acknowledged"}`,
    expects: expectsRerun
      ? "the task runs once more: the kill explains the duplicate"
      : "it is confirmed already and does not run again",

    async run(stage) {
      const { first } = await heldByFirst(stage);
      const proxy = stage.proxyOf(first);
      const completing = proxy.when({ text: "owed_confirm_current", deed });
      stage.nemesis.note({ kind: "cut", process: first.name });
      stage.openGate("held");
      await completing;
      // The server has it; its answer is on the way when the process dies.
      if (deed === "swallow-reply") first.signal("SIGSTOP");
      await delay(100);
      await stage.kill(first);
      stage.nemesis.note({ kind: "heal", process: first.name });
      stage.quiet();
      await stage.rest();
      assert.equal(stage.starts("held"), expectsRerun ? 2 : 1);
      assert.deepEqual(await stage.postgres.story("held"), expectsRerun ? ["lost"] : []);
    },
  };
}

/** Starts a worker again as soon as it dies, as a supervisor would, until told otherwise. */
function supervise(
  stage: Stage,
  name: string,
  options: Parameters<Stage["worker"]>[1],
): { stop(): Promise<Child> } {
  let isOver = false;
  const running = (async () => {
    for (;;) {
      const child = await stage.worker(name, { ...options, unawaited: true });
      const over = until("the run is over", () => isOver, 600_000);
      await Promise.race([child.ended, over]);
      if (isOver) return child;
      stage.noteDeath(child);
    }
  })();
  return {
    stop: async () => {
      isOver = true;
      const child = await running;
      await child.ready;
      return child;
    },
  };
}

function poison(
  id: string,
  title: string,
  script: Parameters<typeof order>[1],
  runtimeOptions: readonly string[],
): Scenario {
  return {
    id,
    title,
    expects:
      "suspect after the first loss, then a bounded number of claims, alone and with backoff, then failed; those beside it are confirmed",
    settings: { leaseMs: 1_000, maxLostAlone: 1 },
    async run(stage) {
      const client = await stage.client("client");
      await stage.enqueue(client, [
        order("poison", script, "poison"),
        ...orders("beside", 5, { runMs: 300 }),
      ]);
      const supervised = supervise(stage, "worker", { runtimeOptions });
      await until(
        "the poison task has failed",
        async () => (await stage.postgres.task("poison"))?.["state"] === "failed",
        90_000,
      );
      await supervised.stop();
      stage.quiet();
      await stage.rest(60_000);
      const task = await stage.postgres.task("poison");
      assert.equal(task?.["failure_reason"], "lost-too-often");
      assert.equal((await stage.postgres.counts()).confirmed, 5);
      assert.equal((await stage.postgres.counts()).failed, 1);
    },
  };
}

const race: Scenario = {
  id: "F5",
  title: "8 workers, 1 due task, round after round, no fault",
  expects: "exactly one execution each",
  isShort: true,
  settings: { leaseMs: 15_000, pollIntervalMs: 50, concurrency: 2 },
  async run(stage) {
    const client = await stage.client("client");
    await Promise.all(Array.from({ length: 8 }, (_, index) => stage.worker(`worker-${index + 1}`)));
    const rounds = isFull ? 10_000 : 100;
    for (let round = 0; round < rounds; round += 1) {
      await stage.enqueue(client, [order(`task-${round}`)]);
    }
    stage.quiet();
    await stage.rest();
    const effects = stage.events().filter(({ event }) => event.kind === "effect");
    assert.equal(effects.length, rounds);
  },
};

const killedBeforeCommit: Scenario = {
  id: "F6",
  title: "kill -9 of a client between INSERT and COMMIT",
  expects: "no row, no execution",
  isShort: true,
  async run(stage) {
    await stage.worker("worker");
    const client = await stage.client("client");
    await stage.enqueue(client, [order("open")], "left-open");
    await stage.kill(client);
    const other = await stage.client("other");
    await stage.enqueue(other, [order("after")]);
    stage.quiet();
    await stage.rest();
    await delay(1_000);
    assert.equal(await stage.postgres.task("open"), null);
    assert.equal(stage.starts("open"), 0);
  },
};

const lostReply: Scenario = {
  id: "F7",
  title: "a client loses the reply of COMMIT and enqueues again under the same id",
  expects: "one task; the second answer says that it stands already",
  isShort: true,
  async run(stage) {
    await stage.worker("worker");
    const client = await stage.client("client", { proxied: true });
    await stage.enqueue(client, [order("warm")], "transaction");
    for (const way of ["transaction", "caller"] as const) {
      const lost = stage.proxyOf(client).when({ text: COMMIT, deed: "swallow-reply" });
      stage.nemesis.note({ kind: "cut", process: client.name });
      const enqueued = stage.enqueue(client, [order(way)], way);
      await lost;
      await assert.rejects(enqueued, way === "transaction" ? /OWED_COMMIT_UNKNOWN/ : /Commit|Error/);
      stage.nemesis.note({ kind: "heal", process: client.name });
      const again = await stage.enqueue(client, [order(way)], way);
      assert.deepEqual(again.existing, [way]);
    }
    stage.quiet();
    await stage.rest();
    for (const way of ["transaction", "caller"]) assert.equal(stage.starts(way), 1);
  },
};

const swallowedError: Scenario = {
  id: "F8",
  title: "a caller swallows an error, 'commits' the aborted transaction, and calls the fast path",
  expects: "nothing is executed, nothing is there",
  isShort: true,
  async run(stage) {
    await stage.worker("worker");
    // Born claimed: the client executes these kinds itself.
    const client = await stage.client("client", { kinds: ["work"] });
    await stage.enqueue(client, [order("never")], "swallowed-error");
    await stage.enqueue(client, [order("neither")], "rolled-back");
    await stage.enqueue(client, [order("real")], "caller");
    stage.quiet();
    await stage.rest();
    await delay(1_500);
    assert.equal(stage.starts("never") + stage.starts("neither"), 0);
    assert.equal(await stage.postgres.task("never"), null);
  },
};

const lateCommit: Scenario = {
  id: "F10",
  title: "a long transaction with the lower id and the older due time commits after many later ones",
  expects: "claimed within a poll of its commit, since the workers are not saturated",
  async run(stage) {
    await stage.worker("worker");
    const client = await stage.client("client");
    await stage.enqueue(client, [order("late")], "left-open");
    const batches = isFull ? 20 : 2;
    for (let batch = 0; batch < batches; batch += 1) {
      await stage.enqueue(client, orders(`later-${batch}`, 500), "transaction");
    }
    await stage.rest(120_000);
    await delay(4_000); // longer than the floor trails
    await client.ask({ do: "end-open" });
    const claimedMs = await started(stage, "late");
    assert.ok(claimedMs < stage.settings.pollIntervalMs + 2_000, `claimed after ${claimedMs} ms`);
    stage.quiet();
    await stage.rest();
  },
};

function pausedHolder(id: string, title: string, expects: string, endIn: "running" | "done"): Scenario {
  return {
    id,
    title,
    expects,
    isShort: id === "F11",
    async run(stage) {
      const { first } = await heldByFirst(stage);
      stage.pause(first);
      await started(stage, "held", "second");
      if (endIn === "done") {
        stage.openGate("held");
        await stage.rest();
        await delay(stage.settings.leaseMs);
      }
      stage.resume(first);
      if (endIn === "running") await delay(300);
      stage.openGate("held");
      stage.quiet();
      await stage.rest();
      await until("the woken one has a new id", async () => {
        const { events } = await first.status();
        return (events["process.lost"] ?? 0) === 1;
      });
      await delay(500);
      assert.deepEqual(
        (await stage.postgres.story("held")).filter((outcome) => outcome !== "late-success"),
        ["lost"],
      );
    },
  };
}

const pausedForEver: Scenario = {
  id: "F12",
  title: "SIGSTOP for ever, SIGKILL later",
  expects: "as F1: another runs the task once the lease has passed",
  async run(stage) {
    const { first } = await heldByFirst(stage);
    stage.pause(first);
    await started(stage, "held", "second");
    stage.openGate("held");
    await stage.rest();
    await stage.kill(first);
    stage.quiet();
    await delay(1_000);
    assert.deepEqual(await stage.postgres.story("held"), ["lost"]);
  },
};

const blocked: Scenario = {
  id: "F13",
  title: "an executor blocks the event loop for twice the lease",
  expects: "a pause: declared dead, a new id on waking, the old success counted as late",
  async run(stage) {
    const client = await stage.client("client");
    const first = await stage.worker("first");
    const { leaseMs } = stage.settings;
    stage.nemesis.note({ kind: "pause", process: first.name, boot: first.boot });
    await stage.enqueue(client, [
      order("blocker", { runMs: 200, end: "block", times: 1, blockMs: leaseMs * 2.5 }),
    ]);
    await started(stage, "blocker");
    await stage.worker("second");
    await until(
      "the blocked one has woken",
      async () => ((await first.status()).events["process.lost"] ?? 0) === 1,
    );
    assert.equal((await first.status()).events["process.blocked"], 1);
    stage.nemesis.note({ kind: "resume", process: first.name, boot: first.boot });
    stage.quiet();
    await stage.rest();
  },
};

const hung: Scenario = {
  id: "F14",
  title: "an executor that ignores its signal and never settles",
  expects: "the attempt fails at its timeout, the slot is a zombie, the other slots go on",
  settings: { attemptTimeoutMs: 1_000, concurrency: 3 },
  async run(stage) {
    const client = await stage.client("client");
    const worker = await stage.worker("worker");
    await stage.enqueue(client, [order("hung", { end: "hang", times: 1, heedsSignal: false })]);
    await until("a zombie holds a slot", async () => (await worker.status()).zombies === 1);
    await stage.enqueue(client, orders("beside", 20, { runMs: 50 }));
    stage.quiet();
    await stage.rest();
    assert.deepEqual(await stage.postgres.story("hung"), ["failed"]);
    assert.equal((await worker.status()).zombies, 1);
  },
};

const bufferedOutcomes: Scenario = {
  id: "F16",
  title: "kill -9 with outcomes waiting to be written",
  expects: "duplicates only; a hook was fired for nothing that was not committed",
  isShort: true,
  async run(stage) {
    const client = await stage.client("client");
    const first = await stage.worker("first", { proxied: true });
    const proxy = stage.proxyOf(first);
    const completing = proxy.when({ text: "owed_confirm_current", deed: "black-hole" });
    stage.nemesis.note({ kind: "cut", process: first.name });
    await stage.enqueue(client, orders("buffered", 30, { runMs: 100 }), "transaction");
    await completing;
    await delay(300);
    await stage.kill(first);
    stage.nemesis.note({ kind: "heal", process: first.name });
    await stage.worker("second");
    stage.quiet();
    await stage.rest();
    assert.equal((await stage.postgres.counts()).confirmed, 30);
  },
};

/** All of section A that can run. */
export const processScenarios: readonly Scenario[] = [
  killed,
  completionKilled("F2", "black-hole", true),
  completionKilled("F2b", "swallow-reply", false),
  poison("F3", "a task that ends its process every time", { runMs: 50, end: "exit" }, []),
  poison("F3b", "a task that exhausts the memory of its process every time", { end: "exhaust-memory" }, [
    "--max-old-space-size=64",
  ]),
  race,
  killedBeforeCommit,
  lostReply,
  swallowedError,
  lateCommit,
  pausedHolder(
    "F11",
    "SIGSTOP of a worker beyond its lease, SIGCONT while another runs the task",
    "the other runs it; the woken one changes nothing but by a late success",
    "running",
  ),
  pausedHolder(
    "F11b",
    "SIGSTOP of a worker beyond its lease, SIGCONT after another has confirmed the task",
    "the woken one changes nothing",
    "done",
  ),
  pausedForEver,
  blocked,
  hung,
  bufferedOutcomes,
];
