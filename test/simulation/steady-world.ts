// The world of the steady test: three nodes under a mixed load that never changes, with the same troubles every day.
import type { Node } from "../../simulation/cluster.ts";
import { planEverything } from "../../simulation/nemesis.ts";
import type { Plan, PlannedAction, Step } from "../../simulation/plan.ts";
import { World } from "../../simulation/world.ts";
import { defineTask } from "../../src/task/definition.ts";

/** A virtual day. */
export const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;
/** Virtual days of the run. */
export const DAYS = 30;
/** Idle listeners test themselves every ten seconds: that is for the tier which has the time. */
export const withWakeUps = process.env["OWED_TEST_FULL"] === "1";
/** Between two requests. */
export const BETWEEN_REQUESTS_MS = 4 * 60_000;

const step = (kind: Step["kind"], runMs: number, heedsSignal = true): Step => ({
  kind,
  runMs,
  heedsSignal,
  extraMs: 5_000,
});

/** One task of each temper; each request enqueues them all under new ids. The third needs an operator. */
const tempers: readonly (readonly Step[])[] = [
  [step("succeed", 20)],
  [step("fail", 5), step("retryAfter", 5), step("succeed", 50)],
  [step("permanent", 0), step("succeed", 10)],
  [step("succeed", 90_000, false)],
];

/** Node 0 lives for all the days, through the outages; node 1 is deployed anew every day, node 2 crashes every day. */
function troubles(day: number): readonly PlannedAction[] {
  const atMs = (hour: number): number => day * DAY_MS + hour * HOUR_MS;
  const deploy = { kind: "deploy", node: 1, graceMs: 30_000, againMs: null, downMs: 20_000 } as const;
  return [
    { atMs: atMs(4), kind: "outage", forMs: 5 * 60_000, readOnly: false },
    { atMs: atMs(8), ...deploy },
    { atMs: atMs(12), kind: "crash", node: 2, downMs: 60_000 },
    { atMs: atMs(16), kind: "cut", node: 0, forMs: 5 * 60_000 },
  ];
}

const plan: Plan = {
  seed: 62,
  ...(withWakeUps ? { wakeUps: { listen: true, lost: 0, deaf: 0, pooler: "none" } } : {}),
  leaseMs: 5 * 60_000,
  maxLostAlone: 3,
  chunkTasks: 2,
  retentionMs: DAY_MS / 8,
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
  nodes: [0, 1, 2].map(() => ({
    worker: { concurrency: 10, batchSize: 100, pollIntervalMs: 5 * 60_000 },
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
  actions: Array.from({ length: DAYS }, (_, day) => troubles(day)).flat(),
  quietAtMs: (DAYS + 1) * DAY_MS,
  restLimitMs: 0,
};

const definition = defineTask({ type: "a" });

/** The world, with steps by the temper in the id of a task. Its harness keeps nothing of what is over. */
export class SteadyWorld extends World {
  readonly #attempts = new Map<string, number>();
  /** Requests so far. */
  requests = 0;
  /** Failed tasks that an operator made owed again, and those of them that were cancelled then. */
  redriven = 0;
  cancelled = 0;

  constructor() {
    super(plan);
    this.recorder.isForgetful = true;
  }

  override nextStep(taskId: string): Step {
    const temper = tempers[Number(taskId.split("-")[0])] ?? [];
    const attempts = this.#attempts.get(taskId) ?? 0;
    if (attempts + 1 < temper.length) this.#attempts.set(taskId, attempts + 1);
    else this.#attempts.delete(taskId);
    return temper[attempts] ?? step("succeed", 0);
  }

  /** Starts the nodes, the load, the operator and the troubles. */
  begin(): void {
    this.cluster.startAll();
    planEverything(this);
    const again = (everyMs: number, work: () => void): void => {
      work();
      this.agenda.after(everyMs, null, () => again(everyMs, work));
    };
    again(BETWEEN_REQUESTS_MS, () => {
      // Most go to the node that lives on, whose maps nothing empties.
      const index = [0, 1, 0, 2, 0][this.requests % 5] ?? 0;
      const node = this.cluster.up(index);
      if (node !== null) void this.#request(node, this.requests);
      this.requests += 1;
    });
    again(HOUR_MS, () => void this.#operate().catch(() => undefined));
  }

  async #request({ scheduler }: Node, number: number): Promise<void> {
    const ids = tempers.map((_, temper) => `${temper}-${number}`);
    await scheduler
      .transaction(async (tx) => {
        await tx.enqueueAll(
          definition,
          ids.map((taskId) => ({ data: null, taskId })),
        );
        if (number % 4 === 0) throw new Error("changed its mind");
      })
      .catch(() => undefined);
  }

  /** Every failed task is made owed again, and some are cancelled then: nothing stays for ever. */
  async #operate(): Promise<void> {
    const scheduler = this.cluster.up(0)?.scheduler;
    const { tasks } = (await scheduler?.list({ state: "failed", limit: 1_000 })) ?? { tasks: [] };
    for (const { taskId } of tasks) {
      await scheduler?.redrive(taskId);
      this.redriven += 1;
      if (this.redriven % 4 > 0) continue;
      await scheduler?.cancel(taskId);
      this.#attempts.delete(taskId);
      this.cancelled += 1;
    }
  }
}
