// Draws a plan from a seed. Swarm testing: each seed turns a random few of the features on, so that none hides another.

import { Draw } from "./draw.ts";
import { drawActions } from "./draw-actions.ts";
import { drawRequests, drawTasks } from "./draw-requests.ts";
import type { Fate, Plan, PlannedNetwork, PlannedNode, PlannedTask, PlannedType } from "./plan.ts";

/** What a seed may or may not contain. */
export const features = [
  "crash",
  "pause",
  "cut",
  "outage",
  "deploy",
  "stopWorker",
  "clocks",
  "operator",
  "direct",
  "misuse",
  "duplicates",
  "savepoints",
  "rows",
  "longTransactions",
  "slowNetwork",
  "lossyNetwork",
  "lateCalls",
  "failures",
  "deferrals",
  "poison",
  "block",
  "unruly",
  "oneNode",
  "manyTasks",
  "restore",
  "retention",
] as const;

/** What a seed may or may not contain. */
export type Feature = (typeof features)[number];

/** Features that are rarely drawn: they make a seed slow, or excuse too much. */
const rare: Readonly<Partial<Record<Feature, number>>> = { restore: 0.06, retention: 0.05, manyTasks: 0.15 };

/** What the parts of a plan are drawn with. */
export interface Drawing {
  readonly draw: Draw;
  readonly has: (feature: Feature) => boolean;
  readonly leaseMs: number;
  readonly quietAtMs: number;
  readonly nodes: readonly PlannedNode[];
  readonly types: readonly PlannedType[];
}

/** The plan of a seed. */
export function drawPlan(seed: number): Plan {
  const draw = new Draw(seed, 3);
  const likelihood = draw.pick([0.08, 0.2, 0.35, 0.6]);
  const chosen = new Set(features.filter((feature) => draw.chance(rare[feature] ?? likelihood)));
  const has = (feature: Feature): boolean => chosen.has(feature);
  const leaseMs = draw.pick([1_000, 1_500, 3_000, 6_000, 15_000]);
  const quietAtMs = Math.min(
    Math.max(leaseMs * draw.between(2, 6), 5_000),
    has("retention") ? 90_000 : 45_000,
  );
  const types = withKeysAndBreakers(seed, withCompletions(seed, drawTypes(draw, has)));
  const nodes = drawNodes(draw, has, types.length);
  const drawing: Drawing = { draw, has, leaseMs, quietAtMs, nodes, types };
  const tasks = withKeys(seed, drawTasks(drawing));
  const requests = drawRequests(drawing, tasks);
  return {
    seed,
    leaseMs,
    maxLostAlone: draw.whole(1, 3),
    chunkTasks: draw.pick([1, 2, 3, 10_000]),
    retentionMs: has("retention") ? draw.whole(5_000, 60_000) : 30 * 24 * 3_600_000,
    types,
    nodes,
    network: drawNetwork(draw, has, leaseMs),
    ...drawWakeUps(seed),
    tasks,
    requests,
    actions: drawActions(drawing, requests, tasks.length),
    quietAtMs,
    restLimitMs: null,
  };
}

/** Drawn apart, so that what is added here leaves the plans of all seeds as they were. */
function withCompletions(seed: number, types: readonly PlannedType[]): PlannedType[] {
  const draw = new Draw(seed, 6);
  const isRare = draw.chance(0.5);
  return types.map((type) => {
    const completion = draw.pick(["tx", "complete"] as const);
    return draw.chance(isRare ? 0.1 : 0.5) ? { ...type, completion } : type;
  });
}

/** Drawn apart, as completions are. */
function drawWakeUps(seed: number): Pick<Plan, "wakeUps"> {
  const draw = new Draw(seed, 7);
  if (draw.chance(0.3)) return {};
  return {
    wakeUps: {
      listen: draw.chance(0.9),
      lost: draw.pick([0, 0, 0.05, 0.5]),
      deaf: draw.pick([0, 0, 0.3]),
      pooler: draw.pick(["none", "none", "none", "none", "known", "unknown"]),
    },
  };
}

/** Drawn apart, as above. */
function withKeysAndBreakers(seed: number, types: readonly PlannedType[]): PlannedType[] {
  const draw = new Draw(seed, 9);
  return types.map((type) => {
    const concurrencyPerKey = draw.pick([1, 1, 2, 3]);
    const coolDownMs = draw.whole(20, 1_500);
    const breaker = {
      per: draw.pick(["type", "key"] as const),
      failures: draw.whole(1, 3),
      coolDownMs,
      maxCoolDownMs: coolDownMs * draw.pick([1, 2, 4]),
      probes: draw.pick([1, 1, 2]),
    };
    const limited = draw.chance(0.35) ? { ...type, concurrencyPerKey } : type;
    return draw.chance(0.25) ? { ...limited, breaker } : limited;
  });
}

/** Drawn apart, as above: few keys, so that they are full, and some tasks without. */
function withKeys(seed: number, tasks: readonly PlannedTask[]): PlannedTask[] {
  const draw = new Draw(seed, 10);
  const keys = draw.whole(1, 4);
  return tasks.map((task) => {
    const key = `key-${draw.whole(1, keys)}`;
    return draw.chance(0.85) ? { ...task, key } : task;
  });
}

function drawTypes(draw: Draw, has: Drawing["has"]): PlannedType[] {
  return Array.from({ length: draw.whole(1, 3) }, (_, index) => ({
    name: `type-${index}`,
    maxFailedAttempts: draw.whole(1, 6),
    baseMs: draw.pick([0, 20, 100, 500]),
    maxDelayMs: draw.pick([500, 3_000]),
    timeoutMs: has("unruly") ? draw.whole(200, 4_000) : 60_000,
    concurrency: draw.chance(0.2) ? draw.whole(1, 3) : null,
  }));
}

/** Each type is executed by at least one worker, or nothing would come to rest. */
function drawNodes(draw: Draw, has: Drawing["has"], types: number): PlannedNode[] {
  const all = Array.from({ length: types }, (_, index) => index);
  return Array.from({ length: has("oneNode") ? 1 : draw.whole(2, 4) }, (_, index) => ({
    worker:
      index === 0 || draw.chance(0.7)
        ? {
            concurrency: draw.pick([1, 2, 4, 10, 100]),
            batchSize: draw.pick([1, 3, 500]),
            pollIntervalMs: draw.pick([100, 300, 1_000]),
          }
        : null,
    types: index === 0 ? all : all.filter(() => draw.chance(0.8)),
    fastPath: draw.pick([0, 1, 2, 32, 32]),
    skewMs: has("clocks") ? draw.whole(-3_600_000, 3_600_000) : 0,
  }));
}

function drawNetwork(draw: Draw, has: Drawing["has"], leaseMs: number): PlannedNetwork {
  const odds: Partial<Record<Fate, number>> = {};
  const rate = draw.pick([0.01, 0.03, 0.08]);
  if (has("slowNetwork")) odds.slow = rate;
  if (has("lossyNetwork")) Object.assign(odds, { refused: rate, reset: rate, aborted: rate });
  if (has("lateCalls")) Object.assign(odds, { late: rate / 2, mute: rate / 2 });
  return {
    leastMs: draw.pick([0.1, 1]),
    mostMs: draw.pick([1, 5, 40]),
    timeoutMs: Math.round(leaseMs * draw.pick([0.2, 0.5, 1, 2])),
    odds,
    only: null,
  };
}
