// A misspelt option is refused, not ignored: the error names it, and the one that was meant.
import {
  binaryExponential,
  constant,
  defineTask,
  executor,
  exponential,
  InvalidInputError,
  linear,
  Scheduler,
} from "owed";
import { postgresStore } from "owed/postgres";
import { sqliteStore } from "owed/sqlite";
import { describe, expect, it } from "vitest";

import { memoryStore } from "../../src/store/memory/index.ts";
import { job, World } from "./world.ts";

type Untyped = (...call: readonly unknown[]) => unknown;
const untyped = (made: unknown): Untyped => made as Untyped;
const store = memoryStore();
const code = (): void => undefined;

/** What a call throws, or rejects with. */
async function refusal(call: () => unknown): Promise<InvalidInputError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof InvalidInputError) return error;
    throw error;
  }
  throw new Error("it was taken");
}

interface Things {
  readonly scheduler: Readonly<Record<string, Untyped>>;
  readonly tx: unknown;
}

const raw = { type: "job", data: new Uint8Array() };
const misspelt: readonly (readonly [
  place: string,
  wrong: string,
  meant: string,
  (things: Things) => unknown,
])[] = [
  ["Scheduler", "exectuors", "executors", () => new Scheduler({ store, exectuors: [] } as never)],
  [
    "Scheduler",
    "maxFailedattempts",
    "maxFailedAttempts",
    () => new Scheduler({ store, maxFailedattempts: 1 } as never),
  ],
  [
    "fastPath",
    "concurency",
    "concurrency",
    () => new Scheduler({ store, fastPath: { concurrency: 1, concurency: 1 } } as never),
  ],
  [
    "defineTask",
    "onDuplicates",
    "onDuplicate",
    () => defineTask({ type: "a", onDuplicates: "keep" } as never),
  ],
  ["executor", "timeoutMS", "timeoutMs", () => untyped(executor)(job, { timeoutMS: 1 }, code)],
  ["constant", "maxDelay", "maxDelayMs", () => constant({ delayMs: 1, maxDelay: 1 } as never)],
  ["linear", "jiter", "jitter", () => linear({ baseMs: 1, jiter: 0 } as never)],
  [
    "exponential",
    "maxDelayms",
    "maxDelayMs",
    () => exponential({ baseMs: 1, factor: 2, maxDelayms: 1 } as never),
  ],
  [
    "binaryExponential",
    "maxdelayMs",
    "maxDelayMs",
    () => binaryExponential({ baseMs: 1, maxdelayMs: 1 } as never),
  ],
  ["memoryStore", "port", "ports", () => memoryStore({ port: {} } as never)],
  ["sqliteStore", "lockwaitMs", "lockWaitMs", () => sqliteStore({ file: "a.db", lockwaitMs: 1 } as never)],
  [
    "postgresStore",
    "shema",
    "schema",
    () => postgresStore({ connectionString: "postgres://a/b", shema: "s" } as never),
  ],
  [
    "startWorker",
    "concurency",
    "concurrency",
    ({ scheduler }) => scheduler["startWorker"]?.({ concurency: 1 }),
  ],
  ["stop", "gracems", "graceMs", ({ scheduler }) => scheduler["stop"]?.({ gracems: 1 })],
  [
    "transaction",
    "maxRetrys",
    "maxRetries",
    ({ scheduler }) => scheduler["transaction"]?.(code, { maxRetrys: 1 }),
  ],
  ["list", "limt", "limit", ({ scheduler }) => scheduler["list"]?.({ state: "failed", limt: 1 })],
  [
    "enqueue",
    "taskid",
    "taskId",
    ({ scheduler, tx }) => scheduler["enqueue"]?.(tx, job, {}, { taskid: "same" }),
  ],
  ["enqueue alone", "delayms", "delayMs", ({ scheduler }) => scheduler["enqueue"]?.(job, {}, { delayms: 1 })],
  [
    "tx.enqueue",
    "refrenceId",
    "referenceId",
    ({ scheduler }) =>
      scheduler["transaction"]?.((own: { enqueue: Untyped }) => own.enqueue(job, {}, { refrenceId: "a" })),
  ],
  [
    "an item of enqueueAll",
    "taskID",
    "taskId",
    ({ scheduler, tx }) => scheduler["enqueueAll"]?.(tx, job, [{ data: 1, taskID: "same" }]),
  ],
  [
    "a raw record",
    "header",
    "headers",
    ({ scheduler, tx }) => scheduler["enqueueAll"]?.(tx, [{ ...raw, header: {} }]),
  ],
];

describe("an option that is misspelt", () => {
  it.each(misspelt)("of %s, as in %s, is refused, and %s is proposed", async (_, wrong, meant, call) => {
    const world = new World();
    const scheduler = world.scheduler() as unknown as Things["scheduler"];
    const tx = await world.store.begin();
    const error = await refusal(() => call({ scheduler, tx }));
    expect([error.field, error.remedy]).toEqual([wrong, `did you mean ${meant}?`]);
    await tx.commit();
    expect(await world.store.count("pending")).toBe(0);
  });
});

describe("an option that is like none", () => {
  it("is refused with all there are, also when it is undefined", async () => {
    const error = await refusal(() => untyped(executor)(job, { priority: undefined }, code));
    expect(error.message).toBe(
      'priority is no option of executor of "job": there are timeoutMs, concurrency, concurrencyPerKey, breaker, transactional, isolationLevel, maxRetries',
    );
  });

  it("is refused with those of its own strategy of backoff: binaryExponential takes no factor", async () => {
    const error = await refusal(() => binaryExponential({ baseMs: 1, factor: 3 } as never));
    expect(error.message).toBe(
      "factor is no option of binaryExponential: there are baseMs, maxDelayMs, jitter",
    );
  });

  it("is not looked for in what the object inherits", () => {
    const options = Object.create({ priority: 1 }) as object;
    expect(() => untyped(executor)(job, options, code)).not.toThrow();
  });

  it("cannot hide behind a name that every object has", async () => {
    expect((await refusal(() => untyped(executor)(job, { toString: 1 }, code))).field).toBe("toString");
  });
});
