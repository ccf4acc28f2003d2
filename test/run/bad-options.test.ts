// Options that cannot be used are refused where they are given, with an error that names the option and the remedy.
import {
  type BoundExecutor,
  binaryExponential,
  constant,
  defineTask,
  executor,
  exponential,
  failingExecutor,
  linear,
  NoExecutorError,
  OwedError,
  RetryAfterError,
  Scheduler,
} from "owed";
import { afterEach, describe, expect, it } from "vitest";

import { memoryStore } from "../../src/store/memory/index.ts";
import { job, World } from "./world.ts";

const store = memoryStore();
const nonsense = ["5", null, Number.NaN, Number.POSITIVE_INFINITY, -1, {}, true];

function thrownBy(make: () => unknown): OwedError & { readonly field?: string; readonly remedy?: string } {
  let made: unknown;
  try {
    made = make();
  } catch (error) {
    if (error instanceof OwedError) return error;
    throw new Error(`a typed error is expected, not: ${String(error)}`, { cause: error });
  }
  throw new Error(`nothing was thrown, but made: ${String(made)}`);
}

function expectInvalid(make: () => unknown, field: string): void {
  const error = thrownBy(make);
  expect([error.code, error.field]).toEqual(["OWED_INVALID_INPUT", field]);
  expect(error.message).toContain(field);
  expect(error.remedy?.length).toBeGreaterThan(3);
}

const scheduler = (options: object): Scheduler => new Scheduler({ store, ...options } as never);

describe("options of a scheduler", () => {
  it.each([undefined, null, {}, { query: () => undefined }])(
    "a store that is none (%j) is refused",
    (none) => {
      expectInvalid(() => scheduler({ store: none }), "store");
    },
  );

  it("no options at all are refused", () => expectInvalid(() => new Scheduler(undefined as never), "store"));

  it.each(["timeoutMs", "maxDataBytes", "leaseMs", "retentionMs", "maxFailedAttempts", "retryForMs"])(
    "%s is checked",
    (option) => {
      for (const value of nonsense) {
        if (option === "retryForMs" && value === Number.POSITIVE_INFINITY) continue;
        expectInvalid(() => scheduler({ [option]: value }), option);
      }
      expect(scheduler({ [option]: undefined })).toBeInstanceOf(Scheduler);
    },
  );

  it.each([
    ["timeoutMs", 0],
    ["maxDataBytes", 0],
    ["maxDataBytes", 1.5],
    ["leaseMs", 999],
    ["maxFailedAttempts", 0],
    ["maxFailedAttempts", 1.5],
    ["retryForMs", 0],
  ])("%s of %d is refused", (option, value) => expectInvalid(() => scheduler({ [option]: value }), option));

  it.each(["on ", true, null, 5])("a fastPath of %j is refused", (fastPath) =>
    expectInvalid(() => scheduler({ fastPath }), "fastPath"),
  );

  it.each([0, -1, 1.5, "3", null, Number.NaN])("a fastPath.concurrency of %j is refused", (concurrency) => {
    expectInvalid(() => scheduler({ fastPath: { concurrency } }), "fastPath.concurrency");
  });

  it.each(["false", null, 0])("a switch that is %j is refused: it must not be guessed", (value) => {
    for (const name of ["migrate", "rollUps"]) expectInvalid(() => scheduler({ [name]: value }), name);
  });

  it.each(["onConfirmed", "onFailed"])("a hook %s that is no function is refused", (hook) => {
    for (const value of ["x", {}, null]) expectInvalid(() => scheduler({ [hook]: value }), hook);
  });

  it("a logger that lacks a level is refused", () => {
    expectInvalid(() => scheduler({ logger: { info: () => undefined } }), "logger");
    expectInvalid(() => scheduler({ logger: null }), "logger");
    expectInvalid(() => scheduler({ logger: "console" }), "logger");
  });

  it("ports that are none are refused", () => {
    for (const ports of [{}, null, "virtual", { clock: {} }])
      expectInvalid(() => scheduler({ ports }), "ports");
  });

  it.each([null, {}, "exponential", { delayMs: 5 }])("a backoff of %j is refused", (backoff) =>
    expectInvalid(() => scheduler({ backoff }), "backoff"),
  );
});

describe("executors", () => {
  it("two for one type are refused, with the type", () => {
    const twice = [executor(job, () => undefined), executor(defineTask({ type: "job" }), () => undefined)];
    expect(thrownBy(() => scheduler({ executors: twice }))).toMatchObject({
      code: "OWED_DUPLICATE_EXECUTOR",
      type: "job",
    });
    expect(thrownBy(() => scheduler({ executor: failingExecutor, types: ["a", "a"] }))).toMatchObject({
      type: "a",
    });
  });

  it.each([{}, "job", [undefined], [{}], [() => undefined]])(
    "a list that is none (%j) is refused",
    (executors) => {
      expectInvalid(() => scheduler({ executors }), "executors");
    },
  );

  it("a raw executor and a list of executors together are refused", () => {
    expectInvalid(() => scheduler({ executors: [], executor: failingExecutor, types: "all" }), "executor");
  });

  it("a raw executor without types, or one that is none, is refused", () => {
    expectInvalid(() => scheduler({ executor: failingExecutor }), "types");
    expectInvalid(() => scheduler({ executor: failingExecutor, types: [] }), "types");
    expectInvalid(() => scheduler({ executor: failingExecutor, types: "some" }), "types");
    expectInvalid(() => scheduler({ executor: failingExecutor, types: [""] }), "type");
    expectInvalid(() => scheduler({ executor: {}, types: "all" }), "executor");
    expectInvalid(() => scheduler({ executor: null, types: "all" }), "executor");
  });

  it("types without an executor are refused: they would not be executed", () => {
    expectInvalid(() => scheduler({ types: ["a"] }), "types");
  });

  const make = (...rest: readonly unknown[]): BoundExecutor =>
    (executor as (...call: unknown[]) => BoundExecutor)(...rest);

  it("a handler that is none is refused", () => {
    for (const handler of [undefined, null, {}, "x"])
      expectInvalid(() => make(job, handler), 'executor of "job"');
    expectInvalid(() => make(job, {}, undefined), 'executor of "job"');
  });

  it.each([undefined, null, "job", { type: "job" }, {}])(
    "a definition that is none (%j) is refused",
    (definition) => {
      expectInvalid(() => make(definition, () => undefined), "definition");
    },
  );

  it.each(["timeoutMs", "concurrency"])("its %s is checked", (option) => {
    for (const value of [...nonsense, 0])
      expectInvalid(() => make(job, { [option]: value }, () => undefined), `${option} of "job"`);
    expectInvalid(() => make(job, { concurrency: 1.5 }, () => undefined), 'concurrency of "job"');
  });

  it("its transaction is checked: a store or true, and no settings of one without it", () => {
    const code = (): undefined => undefined;
    for (const transactional of [false, null, "postgres", {}, () => undefined])
      expectInvalid(() => make(job, { transactional }, code), 'transactional of "job"');
    for (const setting of ["isolationLevel", "maxRetries"])
      expectInvalid(() => make(job, { [setting]: null }, code), `${setting} of "job"`);
    expectInvalid(() => make(job, { transactional: true, isolationLevel: "chaos" }, code), "isolationLevel");
    expectInvalid(() => make(job, { transactional: true, maxRetries: -1 }, code), 'maxRetries of "job"');
  });

  it("its transaction is one of the scheduler's own store", () => {
    const executors = [make(job, { transactional: memoryStore() }, () => undefined)];
    expectInvalid(() => new Scheduler({ store: memoryStore(), executors }), 'transactional of "job"');
  });
});

describe("options of a definition", () => {
  const define = (options: object): unknown => defineTask(options as never);

  it("a type that is none is refused", () => {
    for (const type of [undefined, null, "", 5, "x".repeat(201), "a\0", "\ud800"])
      expectInvalid(() => define({ type }), "type");
  });

  it("data that is no Standard Schema is refused", () => {
    for (const data of [{}, "string", () => true, { "~standard": {} }])
      expectInvalid(() => define({ type: "a", data }), "data");
  });

  it("a policy for duplicates that is none is refused", () => {
    for (const onDuplicate of ["ignore", 1])
      expectInvalid(() => define({ type: "a", onDuplicate }), "onDuplicate");
  });

  it("its policy of retries is checked", () => {
    for (const value of [...nonsense.filter((value) => value !== Number.POSITIVE_INFINITY), 0]) {
      expectInvalid(() => define({ type: "a", maxFailedAttempts: value }), "maxFailedAttempts");
      expectInvalid(() => define({ type: "a", retryForMs: value }), "retryForMs");
      expectInvalid(() => define({ type: "a", backoff: value }), "backoff");
    }
  });
});

describe("options of a backoff", () => {
  const strategies = { constant, linear, exponential, binaryExponential } as unknown as Record<
    string,
    (options: object) => unknown
  >;
  const good: Readonly<Record<string, number>> = { baseMs: 1, delayMs: 1, factor: 2 };

  it.each(["constant", "linear", "exponential", "binaryExponential"])("of %s are checked", (name) => {
    const strategy = strategies[name] as (options: object) => unknown;
    const own =
      {
        constant: ["delayMs"],
        linear: ["baseMs"],
        exponential: ["baseMs", "factor"],
        binaryExponential: ["baseMs"],
      }[name] ?? [];
    const needed = Object.fromEntries(own.map((option) => [option, good[option]]));
    for (const option of [...own, "maxDelayMs", "jitter"]) {
      for (const value of nonsense) {
        expectInvalid(() => strategy({ ...needed, [option]: value }), `backoff.${option}`);
      }
    }
    for (const option of own)
      expectInvalid(() => strategy({ ...needed, [option]: undefined }), `backoff.${option}`);
    expectInvalid(() => strategy({ ...needed, jitter: 1.01 }), "backoff.jitter");
    expectInvalid(() => strategy({ ...needed, jitter: "half" }), "backoff.jitter");
  });

  it("a factor below 1 is refused", () =>
    expectInvalid(() => exponential({ baseMs: 1, factor: 0.5 }), "backoff.factor"));

  it("the delay of a RetryAfterError is checked", () => {
    for (const delayMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, "5", null])
      expectInvalid(() => new RetryAfterError(delayMs as never), "delayMs");
  });
});

describe("options of a worker", () => {
  const variables = ["OWED_WORKER_CONCURRENCY", "OWED_WORKER_BATCH_SIZE", "OWED_WORKER_POLLING_INTERVAL_MS"];
  afterEach(() => {
    for (const variable of variables) delete process.env[variable];
  });

  it.each(["concurrency", "batchSize", "pollIntervalMs", "maxClaimBytes"])("%s is checked", (option) => {
    for (const value of [...nonsense, 0]) {
      expectInvalid(() => new World().scheduler().startWorker({ [option]: value } as never), option);
    }
  });

  it.each(variables)("the environment variable %s is checked, and named", (variable) => {
    for (const text of ["ten", "0", "-1", "1.5", "1e999", "NaN"]) {
      process.env[variable] = text;
      expectInvalid(() => new World().scheduler().startWorker(), variable);
    }
  });

  it("the environment counts, an option in code goes before it, and an empty variable is none", async () => {
    const limits = async (options: object): Promise<unknown> => {
      const world = new World();
      world.scheduler().startWorker(options);
      await world.ports.settle();
      const [request] = world
        .callsOf("claim")
        .flatMap(({ call }) => call as readonly { readonly limit: number }[]);
      return request?.limit;
    };
    process.env["OWED_WORKER_CONCURRENCY"] = "7";
    process.env["OWED_WORKER_BATCH_SIZE"] = " ";
    expect([await limits({}), await limits({ concurrency: 9 })]).toEqual([7, 9]);
    process.env["OWED_WORKER_BATCH_SIZE"] = "3";
    expect(await limits({})).toBe(3);
  });

  it("a worker without executors is refused, and nothing is started", async () => {
    const world = new World();
    const onlyEnqueues = world.scheduler({ executors: [] });
    expect(() => onlyEnqueues.startWorker()).toThrow(NoExecutorError);
    await world.ports.advance(10_000);
    expect([world.calls, world.ports.pendingTimers]).toEqual([[], 0]);
  });

  it.each([-1, Number.NaN, "5", null])("a graceMs of %j is refused", async (graceMs) => {
    const world = new World();
    const one = world.scheduler();
    await expect(one.stop({ graceMs } as never)).rejects.toMatchObject({ field: "graceMs" });
  });
});
