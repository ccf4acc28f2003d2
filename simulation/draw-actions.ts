// Draws what the nemesis and the operators do, and when.
import type { Drawing, Feature } from "./draw-plan.ts";
import type { PlannedAction, PlannedRequest } from "./plan.ts";

type Kind = Exclude<PlannedAction["kind"], "operator">;

/** Which action belongs to which feature. */
const actionsOf: Readonly<Partial<Record<Feature, readonly Kind[]>>> = {
  crash: ["crash"],
  pause: ["pause"],
  cut: ["cut"],
  outage: ["outage"],
  deploy: ["deploy"],
  stopWorker: ["stopWorker"],
  clocks: ["nodeJump", "databaseJump"],
  operator: [],
  direct: ["direct"],
  restore: ["restore"],
};

/** Draws the actions of a plan; half of them strike while a request is under way, or shortly after. */
export function drawActions(
  drawing: Drawing,
  requests: readonly PlannedRequest[],
  tasks: number,
): PlannedAction[] {
  const { draw, has, quietAtMs } = drawing;
  const actions: PlannedAction[] = [];
  for (const feature of Object.keys(actionsOf) as Feature[]) {
    if (!has(feature)) continue;
    const count =
      feature === "restore" ? 1 : draw.whole(1, feature === "operator" || feature === "direct" ? 6 : 4);
    for (let index = 0; index < count; index += 1) {
      const request = draw.pick(requests);
      const isNear = draw.chance(0.5);
      const nearMs = request.atMs + draw.pick([draw.between(0, 60), draw.between(0, 1_500)]);
      const atMs = Math.round(isNear ? nearMs : draw.between(0.02, 0.95) * quietAtMs);
      if (feature === "operator") actions.push(...drawOperator(drawing, request));
      else actions.push(drawAction(drawing, draw.pick(actionsOf[feature] ?? []), atMs, tasks));
    }
  }
  return actions.sort((left, right) => left.atMs - right.atMs);
}

/** An operator meets a task that somebody asked for, soon after; often a second time. */
function drawOperator({ draw, nodes, quietAtMs }: Drawing, request: PlannedRequest): PlannedAction[] {
  const task = draw.pick(request.calls.flatMap((call) => call.tasks));
  const node = draw.whole(0, nodes.length - 1);
  const first = draw.pick(["cancel", "cancel", "redrive", "erase"] as const);
  const atMs = request.atMs + Math.round(draw.pick([draw.between(5, 100), draw.between(100, 3_000)]));
  const actions: PlannedAction[] = [{ atMs, kind: "operator", node, operation: first, task }];
  if (draw.chance(0.6)) {
    const laterMs = Math.min(atMs + Math.round(draw.between(10, 3_000)), quietAtMs);
    const operation = draw.chance(0.8) ? "redrive" : "erase";
    actions.push({ atMs: laterMs, kind: "operator", node, operation, task });
  }
  return actions;
}

function drawAction(
  { draw, leaseMs, nodes }: Drawing,
  kind: Kind,
  atMs: number,
  tasks: number,
): PlannedAction {
  const node = draw.whole(0, nodes.length - 1);
  const aWhile = Math.round(leaseMs * draw.pick([draw.between(0, 0.5), draw.between(0.5, 2.5)]));
  const graceMs = draw.pick([0, 50, 1_000, 30_000]);
  switch (kind) {
    case "crash":
      return { atMs, kind, node, downMs: Math.round(leaseMs * draw.between(0, 2)) };
    case "pause":
    case "cut":
      return { atMs, kind, node, forMs: aWhile };
    case "outage":
      return { atMs, kind, forMs: aWhile, readOnly: draw.chance(0.3) };
    case "deploy":
      return {
        atMs,
        kind,
        node,
        graceMs,
        againMs: draw.chance(0.4) ? draw.whole(0, 2_000) : null,
        downMs: draw.whole(0, 3_000),
      };
    case "stopWorker":
      return { atMs, kind, node, graceMs, downMs: draw.whole(0, 3_000) };
    case "nodeJump":
      return { atMs, kind, node, byMs: draw.whole(-3_600_000, 3_600_000) };
    case "databaseJump":
      return { atMs, kind, byMs: draw.pick([draw.whole(-20_000, 20_000), draw.whole(-500, 500)]) };
    case "restore":
      return { atMs, kind, commits: draw.whole(1, 12) };
    case "direct":
      return { atMs, kind, node, task: draw.whole(0, tasks - 1) };
  }
}
