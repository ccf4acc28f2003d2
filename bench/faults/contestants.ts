// Who is compared, in which configuration, under which faults, and what its documentation lets one expect.
import type { Options, SystemName } from "./driver.ts";

/** Faults of the comparison. */
export const faultNames = ["kill", "outage", "terminate", "pause", "lost-reply", "poison"] as const;

/** Name of a fault. */
export type FaultName = (typeof faultNames)[number];

/** A system in one configuration. */
export interface Contestant {
  readonly system: SystemName;
  /** Short, unique, for the tables. */
  readonly name: string;
  /** Whether it is the system as it comes. */
  readonly isDefault: boolean;
  /** Options that differ from the defaults, handed to the library as they are. */
  readonly options: Readonly<Record<string, Options>>;
  /** Executions at once in each worker process. Default: `CONCURRENCY`. */
  readonly concurrency?: number;
  /** Whether whoever supervises the processes tells the system of a dead one. */
  readonly unlocks: boolean;
  /** The faults for which this configuration says something. */
  readonly faults: readonly FaultName[];
  readonly configuration: string;
}

/** Executions at once in each worker process: a matter of capacity, so it is the same for all where nothing else is said. */
export const CONCURRENCY = 10;

const unlessReply = faultNames.filter((name) => name !== "lost-reply");

/** All of them. */
export const contestants: readonly Contestant[] = [
  {
    system: "owed",
    name: "owed",
    isDefault: true,
    options: {},
    unlocks: false,
    faults: faultNames,
    configuration:
      "Defaults: lease 15 s, heartbeat every 5 s, poll 1 s, 25 attempts; tasks that were lost once run in a quarter of the slots, here two of ten in each process. The client has no executors, so there is no fast path. Key: taskId.",
  },
  {
    system: "owed",
    name: "owed, 100 at once",
    isDefault: false,
    options: {},
    concurrency: 100,
    unlocks: false,
    faults: ["kill", "pause"],
    configuration:
      "As above, with its default of 100 executions at once in each worker process, so that 25 lost tasks may run at once.",
  },
  {
    system: "graphile-worker",
    name: "graphile-worker",
    isDefault: true,
    options: {},
    unlocks: false,
    faults: faultNames,
    configuration:
      "Defaults: poll 2 s and LISTEN, 25 attempts; a job of a dead worker stays locked for 4 h, as documented. Enqueued by add_job on the application's transaction. Key: job_key, mode replace.",
  },
  {
    system: "graphile-worker",
    name: "graphile-worker + unlock",
    isDefault: false,
    options: {},
    unlocks: true,
    faults: ["kill", "outage", "terminate", "poison"],
    configuration:
      "As above, and a supervisor that sees a worker process end calls forceUnlockWorkers with the id of its pool half a second later, again until it is answered. (Worker Pro, which recovers by heartbeat, is a paid product and was not run.)",
  },
  {
    system: "graphile-worker",
    name: "graphile-worker, unsafe_dedupe",
    isDefault: false,
    options: { enqueue: { jobKeyMode: "unsafe_dedupe" } },
    unlocks: false,
    faults: ["lost-reply"],
    configuration:
      "As graphile-worker, with job_key_mode unsafe_dedupe: an existing job, locked ones too, is left as it is.",
  },
  {
    system: "pg-boss",
    name: "pg-boss",
    isDefault: true,
    options: {},
    unlocks: false,
    faults: faultNames,
    configuration:
      "Defaults: poll 2 s, an active job expires after 15 min, seen by a supervisor every 60 s; retryLimit 2. Enqueued by send with the option db on the application's transaction. Key: the id of the job.",
  },
  {
    system: "pg-boss",
    name: "pg-boss + heartbeat",
    isDefault: false,
    options: {
      queue: { heartbeatSeconds: 10 },
      instance: { superviseIntervalSeconds: 5, monitorIntervalSeconds: 5 },
    },
    unlocks: false,
    faults: unlessReply,
    configuration:
      "As above, with heartbeatSeconds 10 (the least allowed), superviseIntervalSeconds and monitorIntervalSeconds 5.",
  },
  {
    system: "bullmq",
    name: "BullMQ",
    isDefault: true,
    options: {},
    unlocks: false,
    faults: faultNames,
    configuration:
      "Defaults: lock 30 s, stalled check every 30 s, maxStalledCount 1, attempts 1, reconnects after 1 s growing to 20 s. Redis with appendonly yes (as documented for production), appendfsync everysec. The application's row is committed in Postgres, then the job is added. Key: jobId.",
  },
  {
    system: "bullmq",
    name: "BullMQ, short lock",
    isDefault: false,
    options: {
      worker: { lockDuration: 10_000, stalledInterval: 5_000, maxStalledCount: 3 },
      connection: { retryMs: 1_000 },
    },
    unlocks: false,
    faults: unlessReply,
    configuration:
      "As above, with lockDuration 10 s, stalledInterval 5 s, maxStalledCount 3, and a retryStrategy of 1 s.",
  },
];
