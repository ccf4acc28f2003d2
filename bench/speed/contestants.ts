// Who is measured, in which configuration, in which scenarios, and what it keeps and promises there.
import type { Options, SystemName } from "./port.ts";

/** Names of the scenarios. */
export const scenarioNames = [
  "drain",
  "enqueue",
  "bulk",
  "latency",
  "life",
  "pinned",
  "backlog",
  "sqlite",
] as const;

/** Name of a scenario. */
export type ScenarioName = (typeof scenarioNames)[number];

/** A system in one configuration. */
export interface Contestant {
  readonly system: SystemName;
  /** Short, unique, for the tables. */
  readonly name: string;
  readonly home: "postgres" | "redis" | "sqlite";
  /** Options that differ from the defaults, handed to the library as they are. */
  readonly options: Readonly<Record<string, Options>>;
  readonly scenarios: readonly ScenarioName[];
  /** Those of them in which a quick run has it. */
  readonly quick: readonly ScenarioName[];
  readonly configuration: string;
  /** What it keeps of a task, and what it promises, in this configuration. */
  readonly keeps: string;
}

const everyCost: readonly ScenarioName[] = ["drain", "enqueue", "bulk", "life", "pinned", "backlog"];

const owedKeeps =
  "Each task with its data, and its confirmation, for 30 days: a repeated enqueue is recognised all that time, a task can be looked up. Every claim has a token; a late process can neither fail nor release what another holds. Work of a dead process starts elsewhere within lease and poll, under 20 s.";
const graphileKeeps =
  "Nothing once a job has succeeded: its row is deleted, so a repeated enqueue is not recognised. Completion is by id, without a token. A job of a dead worker stays locked for 4 h.";
const bossKeeps =
  "The job's row for 7 days after its completion. Completion is fenced. A job of a dead worker starts again after 15 min (with heartbeats, which are an option, about a minute).";
const bullKeeps = (fsync: string): string =>
  `Cannot join a transaction of the database: the job is added after the commit, and is lost if the process ends in between. Redis ${fsync}. A job has a lock token; of a dead worker it starts again after 30 to 60 s.`;
const everysec = "writes to disk once a second (appendfsync everysec), so a crash may lose a second of jobs";
const always = "writes to disk before it answers (appendfsync always)";

const plainjobKeeps = (durability: string): string =>
  `Each job for 7 days after its completion. No retries, no deduplication, no token. A job of a dead process starts again after 30 min. ${durability}`;

/** All of them. The first is the one that all are compared with where a scenario does not name others. */
export const contestants: readonly Contestant[] = [
  {
    system: "raw",
    name: "raw SQL",
    home: "postgres",
    options: {},
    scenarios: everyCost,
    quick: everyCost,
    configuration:
      "The limit: the tables of owed, written by the leanest statements that keep the same promises. Inserts by the thousand in one transaction; claims of 500 with a floor that trails by 2 s, on one connection with synchronous_commit off, while the batch before is confirmed on another; a token at every confirmation; history as arrays.",
    keeps:
      "The same rows as owed, with deduplication, history and token; but no heartbeat, no takeover from dead processes, no failures, no retries, no limits.",
  },
  {
    system: "owed",
    name: "owed",
    home: "postgres",
    options: {},
    scenarios: [...everyCost, "latency"],
    quick: [...everyCost, "latency"],
    configuration:
      "Defaults: 100 executions at once, claims of up to 500, poll 1 s, LISTEN. The pool of transaction() pipelines, as its documentation advises. Who enqueues on a transaction of its own says tryExecuteNow after the commit, where latency is measured.",
    keeps: owedKeeps,
  },
  {
    system: "owed",
    name: "owed, polling",
    home: "postgres",
    options: { store: { listen: false } },
    scenarios: ["latency"],
    quick: ["latency"],
    configuration: "As owed, without LISTEN.",
    keeps: owedKeeps,
  },
  {
    system: "owed",
    name: "owed, 1,000 slots",
    home: "postgres",
    options: { worker: { concurrency: 1_000 } },
    scenarios: ["backlog"],
    quick: [],
    configuration: "As owed, with 1,000 executions at once.",
    keeps: owedKeeps,
  },
  {
    system: "graphile-worker",
    name: "graphile-worker",
    home: "postgres",
    options: {},
    scenarios: ["drain", "enqueue", "bulk", "latency"],
    quick: ["enqueue", "bulk", "latency"],
    configuration:
      "Defaults: one job at a time, LISTEN and poll 2 s. Without its line of log for each job (NO_LOG_SUCCESS), as in its own measurements.",
    keeps: graphileKeeps,
  },
  {
    system: "graphile-worker",
    name: "graphile-worker, batches",
    home: "postgres",
    options: {
      worker: {
        concurrentJobs: 24,
        maxPoolSize: 25,
        localQueue: { size: 500 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      },
    },
    scenarios: ["drain", "life", "pinned", "backlog"],
    quick: ["drain", "life", "pinned", "backlog"],
    configuration:
      "What its page on performance uses: 24 jobs at once, a pool of 25, a local queue of 500, completion in batches; without the line of log for each job, too.",
    keeps: `${graphileKeeps} With the local queue up to 500 jobs of a dead worker stay locked so long.`,
  },
  {
    system: "pg-boss",
    name: "pg-boss",
    home: "postgres",
    options: {},
    scenarios: ["drain", "enqueue", "bulk", "latency"],
    quick: ["enqueue", "bulk"],
    configuration: "Defaults: one job every 2 s and worker.",
    keeps: bossKeeps,
  },
  {
    system: "pg-boss",
    name: "pg-boss, batches",
    home: "postgres",
    options: {
      work: { batchSize: 500, localConcurrency: 2, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 },
    },
    scenarios: ["drain", "life", "pinned", "backlog"],
    quick: ["drain", "life", "pinned", "backlog"],
    configuration:
      "Two loops of 500 jobs a fetch (batchSize, localConcurrency; the best of what was tried), without a pause while batches are full (burstWhenBatchFull), poll 0.5 s.",
    keeps: `${bossKeeps} The jobs of a batch succeed or fail together.`,
  },
  {
    system: "pg-boss",
    name: "pg-boss, LISTEN",
    home: "postgres",
    options: {
      instance: { useListenNotify: true },
      queue: { notify: true },
      work: { localConcurrency: 4, pollingIntervalSeconds: 0.5 },
    },
    scenarios: ["latency"],
    quick: ["latency"],
    configuration: "useListenNotify, with notify on the queue, four loops, poll 0.5 s.",
    keeps: bossKeeps,
  },
  {
    system: "bullmq",
    name: "BullMQ",
    home: "redis",
    options: {},
    scenarios: ["drain", "enqueue", "bulk", "latency"],
    quick: ["latency"],
    configuration: "Defaults: one job at a time. Redis with appendonly yes, appendfsync everysec.",
    keeps: `Every completed job, for ever. ${bullKeeps(everysec)}`,
  },
  {
    system: "bullmq",
    name: "BullMQ, 100 at once",
    home: "redis",
    options: { worker: { concurrency: 100, removeOnComplete: { count: 1_000 } } },
    scenarios: ["drain", "backlog"],
    quick: ["drain"],
    configuration:
      "100 jobs at once and only the last 1,000 completed jobs kept, as its guides advise. appendfsync everysec.",
    keeps: `The last 1,000 completed jobs. ${bullKeeps(everysec)}`,
  },
  {
    system: "bullmq",
    name: "BullMQ, fsync always",
    home: "redis",
    options: {
      worker: { concurrency: 100, removeOnComplete: { count: 1_000 } },
      redis: { appendfsync: "always" },
    },
    scenarios: ["drain", "enqueue", "bulk"],
    quick: ["enqueue", "bulk"],
    configuration: "As before, with appendfsync always, which is what the others promise at a commit.",
    keeps: `The last 1,000 completed jobs. ${bullKeeps(always)}`,
  },
  {
    system: "raw-sqlite",
    name: "raw SQL on SQLite",
    home: "sqlite",
    options: {},
    scenarios: ["sqlite"],
    quick: ["sqlite"],
    configuration:
      "The limit: the tables of owed, by prepared statements of node:sqlite; claims of 500, outcomes of a claim in one transaction. WAL, synchronous FULL.",
    keeps: "The same rows as owed, without heartbeat, takeover, failures and retries.",
  },
  {
    system: "owed-sqlite",
    name: "owed on SQLite",
    home: "sqlite",
    options: {},
    scenarios: ["sqlite"],
    quick: ["sqlite"],
    configuration: "Defaults, with node:sqlite. WAL, synchronous FULL.",
    keeps: owedKeeps,
  },
  {
    system: "plainjob",
    name: "plainjob",
    home: "sqlite",
    options: {},
    scenarios: ["sqlite"],
    quick: ["sqlite"],
    configuration:
      "Defaults with better-sqlite3, without its logger: WAL, synchronous NORMAL. One job at a time.",
    keeps: plainjobKeeps("A power cut may undo the last commits."),
  },
  {
    system: "plainjob",
    name: "plainjob, FULL",
    home: "sqlite",
    options: { file: { synchronous: "full" } },
    scenarios: ["sqlite"],
    quick: [],
    configuration: "As plainjob, with synchronous FULL, which is what a commit promises elsewhere.",
    keeps: plainjobKeeps("What is committed stays."),
  },
];
