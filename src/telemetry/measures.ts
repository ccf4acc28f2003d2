/** What is measured: names, units and labels, the same for OpenTelemetry and for Prometheus. Messaging conventions where they fit. */

/** One thing that is measured. */
export interface Measure {
  /** As OpenTelemetry names it. */
  readonly name: string;
  readonly kind: "counter" | "histogram" | "gauge";
  /** UCUM: `s`, or a thing in braces. */
  readonly unit: string;
  readonly description: string;
  /** Upper bounds of a histogram's buckets. */
  readonly boundaries?: readonly number[];
}

/** What a value belongs to. The same object stands for the same labels: whoever keeps series may keep them by it. */
export type Labels = Readonly<Record<string, string>>;

/** Seconds of a call to the database. */
const callSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Seconds of an executor: up to the default timeout. */
const runSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];
/** Seconds that a task waits: from a fast path to a long outage. */
const waitSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 1_800, 7_200];
const batchTasks = [1, 2, 5, 10, 20, 50, 100, 200, 500];

/** Everything that is measured. */
export const measures = {
  sent: {
    name: "messaging.client.sent.messages",
    kind: "counter",
    unit: "{message}",
    description: "Tasks written by enqueue, in transactions that may yet roll back",
  },
  consumed: {
    name: "messaging.client.consumed.messages",
    kind: "counter",
    unit: "{message}",
    description: "Attempts started",
  },
  operation: {
    name: "messaging.client.operation.duration",
    kind: "histogram",
    unit: "s",
    description: "Statements that enqueue, claim and flush",
    boundaries: callSeconds,
  },
  process: {
    name: "messaging.process.duration",
    kind: "histogram",
    unit: "s",
    description: "Attempts by outcome, and how long their executors ran",
    boundaries: runSeconds,
  },
  startDelay: {
    name: "owed.start.delay",
    kind: "histogram",
    unit: "s",
    description: "From when a task was due (enqueued, on the fast path) to the start of its first attempt",
    boundaries: waitSeconds,
  },
  flushSize: {
    name: "owed.flush.size",
    kind: "histogram",
    unit: "{task}",
    description: "Outcomes written by one statement",
    boundaries: batchTasks,
  },
  failed: {
    name: "owed.tasks.failed",
    kind: "counter",
    unit: "{task}",
    description: "Tasks that ended as failed in this process, by reason",
  },
  claimsLost: {
    name: "owed.claims.lost",
    kind: "counter",
    unit: "{claim}",
    description: "Attempts of this process whose claim was superseded before their outcome was written",
  },
  declaredDead: {
    name: "owed.processes.declared_dead",
    kind: "counter",
    unit: "{process}",
    description: "Other processes that this one declared dead",
  },
  tasks: {
    name: "owed.tasks",
    kind: "gauge",
    unit: "{task}",
    description: "Tasks kept, by state; counting stops at a bound",
  },
  oldestDue: {
    name: "owed.oldest_due_age",
    kind: "gauge",
    unit: "s",
    description: "How long the oldest due task has been due, 0 when none is",
  },
  orphanedTypes: {
    name: "owed.orphaned_types",
    kind: "gauge",
    unit: "{type}",
    description: "Types with pending tasks that no live process executes",
  },
  processes: {
    name: "owed.processes",
    kind: "gauge",
    unit: "{process}",
    description: "Registered processes; /metrics leaves out those that are silent beyond their lease",
  },
  slotsUsed: {
    name: "owed.slots.used",
    kind: "gauge",
    unit: "{slot}",
    description: "Attempts that run in this process, by path",
  },
  zombies: {
    name: "owed.zombies",
    kind: "gauge",
    unit: "{attempt}",
    description: "Executors of this process that ignore their timeout and hold a slot",
  },
  storeUp: {
    name: "owed.store.up",
    kind: "gauge",
    unit: "",
    description: "1 when the store has answered what the gauges are read from, else 0",
  },
  eventLoopMean: {
    name: "nodejs.eventloop.delay.mean",
    kind: "gauge",
    unit: "s",
    description: "Mean delay of the event loop since the last reading",
  },
  eventLoopP50: {
    name: "nodejs.eventloop.delay.p50",
    kind: "gauge",
    unit: "s",
    description: "Median delay of the event loop since the last reading",
  },
  eventLoopP99: {
    name: "nodejs.eventloop.delay.p99",
    kind: "gauge",
    unit: "s",
    description: "99th percentile of the delay of the event loop since the last reading",
  },
  eventLoopMax: {
    name: "nodejs.eventloop.delay.max",
    kind: "gauge",
    unit: "s",
    description: "Longest delay of the event loop since the last reading",
  },
} as const satisfies Readonly<Record<string, Measure>>;

/** Most different types that become labels in one process; all others share one, so that a stranger's types cost no memory. */
export const MOST_TYPES = 200;
/** The type of all that are one too many. */
export const OTHER_TYPE = "_OTHER";

/** What the engine does. */
export type Operation = "enqueue" | "claim" | "attempt" | "flush";

/** Outcomes of an attempt that are errors. */
const errorOutcomes: ReadonlySet<string> = new Set(["failed", "undecodable"]);

/** Makes label sets, each once: every attempt needs three. */
export class LabelSets {
  readonly #sets = new Map<string, Labels>();
  readonly #types = new Set<string>();

  /** The labels of an operation on tasks of a type (null: of several), and one label more. Few: an SDK hashes them at each value. */
  of(operation: Operation, type: string | null, label = "", value = ""): Labels {
    const bounded = type === null ? "" : this.#bounded(type);
    const key = `${operation}\n${bounded}\n${label}\n${value}`;
    const known = this.#sets.get(key);
    if (known !== undefined) return known;
    const labels: Record<string, string> = {
      "messaging.system": "owed",
      "messaging.operation.name": operation,
    };
    if (type !== null) labels["messaging.destination.name"] = bounded;
    if (label !== "") labels[label] = value;
    if (label === "owed.outcome" && errorOutcomes.has(value)) labels["error.type"] = value;
    this.#sets.set(key, Object.freeze(labels));
    return labels;
  }

  #bounded(type: string): string {
    if (this.#types.has(type)) return type;
    if (this.#types.size >= MOST_TYPES) return OTHER_TYPE;
    this.#types.add(type);
    return type;
  }
}

/** No labels at all. */
export const noLabels: Labels = Object.freeze({});
