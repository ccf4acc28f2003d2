// The nodes: started, killed, paused, deployed anew. Each life of a node is a scheduler of src/run on a wire of its own.
import type { Logger } from "../src/run/reporter.ts";
import { Scheduler, type Worker } from "../src/run/scheduler.ts";
import type { TelemetryEvents } from "../src/telemetry/channels.ts";
import type { PlannedNode } from "./plan.ts";
import type { Recorder } from "./recorder.ts";
import { simulatedExecutor } from "./simulated-executor.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { Wire, type WireStore, wireStore } from "./wire.ts";
import type { WireTransaction } from "./wire-transaction.ts";
import type { World } from "./world.ts";

/** The scheduler of a node. */
export type NodeScheduler = Scheduler<WireTransaction, WireTransaction, false>;

/** One node, in its present life. */
export interface Node {
  readonly index: number;
  readonly planned: PlannedNode;
  process: SimulatedProcess;
  scheduler: NodeScheduler;
  wire: Wire;
  store: WireStore;
  worker: Worker | null;
  isStopping: boolean;
}

/** A stop may take this long beyond its grace: the sum of the engine's own bounds, and one call to the database. */
const STOP_BOUND_MS = 27_000;

/** All nodes. */
export class Cluster {
  readonly nodes: Node[] = [];
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** Orderly stops that have begun and whose processes are not gone. */
  get stopsUnderWay(): number {
    return this.nodes.filter(({ isStopping, process }) => isStopping && process.isAlive).length;
  }

  /** Starts all nodes. */
  startAll(): void {
    this.#world.plan.nodes.forEach((planned, index) => {
      this.nodes.push(this.#boot(index, planned, 1, planned.skewMs));
    });
  }

  /** The node, if it is up and not about to stop. */
  up(index: number): Node | null {
    const node = this.nodes[index];
    return node?.process.isAlive && !node.isStopping ? node : null;
  }

  /** What a process holds for the store. */
  storeOf(process: SimulatedProcess): WireStore {
    const node = this.nodes[process.node];
    if (node?.process !== process) throw new Error(`${process.name} is not in this life any more`);
    return node.store;
  }

  /** A process dies; its node starts anew after a while. */
  crash(process: SimulatedProcess, downMs: number): void {
    if (!process.isAlive) return;
    const { recorder, agenda } = this.#world;
    recorder.disturb({ kind: "kill", process: process.name, boot: process.boot });
    if ((this.nodes[process.node]?.wire.open.size ?? 0) > 0) recorder.note("died with a transaction open");
    this.#end(process);
    agenda.after(downMs, null, () => this.restart(process.node));
  }

  /** A process stands still. */
  pause(process: SimulatedProcess, forMs: number): void {
    if (!process.isAlive) return;
    const { recorder, agenda } = this.#world;
    const named = { process: process.name, boot: process.boot };
    recorder.disturb({ kind: "pause", ...named });
    process.pause(forMs);
    agenda.after(forMs, null, () => recorder.disturb({ kind: "resume", ...named }));
  }

  /** Nothing passes between a process and the database. */
  cut(process: SimulatedProcess, forMs: number): void {
    const { recorder, agenda } = this.#world;
    recorder.disturb({ kind: "cut", process: process.name });
    process.isCut = true;
    agenda.after(forMs, null, () => this.heal(process));
  }

  /** The network is whole again. */
  heal(process: SimulatedProcess): void {
    if (!process.isCut) return;
    process.isCut = false;
    this.#world.recorder.disturb({ kind: "heal", process: process.name });
  }

  /** A deploy: stopped in order, perhaps by two signals, then started anew. Resolves when the old process is gone. */
  async deploy(node: Node, graceMs: number, againMs: number | null, downMs: number | null): Promise<void> {
    const { recorder, agenda } = this.#world;
    const { process, scheduler } = node;
    node.isStopping = true;
    const boundMs = graceMs + STOP_BOUND_MS + this.#world.plan.network.timeoutMs;
    recorder.record(process, { kind: "stop.begin", boundMs });
    if (againMs !== null) {
      process.ports.timers.after(againMs, () => {
        recorder.note("second signal");
        void scheduler.stop({ graceMs: 0 });
      });
    }
    try {
      await scheduler.stop({ graceMs });
    } catch (error) {
      recorder.problems.push(`stop rejected: ${String(error)}`);
    }
    recorder.record(process, { kind: "stop.end" });
    recorder.note("stopped in order");
    this.#end(process);
    if (downMs !== null) agenda.after(downMs, null, () => this.restart(process.node));
  }

  /** The worker alone is stopped, and started again. */
  async stopWorker(node: Node, graceMs: number, downMs: number): Promise<void> {
    const { worker, process } = node;
    if (worker === null) return;
    node.worker = null;
    this.#world.recorder.record(process, { kind: "worker.stop.begin" });
    await worker.stop({ graceMs });
    this.#world.recorder.note("worker stopped alone");
    process.ports.timers.after(downMs, () => {
      if (!node.isStopping && node.process === process && node.worker === null) startWorker(node);
    });
  }

  /** Starts a node anew, if it is down. */
  restart(index: number): void {
    const node = this.nodes[index];
    if (node === undefined || node.process.isAlive) return;
    const { boot, wallSkewMs, name } = node.process;
    this.#world.recorder.disturb({ kind: "restart", process: name, boot: boot + 1 });
    this.nodes[index] = this.#boot(index, node.planned, boot + 1, wallSkewMs);
  }

  #end(process: SimulatedProcess): void {
    process.die();
    this.nodes[process.node]?.wire.hangUp();
  }

  #boot(index: number, planned: PlannedNode, boot: number, skewMs: number): Node {
    const world = this.#world;
    const { plan, agenda, recorder } = world;
    const process = new SimulatedProcess(agenda, plan.seed, index, boot, skewMs);
    const wire = new Wire(world.wires, process);
    const store = wireStore(wire);
    const types = planned.types.flatMap((type) => plan.types[type] ?? []);
    const scheduler: NodeScheduler = new Scheduler({
      store,
      ports: process.ports,
      executors: types.map((type) => simulatedExecutor(world, process, type)),
      leaseMs: plan.leaseMs,
      retentionMs: plan.retentionMs,
      maxLostAlone: plan.maxLostAlone,
      fastPath: planned.fastPath === 0 ? "off" : { concurrency: planned.fastPath },
      logger: breakerLog(recorder, process),
      onConfirmed: ({ taskId }) => recorder.record(process, { kind: "hook.confirmed", taskId }),
      onFailed: ({ taskId }) => recorder.record(process, { kind: "hook.failed", taskId }),
    });
    const node: Node = { index, planned, process, scheduler, wire, store, worker: null, isStopping: false };
    agenda.after(0, process, () => start(node));
    return node;
  }
}

/** Writes down what a process says of its breakers; the channels do not tell whose they are. */
function breakerLog(recorder: Recorder, process: SimulatedProcess): Logger {
  const note = (details: object): void => {
    const { event, type, key } = details as TelemetryEvents["breaker.closed"] & { readonly event: string };
    if (!event.startsWith("breaker.")) return;
    recorder.note(event.replace(".", " "));
    const named = key === null ? { type } : { type, key };
    recorder.record(process, { kind: "breaker", ...named, isClosed: event === "breaker.closed" });
  };
  return { debug: note, info: note, warn: note, error: note };
}

function start(node: Node): void {
  if (node.planned.worker !== null && node.planned.types.length > 0) startWorker(node);
  else startClient(node);
}

function startWorker(node: Node): void {
  const { worker } = node.planned;
  if (worker !== null) node.worker = node.scheduler.startWorker(worker);
}

/** A client tries to start until the database answers. */
function startClient(node: Node): void {
  node.scheduler.start().catch(() => {
    if (!node.isStopping) node.process.ports.timers.after(200, () => startClient(node));
  });
}
