// Every place of every public function where a caller can put a value, and what each place takes.
import {
  binaryExponential,
  constant,
  defineTask,
  executor,
  exponential,
  linear,
  RetryAfterError,
  Scheduler,
} from "owed";
import { memoryStore } from "../../src/store/memory/index.ts";
import { job } from "./world.ts";

/** What no place wants, but for those that say so. */
export const rubbish = {
  undefined: undefined,
  null: null,
  true: true,
  "5": 5,
  NaN: Number.NaN,
  '"x"': "x",
  '""': "",
  "a bigint": 10n,
  "a symbol": Symbol("x"),
  "[]": [],
  "{}": {},
  "an object without a prototype": Object.create(null) as object,
  "a function": () => 1,
} as const;

/** Names a piece of it. */
export type Rubbish = keyof typeof rubbish;

/** A function of the library as JavaScript sees it. */
type Untyped = (...call: readonly unknown[]) => unknown;

/** A scheduler, and its transaction, as JavaScript sees them. */
export interface Things {
  readonly scheduler: Readonly<Record<string, Untyped>>;
  /** One on a synchronous store. */
  readonly sync: Readonly<Record<string, Untyped>>;
  readonly tx: unknown;
}

/** One place: how to put a value there, the field that is named, and what it takes all the same. */
export type Place = readonly [
  place: string,
  field: string | RegExp,
  put: (value: unknown, things: Things) => unknown,
  takes?: readonly Rubbish[],
];

const objects: readonly Rubbish[] = ["{}", "an object without a prototype"];
const texts: readonly Rubbish[] = ['"x"'];
const nothing: readonly Rubbish[] = ["undefined"];
const five: readonly Rubbish[] = ["undefined", "5"];

const untyped = (made: unknown): Untyped => made as Untyped;
const raw = { execute: () => undefined };
const store = memoryStore();
const make = (options: object): unknown => new Scheduler({ store, ...options } as never);
const option = (name: string, takes: readonly Rubbish[], base: object = {}): Place => [
  `option ${name} of Scheduler`,
  name,
  (value) => make({ ...base, [name]: value }),
  takes,
];

const construction: readonly Place[] = [
  ["the options of Scheduler", "store", (value) => new Scheduler(value as never)],
  ["the store of Scheduler", "store", (value) => make({ store: value })],
  option("executors", ["undefined", "[]"]),
  ["an entry of executors", "executors", (value) => make({ executors: [value] })],
  [
    "an entry of executors that is half of one",
    "executors",
    (value) => make({ executors: [{ run: value }] }),
  ],
  option("executor", nothing),
  ["option executor, beside types", /^(executor|types)$/, (value) => make({ executor: value, types: "all" })],
  ["option types, beside an executor", "types", (value) => make({ executor: raw, types: value })],
  ["an entry of types", "type", (value) => make({ executor: raw, types: [value] }), texts],
  option("fastPath", nothing),
  [
    "fastPath.concurrency",
    "fastPath.concurrency",
    (value) => make({ fastPath: { concurrency: value } }),
    ["5"],
  ],
  option("timeoutMs", five),
  option("maxDataBytes", five),
  option("leaseMs", nothing),
  option("retentionMs", five),
  option("migrate", ["undefined", "true"]),
  option("logger", nothing),
  option("ports", nothing),
  option("onConfirmed", ["undefined", "a function"]),
  option("onFailed", ["undefined", "a function"]),
  option("backoff", nothing),
  option("maxFailedAttempts", five),
  option("retryForMs", five),
  option("maxLostAlone", five),
  [
    "the options of memoryStore",
    "options",
    (value) => memoryStore(value as never),
    ["undefined", ...objects],
  ],
];

const define = (unusual: object): unknown => defineTask({ type: "a", ...unusual } as never);
const definitions: readonly Place[] = [
  ["the options of defineTask", /^(options|type)$/, untyped(defineTask)],
  ["the type of a definition", "type", (type) => define({ type }), texts],
  ["its data", "data", (data) => define({ data }), nothing],
  ["its onDuplicate", "onDuplicate", (onDuplicate) => define({ onDuplicate }), nothing],
  ["its backoff", "backoff", (backoff) => define({ backoff }), nothing],
  ["its maxFailedAttempts", "maxFailedAttempts", (value) => define({ maxFailedAttempts: value }), five],
  ["its retryForMs", "retryForMs", (value) => define({ retryForMs: value }), five],
  ["its maxLostAlone", "maxLostAlone", (value) => define({ maxLostAlone: value }), five],
];

const bind = untyped(executor);
const code = (): void => undefined;
const executors: readonly Place[] = [
  ["the definition of executor", "definition", (value) => bind(value, code)],
  ["its code", 'executor of "job"', (value) => bind(job, value), ["a function"]],
  ["its code after options", 'executor of "job"', (value) => bind(job, {}, value), ["a function"]],
  ["its options", 'options of "job"', (value) => bind(job, value, code), objects],
  ["its timeoutMs", 'timeoutMs of "job"', (value) => bind(job, { timeoutMs: value }, code), five],
  ["its concurrency", 'concurrency of "job"', (value) => bind(job, { concurrency: value }, code), five],
];

const backoffs: readonly Place[] = [
  ...Object.entries({
    constant: [constant, { delayMs: 1 }] as const,
    linear: [linear, { baseMs: 1 }] as const,
    exponential: [exponential, { baseMs: 1, factor: 2 }] as const,
    binaryExponential: [binaryExponential, { baseMs: 1 }] as const,
  }).flatMap(([name, [strategy, usual]]): Place[] => {
    const made = (unusual: object): unknown => untyped(strategy)({ ...usual, ...unusual });
    return [
      [`the options of ${name}`, /^(options|backoff\.(baseMs|delayMs))$/, untyped(strategy)],
      [`maxDelayMs of ${name}`, "backoff.maxDelayMs", (value) => made({ maxDelayMs: value }), five],
      [`jitter of ${name}`, "backoff.jitter", (value) => made({ jitter: value }), nothing],
    ];
  }),
  ["baseMs of linear", "backoff.baseMs", (baseMs) => untyped(linear)({ baseMs }), ["5"]],
  ["factor of exponential", "backoff.factor", (factor) => untyped(exponential)({ baseMs: 1, factor }), ["5"]],
  ["delayMs of constant", "backoff.delayMs", (delayMs) => untyped(constant)({ delayMs }), ["5"]],
  ["the delay of a RetryAfterError", "delayMs", (value) => new RetryAfterError(value as never), ["5"]],
];

const worker = (name: string): Place => [
  `${name} of startWorker`,
  name,
  (value, { scheduler }) => scheduler["startWorker"]?.({ [name]: value }),
  five,
];
const running: readonly Place[] = [
  [
    "the options of startWorker",
    "options",
    (value, { scheduler }) => scheduler["startWorker"]?.(value),
    ["undefined", ...objects],
  ],
  ...["concurrency", "batchSize", "pollIntervalMs", "maxClaimBytes"].map(worker),
  [
    "the options of stop",
    "options",
    (value, { scheduler }) => scheduler["stop"]?.(value),
    ["undefined", ...objects],
  ],
  ["graceMs of stop", "graceMs", (graceMs, { scheduler }) => scheduler["stop"]?.({ graceMs }), five],
  [
    "the task of executeAndAdvance",
    "taskId",
    (value, { scheduler }) => scheduler["executeAndAdvance"]?.(value),
    texts,
  ],
  [
    "the callback of transaction",
    "work",
    (value, { scheduler }) => scheduler["transaction"]?.(value),
    ["a function"],
  ],
  [
    "the options of transaction",
    "options",
    (value, { scheduler }) => scheduler["transaction"]?.(code, value),
    ["undefined", ...objects],
  ],
  [
    "maxRetries of transaction",
    "maxRetries",
    (maxRetries, { scheduler }) => scheduler["transaction"]?.(code, { maxRetries }),
    five,
  ],
];

const list = (name: string, takes: readonly Rubbish[]): Place => [
  `${name} of list`,
  name,
  (value, { scheduler }) => scheduler["list"]?.({ state: "pending", [name]: value }),
  takes,
];
const operating: readonly Place[] = [
  ...["get", "cancel", "redrive", "erase"].map(
    (name): Place => [
      `the taskId of ${name}`,
      "taskId",
      (value, { scheduler }) => scheduler[name]?.(value),
      texts,
    ],
  ),
  ["the state of count", "state", (value, { scheduler }) => scheduler["count"]?.(value)],
  ["the request of list", /^(request|state)$/, (value, { scheduler }) => scheduler["list"]?.(value)],
  list("state", []),
  list("type", ["undefined", '"x"']),
  list("ready", ["undefined", "true"]),
  list("cursor", ["undefined"]),
  list("limit", five),
  list("order", nothing),
];

const enqueueOption = (name: string, takes: readonly Rubbish[]): Place => [
  `${name} of enqueue`,
  name,
  (value, { scheduler, tx }) => scheduler["enqueue"]?.(tx, job, {}, { [name]: value }),
  takes,
];
const enqueueing: readonly Place[] = [
  [
    "the definition of enqueue",
    "definition",
    (value, { scheduler, tx }) => scheduler["enqueue"]?.(tx, value, {}),
  ],
  ["the only argument of enqueue", "definition", (value, { scheduler }) => scheduler["enqueue"]?.(value)],
  [
    "the options of enqueue",
    "options",
    (value, { scheduler, tx }) => scheduler["enqueue"]?.(tx, job, {}, value),
    ["undefined", ...objects],
  ],
  enqueueOption("taskId", ["undefined", '"x"']),
  enqueueOption("referenceId", ["undefined", "null", '"x"']),
  enqueueOption("headers", ["undefined", "null", ...objects]),
  enqueueOption("delayMs", five),
  enqueueOption("runAt", nothing),
  [
    "the items of enqueueAll",
    /^(items|records)$/,
    (value, { scheduler, tx }) => scheduler["enqueueAll"]?.(tx, job, value),
  ],
  [
    "the records of enqueueAll",
    "records",
    (value, { scheduler, tx }) => scheduler["enqueueAll"]?.(tx, value),
  ],
  [
    "the definition of enqueueSync",
    "definition",
    (value, { sync, tx }) => sync["enqueueSync"]?.(tx, value, {}),
  ],
  [
    "the items of enqueueAllSync",
    /^(items|records)$/,
    (value, { sync, tx }) => sync["enqueueAllSync"]?.(tx, job, value),
  ],
  [
    "the definition of enqueueAllSync",
    "definition",
    (value, { sync, tx }) => sync["enqueueAllSync"]?.(tx, value, []),
  ],
];

const inside =
  (name: "enqueue" | "enqueueAll" | "savepoint", ...before: readonly unknown[]) =>
  (value: unknown, { scheduler }: Things): unknown =>
    scheduler["transaction"]?.((tx: Readonly<Record<string, Untyped>>) =>
      tx[name]?.(...before, value, ...(name === "enqueue" ? [{}] : [])),
    );
const transactions: readonly Place[] = [
  ["the definition of tx.enqueue", "definition", inside("enqueue")],
  ["the records of tx.enqueueAll", "records", inside("enqueueAll")],
  ["the items of tx.enqueueAll", /^(items|records)$/, inside("enqueueAll", job)],
  ["the callback of tx.savepoint", "work", inside("savepoint"), ["a function"]],
];

/** All of them, by subject. */
export const places = {
  construction,
  definitions,
  executors,
  backoffs,
  running,
  operating,
  enqueueing,
  transactions,
};
