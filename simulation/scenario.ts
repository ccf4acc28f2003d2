// Runs one plan from the first event to rest, and hands over everything that was seen.
import type { History, ProcessEvent } from "../checker/history.ts";
import { planEverything } from "./nemesis.ts";
import type { Fate, Plan } from "./plan.ts";
import { restLimitMs } from "./rest-limit.ts";
import { countedEffects } from "./table-of-effects.ts";
import { World } from "./world.ts";

/** How one run went. */
export interface Run {
  readonly plan: Plan;
  readonly history: History;
  /** The events of the history with the virtual time of each, for people. */
  readonly told: readonly (ProcessEvent & { readonly atMs: number })[];
  /** The virtual time of each commit of the audit. */
  readonly auditedAtMs: ReadonlyMap<number, number>;
  /** The same for every run of the same plan. */
  readonly hash: number;
  readonly events: number;
  readonly virtualMs: number;
  /** How often something interesting happened. */
  readonly seen: ReadonlyMap<string, number>;
  /** What is wrong that no history would show. */
  readonly problems: readonly string[];
  /** The calls that had a fate. */
  readonly fated: Readonly<Record<string, Fate>>;
}

/** Virtual time between two looks whether everything is at rest. */
const LOOK_MS = 100;
/** More events than this, and something spins. */
const MOST_EVENTS = 2_000_000;
/** How long an orderly stop at the end may take. */
const LAST_STOP_MS = 120_000;

/** Plays a plan. Never rejects for what goes wrong inside: that is in `problems`. */
export async function play(plan: Plan): Promise<Run> {
  const world = new World(plan);
  const { agenda, recorder, executions } = world;
  const stopListening = executions.listen();
  const onRejection = (reason: unknown): void => {
    recorder.problems.push(`unhandled rejection: ${reason instanceof Error ? reason.stack : String(reason)}`);
  };
  process.on("unhandledRejection", onRejection);
  let isAtRest = false;
  try {
    world.cluster.startAll();
    planEverything(world);
    let isOver = false;
    const giveUpMs = plan.quietAtMs + (plan.restLimitMs ?? restLimitMs(plan));
    const look = (): void => {
      isAtRest = world.isAtRest;
      if (isAtRest || agenda.nowMs > giveUpMs) isOver = true;
      else agenda.after(LOOK_MS, null, look);
    };
    agenda.at(plan.quietAtMs + LOOK_MS, null, look);
    await agenda.run(() => isOver || agenda.steps > MOST_EVENTS);
    if (agenda.steps > MOST_EVENTS) recorder.problems.push("hot loop: too many events");
    if (isAtRest) await stopAll(world);
    await checkBalance(world, isAtRest);
  } catch (error) {
    recorder.problems.push(`the simulation threw: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    stopListening();
    process.off("unhandledRejection", onRejection);
  }
  return {
    plan,
    history: historyOf(world, isAtRest, await countedEffects(world.server.store)),
    told: recorder.processes.map((event, index) => ({ ...event, atMs: recorder.toldAtMs[index] ?? 0 })),
    auditedAtMs: recorder.auditedAtMs,
    hash: recorder.hash,
    events: agenda.steps,
    virtualMs: agenda.nowMs,
    seen: recorder.seen,
    problems: recorder.problems,
    fated: world.wires.fated,
  };
}

/** Stops all nodes in order, and waits for those that are stopping already. */
async function stopAll(world: World): Promise<void> {
  const { agenda, cluster, recorder } = world;
  for (const node of cluster.nodes) {
    if (cluster.up(node.index) !== null) void cluster.deploy(node, 1_000, null, null);
  }
  const limitMs = agenda.nowMs + LAST_STOP_MS;
  await agenda.run(() => cluster.stopsUnderWay === 0 || agenda.nowMs > limitMs);
  if (cluster.stopsUnderWay > 0) recorder.problems.push("G16: a stop never returned");
}

/** The first law: every task is counted once. */
async function checkBalance(world: World, isAtRest: boolean): Promise<void> {
  const { server, recorder } = world;
  if (!isAtRest) {
    const { tasks } = await server.store.list({ state: "pending", limit: 5, order: "ascending" });
    const shown = tasks.map(
      ({ taskId, type, owner, lostAttempts }) => `${taskId} ${type} of ${owner} lost ${lostAttempts}`,
    );
    const open = server.openTransactions;
    recorder.problems.push(
      `G4: ${server.pending} tasks and ${open} transactions are not at rest in time: ${shown.join(", ")}`,
    );
  }
  const { enqueued, pending, confirmed, failed, cancelled, pruned } = await server.store.balance();
  if (enqueued !== pending + confirmed + failed + cancelled + pruned)
    recorder.problems.push("law 1: the balance is off");
}

function historyOf(world: World, endedAtRest: boolean, effects: readonly ProcessEvent[]): History {
  const { plan, recorder } = world;
  const delay = (factor: number, baseMs: number, mostMs: number) => (failedAttempts: number) =>
    Math.min(baseMs * 2 ** (failedAttempts - 1), mostMs) * factor;
  const types = plan.types.map(({ name, maxFailedAttempts, baseMs, maxDelayMs, completion }) => [
    name,
    {
      maxFailedAttempts,
      smallestDelayMs: delay(0.9, baseMs, maxDelayMs),
      largestDelayMs: (failedAttempts: number) =>
        Math.min(delay(1.1, baseMs, maxDelayMs)(failedAttempts), maxDelayMs),
      transactional: completion !== undefined,
    },
  ]);
  return {
    settings: {
      leaseMs: plan.leaseMs,
      heartbeatMs: plan.leaseMs / 3,
      pollIntervalMs: Math.max(...plan.nodes.map(({ worker }) => worker?.pollIntervalMs ?? 0)),
      maxLostAlone: plan.maxLostAlone,
      types: Object.fromEntries(types) as History["settings"]["types"], // pairs of exactly that shape
      endedAtRest,
      batchSize: 500,
      retentionMs: plan.retentionMs,
      callsFailByChance: Object.keys(plan.network.odds).length > 0,
    },
    processes: [...recorder.processes, ...effects],
    nemesis: recorder.nemesis,
    audit: recorder.audit,
  };
}
