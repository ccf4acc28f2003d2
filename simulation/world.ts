// Everything of one simulation in one place.
import { Agenda } from "./agenda.ts";
import { Cluster } from "./cluster.ts";
import { DatabaseServer } from "./database-server.ts";
import { Executions } from "./executions.ts";
import type { Plan, Step } from "./plan.ts";
import { Recorder } from "./recorder.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { WakeUpHub } from "./wake-up-hub.ts";
import type { WireParts } from "./wire.ts";

const success: Step = { kind: "succeed", runMs: 0, heedsSignal: true, extraMs: 0 };

/** The world of one plan. */
export class World {
  readonly plan: Plan;
  readonly agenda: Agenda;
  readonly recorder: Recorder;
  readonly server: DatabaseServer;
  readonly wires: WireParts;
  readonly executions: Executions;
  readonly cluster: Cluster;
  /** Requests that are not over; those of a dead process never will be. */
  readonly clients = new Set<{ readonly process: SimulatedProcess }>();
  readonly #attempts = new Map<string, number>();

  constructor(plan: Plan) {
    this.plan = plan;
    const { seed, network, chunkTasks, leaseMs } = plan;
    this.agenda = new Agenda(seed);
    this.recorder = new Recorder(this.agenda);
    const { agenda, recorder } = this;
    const keepsLog = plan.actions.some(({ kind }) => kind === "restore");
    this.server = new DatabaseServer(agenda, recorder, chunkTasks, keepsLog);
    const { server } = this;
    this.wires = {
      seed,
      agenda,
      server,
      recorder,
      network,
      hub: new WakeUpHub(plan.wakeUps),
      chunkTasks,
      leaseMs,
      hasFaults: true,
      fated: {},
      nextTransaction: 0,
      late: 0,
      unknownMarks: new Set(),
    };
    this.executions = new Executions(recorder);
    this.cluster = new Cluster(this);
  }

  /** Whether all tasks have ended, and nobody is about to enqueue more. */
  get isAtRest(): boolean {
    const { server, clients, wires } = this;
    if (server.pending > 0 || server.openTransactions > 0 || wires.late > 0) return false;
    return [...clients].every(({ process }) => !process.isAlive);
  }

  /** What the next attempt of a task does. */
  nextStep(taskId: string): Step {
    const attempt = this.#attempts.get(taskId) ?? 0;
    this.#attempts.set(taskId, attempt + 1);
    const steps = this.plan.tasks.find((task) => task.taskId === taskId)?.steps ?? [];
    return steps[Math.min(attempt, steps.length - 1)] ?? success;
  }
}
