// Draws what there is to do: tasks with the story of their executors, and the requests that enqueue them.
import type { Draw } from "./draw.ts";
import type { Drawing } from "./draw-plan.ts";
import type { PlannedCall, PlannedRequest, PlannedTask, Step } from "./plan.ts";

/** Draws the tasks of a plan. */
export function drawTasks(drawing: Drawing): PlannedTask[] {
  const { draw, has, types } = drawing;
  const count = has("manyTasks") ? draw.whole(30, 80) : draw.whole(1, 24);
  return Array.from({ length: count }, (_, index) => ({
    taskId: `t${index}`,
    type: draw.whole(0, types.length - 1),
    steps: drawSteps(drawing),
    delayMs: draw.chance(0.1) ? draw.whole(1, 4_000) : 0,
    runAt: draw.chance(0.05),
    onDuplicate: draw.chance(0.85) ? "compare" : draw.pick(["throw", "keep"] as const),
  }));
}

function drawSteps(drawing: Drawing): Step[] {
  const { draw, has } = drawing;
  const steps: Step[] = [];
  if (has("poison") && draw.chance(0.25)) {
    const kill = drawStep(drawing, "kill");
    if (draw.chance(0.4)) return [kill];
    steps.push(...Array.from({ length: draw.whole(1, 4) }, () => kill));
  }
  while (draw.chance(0.35)) {
    const kinds: Step["kind"][] = ["succeed"];
    if (has("failures")) kinds.push("fail", "fail", "permanent");
    if (has("deferrals")) kinds.push("retryAfter", draw.chance(0.2) ? "undecodable" : "retryAfter");
    if (has("unruly")) kinds.push("hang");
    if (has("block")) kinds.push("block");
    steps.push(drawStep(drawing, draw.pick(kinds)));
  }
  const last =
    has("failures") && draw.chance(0.15) ? (["fail", "permanent"] as const) : (["succeed"] as const);
  steps.push(drawStep(drawing, draw.pick(last)));
  return steps;
}

function drawStep({ draw, has, leaseMs }: Drawing, kind: Step["kind"]): Step {
  const runMs = draw.pick([
    0,
    draw.whole(1, 50),
    draw.whole(1, 50),
    draw.whole(50, 800),
    leaseMs * draw.between(0.5, 2),
  ]);
  return {
    kind,
    runMs: Math.round(runMs),
    heedsSignal: !(has("unruly") && draw.chance(0.6)),
    extraMs: Math.round(kind === "block" ? leaseMs * draw.between(0.2, 2.5) : draw.between(0, 3_000)),
  };
}

/** Draws the requests of a plan. Every task is asked for by one at least. */
export function drawRequests(drawing: Drawing, tasks: readonly PlannedTask[]): PlannedRequest[] {
  const { draw, has } = drawing;
  const requests: PlannedRequest[] = [];
  let next = 0;
  while (next < tasks.length) {
    const count = Math.min(draw.pick([1, 1, 2, 3, 6, 12]), tasks.length - next);
    const indexes = Array.from({ length: count }, (_, index) => next + index);
    next += count;
    requests.push(drawRequest(drawing, indexes, 0));
    if (has("duplicates") && draw.chance(0.5)) {
      requests.push(drawRequest(drawing, indexes, draw.chance(0.3) ? 1 : 0));
    }
  }
  return requests.sort((left, right) => left.atMs - right.atMs);
}

function drawRequest(drawing: Drawing, indexes: readonly number[], content: number): PlannedRequest {
  const { draw, has, leaseMs, quietAtMs, nodes } = drawing;
  const kind =
    indexes.length === 1
      ? draw.pick(["transaction", "begin", "alone"] as const)
      : draw.pick(["transaction", "begin"] as const);
  const misuse = has("misuse");
  const holdMs =
    has("longTransactions") && draw.chance(0.4) ? draw.between(0, leaseMs * 2.5) : draw.between(0, 20);
  return {
    atMs: Math.round(draw.between(0, quietAtMs * 0.8)),
    node: draw.whole(0, nodes.length - 1),
    kind,
    calls: drawCalls(draw, has, indexes, content),
    holdMs: Math.round(holdMs),
    isolation: draw.chance(0.2) ? "repeatable read" : null,
    rows: has("rows") ? (draw.chance(0.5) ? [0, 1] : [1, 0]) : [],
    ending: misuse && draw.chance(0.25) ? draw.pick(["rollback", "never"] as const) : "commit",
    tryNow: draw.chance(0.6) ? "after" : misuse ? draw.pick(["before", "twice", "never"] as const) : "never",
    retries: draw.chance(0.6) ? draw.whole(1, 4) : 0,
  };
}

function drawCalls(
  draw: Draw,
  has: Drawing["has"],
  indexes: readonly number[],
  content: number,
): PlannedCall[] {
  const calls: PlannedCall[] = [];
  for (let start = 0; start < indexes.length; ) {
    const count = draw.pick([1, 2, indexes.length]);
    calls.push({
      tasks: indexes.slice(start, start + count),
      content,
      raw: draw.chance(0.2),
      savepoint:
        has("savepoints") && draw.chance(0.5) ? draw.pick(["released", "rolledBack"] as const) : "none",
      swallowed: draw.chance(0.3),
    });
    start += count;
  }
  return calls;
}
