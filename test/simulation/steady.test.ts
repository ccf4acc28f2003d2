// Thirty virtual days of mixed load: nothing that the engine keeps grows with time (F62).
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import type { Node } from "../../simulation/cluster.ts";
import type { Plan, Step } from "../../simulation/plan.ts";
import { World } from "../../simulation/world.ts";
import { defineTask } from "../../src/task/definition.ts";

const DAY_MS = 24 * 3_600_000;
const DAYS = 30;
const BETWEEN_REQUESTS_MS = 20 * 60_000;

const step = (kind: Step["kind"], runMs: number, heedsSignal = true): Step => ({
  kind,
  runMs,
  heedsSignal,
  extraMs: 5_000,
});

/** One task of each temper; each request enqueues them all under new ids. */
const tempers: readonly (readonly Step[])[] = [
  [step("succeed", 20)],
  [step("fail", 5), step("retryAfter", 5), step("succeed", 50)],
  [step("permanent", 0)],
  [step("succeed", 90_000, false)],
];

const plan: Plan = {
  seed: 62,
  leaseMs: 60_000,
  maxLostAlone: 3,
  chunkTasks: 2,
  retentionMs: DAY_MS / 4,
  types: [
    {
      name: "a",
      maxFailedAttempts: 3,
      baseMs: 1_000,
      maxDelayMs: 60_000,
      timeoutMs: 60_000,
      concurrency: null,
    },
  ],
  nodes: [0, 1].map(() => ({
    worker: { concurrency: 10, batchSize: 100, pollIntervalMs: 30_000 },
    types: [0],
    fastPath: 2,
    skewMs: 0,
  })),
  network: {
    leastMs: 1,
    mostMs: 5,
    timeoutMs: 10_000,
    odds: { refused: 0.002, reset: 0.002, late: 0.001 },
    only: null,
  },
  tasks: [],
  requests: [],
  actions: [],
  quietAtMs: DAYS * DAY_MS,
  restLimitMs: 0,
};

/** The world, with steps by the temper in the id of a task. */
class SteadyWorld extends World {
  override nextStep(taskId: string): Step {
    const temper = tempers[Number(taskId.split("-")[0])] ?? [];
    const attempts = this.#attempts.get(taskId) ?? 0;
    if (attempts + 1 < temper.length) this.#attempts.set(taskId, attempts + 1);
    else this.#attempts.delete(taskId);
    return temper[attempts] ?? step("succeed", 0);
  }

  readonly #attempts = new Map<string, number>();
}

const definition = defineTask({ type: "a" });

async function request(node: Node, number: number): Promise<void> {
  const ids = tempers.map((_, temper) => `${temper}-${number}`);
  await node.scheduler
    .transaction(async (tx) => {
      await tx.enqueueAll(
        definition,
        ids.map((taskId) => ({ data: null, taskId })),
      );
      if (number % 5 === 0) throw new Error("changed its mind");
    })
    .catch(() => undefined);
}

function collected(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void; // the flag defines it in new contexts
  collect();
  return process.memoryUsage().heapUsed;
}

test("thirty days of mixed load leave no timer, claim, row or memory behind", async () => {
  const world = new SteadyWorld(plan);
  const { agenda, cluster, recorder, server } = world;
  recorder.isForgetful = true;
  const stopListening = world.executions.listen();
  cluster.startAll();
  let number = 0;
  const next = (): void => {
    const node = cluster.nodes[number % 2];
    if (node !== undefined) void request(node, number);
    number += 1;
    agenda.after(BETWEEN_REQUESTS_MS, null, next);
  };
  next();
  const samples: { timers: number; rows: number; heap: number; claims: number }[] = [];
  for (let day = 1; day <= DAYS; day += 1) {
    let isOver = false;
    // Half way between two requests, when nothing runs.
    agenda.at(day * DAY_MS + BETWEEN_REQUESTS_MS / 2, null, () => (isOver = true));
    recorder.mostLiveClaims = 0;
    await agenda.run(() => isOver);
    const timers = Math.max(...cluster.nodes.map(({ process }) => process.pendingTimers));
    const { confirmed, cancelled, pending } = await server.store.balance();
    samples.push({
      timers,
      rows: confirmed + cancelled + pending,
      heap: collected(),
      claims: recorder.mostLiveClaims,
    });
  }
  stopListening();
  const [early, late] = [samples[4], samples[DAYS - 1]];
  expect(number).toBeGreaterThan(DAYS * 70);
  expect(recorder.seen.get("attempt timed out") ?? 0).toBeGreaterThan(DAYS);
  expect(Math.max(...samples.map(({ timers }) => timers))).toBeLessThanOrEqual(8);
  expect(Math.max(...samples.map(({ claims }) => claims))).toBeLessThanOrEqual(40);
  expect(late?.rows).toBeLessThan(200);
  // Failed tasks are kept for ever, about two kilobytes each; they are the only thing that may grow.
  const failed = await server.store.count("failed");
  expect((late?.heap ?? 0) - (early?.heap ?? 0)).toBeLessThan(failed * 4_096 + 2_000_000);
}, 180_000);
