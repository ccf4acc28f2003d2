// Carries out the actions of the plan, and makes peace at the quiet.
import { Client } from "./client.ts";
import type { PlannedAction } from "./plan.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { World } from "./world.ts";

/** Plans everything that the plan says will happen. */
export function planEverything(world: World): void {
  const { plan, agenda } = world;
  plan.requests.forEach((request, number) => {
    agenda.at(request.atMs, null, () => {
      const node = world.cluster.up(request.node);
      if (node === null) return world.recorder.note("request of a node that is down");
      underWay(world, node.process, new Client(world, request, number, node).run());
    });
  });
  for (const action of plan.actions) agenda.at(action.atMs, null, () => act(world, action));
  agenda.at(plan.quietAtMs, null, () => makePeace(world));
}

/** Nothing is at rest while somebody still asks for something. */
function underWay(world: World, process: SimulatedProcess, work: Promise<void>): void {
  const client = { process };
  world.clients.add(client);
  void work.then(() => world.clients.delete(client));
}

function act(world: World, action: PlannedAction): void {
  const { cluster, recorder, server } = world;
  const node = "node" in action ? cluster.up(action.node) : null;
  switch (action.kind) {
    case "outage":
      return outage(world, action.forMs, action.readOnly);
    case "databaseJump":
      server.skewMs += action.byMs;
      return recorder.disturb({ kind: "clock.jump", process: "database", byMs: action.byMs });
    case "restore":
      return restore(world, action.commits);
    default:
      break;
  }
  if (node === null) return;
  const { process, scheduler } = node;
  switch (action.kind) {
    case "crash":
      return cluster.crash(process, action.downMs);
    case "pause":
      return cluster.pause(process, action.forMs);
    case "cut":
      return cluster.cut(process, action.forMs);
    case "deploy":
      return void cluster.deploy(node, action.graceMs, action.againMs, action.downMs);
    case "stopWorker":
      return void cluster.stopWorker(node, action.graceMs, action.downMs);
    case "nodeJump":
      process.wallSkewMs += action.byMs;
      return recorder.disturb({ kind: "clock.jump", process: process.name, byMs: action.byMs });
    case "operator": {
      const taskId = world.plan.tasks[action.task]?.taskId ?? "t0";
      const work = scheduler[action.operation](taskId).then(
        () => recorder.note(`operator: ${action.operation}`),
        () => recorder.note(`operator refused: ${action.operation}`),
      );
      return underWay(world, process, work);
    }
    case "direct": {
      const taskId = world.plan.tasks[action.task]?.taskId ?? "t0";
      scheduler.executeAndAdvance(taskId).then(
        (answer) => recorder.note(`executed directly: ${answer}`),
        () => recorder.note("direct execution refused"),
      );
    }
  }
}

function outage(world: World, forMs: number, readOnly: boolean): void {
  const { server, recorder, agenda, executions, wires } = world;
  recorder.disturb({ kind: "database.down" });
  server.standing = readOnly ? "readOnly" : "down";
  if (executions.size > 0) recorder.note("outage while executing");
  server.disconnectAll();
  wires.hub.loseAll(wires);
  agenda.after(forMs, null, () => databaseUp(world));
}

function databaseUp({ server, recorder }: World): void {
  if (server.standing === "up") return;
  server.standing = "up";
  recorder.disturb({ kind: "database.up" });
}

function restore(world: World, commits: number): void {
  world.recorder.note("database restored");
  world.recorder.disturb({ kind: "database.restored" });
  world.wires.hub.loseAll(world.wires);
  world.agenda.hold(world.server.restore(commits));
}

/** No fault from here on; what is broken is mended. */
function makePeace(world: World): void {
  const { cluster, recorder, wires, server } = world;
  recorder.disturb({ kind: "quiet" });
  wires.hasFaults = false;
  databaseUp(world);
  for (const { process, index } of cluster.nodes) {
    cluster.heal(process);
    cluster.restart(index);
  }
  // Transactions that nobody will end hold locks and born claims for ever.
  server.disconnectAll();
}
