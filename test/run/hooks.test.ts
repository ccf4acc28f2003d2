// What the application is told: after the commit that makes it true, and whatever the application does with it.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { type Logger, PermanentError, RetryAfterError, type SettledTask, StoreRefusedError } from "owed";
import { describe, expect, it } from "vitest";

import { first, unavailable } from "./faulty-store.ts";
import { ids, job, World } from "./world.ts";

const misbehaviours: readonly [string, () => unknown][] = [
  [
    "throws",
    () => {
      throw new Error("the metrics server is down");
    },
  ],
  ["rejects", () => Promise.reject(new Error("the metrics server is down"))],
  [
    "answers a thenable that rejects",
    () =>
      // oxlint-disable-next-line unicorn/no-thenable -- that is the test
      Object.fromEntries([["then", (_: unknown, reject: (error: Error) => void) => reject(new Error("no"))]]),
  ],
  ["never settles", () => new Promise(() => undefined)],
  [
    "throws undefined",
    () => {
      throw undefined; // eslint-disable-line typescript/only-throw-error -- that is the test
    },
  ],
];

describe("a hook", () => {
  it("is called once its task stands where it says, in the committed state (G18)", async () => {
    const world = new World();
    const seen: Promise<string>[] = [];
    const note = (task: SettledTask): void => {
      seen.push(
        world
          .stateOf(task.taskId)
          .then((state) => `${task.taskId} ${task.type} ${task.referenceId} is ${state}`),
      );
    };
    const behave = ({ taskId }: { readonly taskId: string }): void => {
      if (taskId === "b") throw new PermanentError("gone");
    };
    const executors = [world.executor(job, behave)];
    const scheduler = await world.started({ executors, onConfirmed: note, onFailed: note });
    await scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "a", referenceId: "order 1" }));
    await scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "b" }));
    expect(await Promise.all(seen)).toEqual(["a job order 1 is confirmed", "b job null is failed"]);
  });

  it("is not called before the outcome could be written (G18)", async () => {
    const world = new World();
    const confirmed: string[] = [];
    const scheduler = await world.started({ onConfirmed: ({ taskId }) => confirmed.push(taskId) });
    world.fault("settle", first(3, unavailable));
    const answers = scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "a" }));
    await world.ports.advance(250);
    expect([world.runs.length, confirmed]).toEqual([1, []]);
    await world.ports.until(answers);
    expect(confirmed).toEqual(["a"]);
  });

  it("onFailed tells why", async () => {
    const world = new World();
    const told: unknown[] = [];
    const executors = [world.executor(job, () => Promise.reject(new RangeError("too far")))];
    const scheduler = await world.started({
      executors,
      maxFailedAttempts: 1,
      onFailed: (task) => told.push(task),
    });
    await scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "a" }));
    expect(told).toMatchObject([
      { taskId: "a", reason: "attempts-exhausted", error: { name: "RangeError", message: "too far" } },
    ]);
  });

  it("is not called for what changes nothing: a retry, a deferral, a late failure, a cancelled task", async () => {
    const world = new World();
    const told: string[] = [];
    const behave = async ({ taskId }: { readonly taskId: string }): Promise<void> => {
      await world.sleep(100);
      if (taskId === "retries") throw new Error("no");
      if (taskId === "defers") throw new RetryAfterError(1_000_000);
    };
    const scheduler = await world.started({
      executors: [world.executor(job, behave)],
      onConfirmed: ({ taskId }) => told.push(taskId),
      onFailed: ({ taskId }) => told.push(taskId),
    });
    const { receipts } = await scheduler.transaction((tx) =>
      tx.enqueueAll(
        job,
        ["retries", "defers", "cancelled"].map((taskId) => ({ taskId, data: {} })),
      ),
    );
    await world.ports.settle();
    await scheduler.cancel("cancelled");
    expect(await world.ports.until(scheduler.tryExecuteNow(receipts))).toEqual([
      "retrying",
      "deferred",
      "cancelled",
    ]);
    expect(told).toEqual([]);
  });

  it.each(misbehaviours)("that %s harms neither its task nor others (F18, G20)", async (_, misbehave) => {
    const world = new World();
    const behave = ({ taskId }: { readonly taskId: string }): void => {
      if (taskId === "a-0") throw new PermanentError("gone");
    };
    const executors = [world.executor(job, behave)];
    await world.leave(ids("a", 20));
    world
      .scheduler({ executors, onConfirmed: misbehave, onFailed: misbehave })
      .startWorker({ concurrency: 3 });
    await world.ports.advance(5_000);
    expect(await world.balance()).toEqual({ pending: 0, confirmed: 19, failed: 1 });
  });
});

describe("a logger", () => {
  it("that throws decides nothing (F18, G20)", async () => {
    const world = new World();
    const throws = (): never => {
      throw new Error("the log is full");
    };
    const logger: Logger = { debug: throws, info: throws, warn: throws, error: throws };
    const executors = [world.executor(job, () => Promise.reject(new PermanentError("gone")))];
    await world.leave(["a"]);
    const scheduler = world.scheduler({ executors, logger });
    scheduler.startWorker();
    await world.ports.advance(1_000);
    world.fault("claim", first(2, unavailable));
    await world.ports.advance(5_000);
    await world.ports.until(scheduler.stop());
    expect(await world.stateOf("a")).toBe("failed");
  });

  it("keeps its this, and is told loudly of a task that failed, and never of its data (L5)", async () => {
    const world = new World();
    class Pino {
      readonly lines: string[] = [];
      debug(details: object, message: string): void {
        this.lines.push(`debug ${message} ${JSON.stringify(details)}`);
      }
      info(details: object, message: string): void {
        this.lines.push(`info ${message} ${JSON.stringify(details)}`);
      }
      warn(details: object, message: string): void {
        this.lines.push(`warn ${message} ${JSON.stringify(details)}`);
      }
      error(details: object, message: string): void {
        this.lines.push(`error ${message} ${JSON.stringify(details)}`);
      }
    }
    const logger = new Pino();
    const executors = [world.executor(job, () => Promise.reject(new PermanentError("gone")))];
    const scheduler = await world.started({ executors, logger });
    const receipt = await world.enqueue(scheduler, { taskId: "a" }, { card: "4111 1111 1111 1111" });
    await scheduler.tryExecuteNow(receipt);
    expect(logger.lines.filter((line) => line.startsWith("error a task ended as failed"))).toHaveLength(1);
    expect(logger.lines.join("\n")).not.toContain("4111");
  });

  it.each([
    ["a task that failed", "a task ended as failed", {}],
    [
      "a hook that threw",
      "a hook threw",
      {
        onFailed: () => {
          throw new Error("the pager is down");
        },
      },
    ],
  ])("names the task and its attempt, and not its headers: %s", async (_, message, hooks) => {
    const world = new World();
    const details: object[] = [];
    const log = (entry: object, text: string): void => void (text.startsWith(message) && details.push(entry));
    const logger = { debug: log, info: log, warn: log, error: log };
    const executors = [world.executor(job, () => Promise.reject(new PermanentError("gone")))];
    const scheduler = await world.started({ executors, logger, ...hooks });
    const options = { taskId: "a", referenceId: "order-1", headers: { tenant: "hush" } };
    await scheduler.tryExecuteNow(await world.enqueue(scheduler, options));
    expect(details).toHaveLength(1);
    expect(details[0]).toMatchObject({ taskId: "a", type: "job", referenceId: "order-1", attempt: 1 });
    expect(JSON.stringify(details)).not.toContain("hush");
  });
});

describe("the channels of telemetry", () => {
  it("tell the story of a task, and never its data (L5)", async () => {
    const world = new World();
    const story: string[] = [];
    const names = ["enqueue.done", "attempt.start", "attempt.end", "task.settled", "task.failed"];
    const listen = (message: unknown, name: string | symbol): void => {
      story.push(`${String(name)} ${JSON.stringify(message)}`);
    };
    for (const name of names) subscribe(`owed:${name}`, listen);
    try {
      const executors = [world.executor(job, () => Promise.reject(new PermanentError("gone")))];
      const scheduler = await world.started({ executors });
      await scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "a" }, { secret: "hush" }));
    } finally {
      for (const name of names) unsubscribe(`owed:${name}`, listen);
    }
    expect(story.map((line) => line.split(" ")[0])).toEqual(names.map((name) => `owed:${name}`));
    expect(story.join("\n")).not.toContain("hush");
    expect(JSON.parse(story[1]?.slice("owed:attempt.start ".length) ?? "")).toMatchObject({
      taskId: "a",
      type: "job",
      attempt: 1,
      generation: 1,
      path: "fast",
    });
  });

  it.each([
    ["cannot be reached", unavailable],
    ["keeps the row locked", async () => [{ verdict: "busy", state: "pending" }]],
    ["refuses even plain values", () => Promise.reject(new StoreRefusedError("no"))],
  ])(
    "tell nothing about an outcome that was not written when the scheduler stopped: the database %s",
    async (_, fault) => {
      const world = new World();
      const told: unknown[] = [];
      const listen = (message: unknown): void => void told.push(message);
      const behave = ({ taskId }: { readonly taskId: string }): void => {
        if (taskId === "b") throw new PermanentError("gone");
      };
      subscribe("owed:task.settled", listen);
      subscribe("owed:task.failed", listen);
      try {
        const executors = [world.executor(job, behave)];
        const hook = (task: SettledTask): void => void told.push(task);
        const scheduler = await world.started({ executors, onConfirmed: hook, onFailed: hook });
        const { receipts } = await scheduler.transaction(async (tx) => {
          world.fault("settle", fault);
          await tx.enqueue(job, {}, { taskId: "a" });
          await tx.enqueue(job, {}, { taskId: "b" });
        });
        const answers = scheduler.tryExecuteNow(receipts);
        await world.ports.until(scheduler.stop({ graceMs: 0 }));
        expect([await world.ports.until(answers), world.runs.length]).toEqual([["lost", "lost"], 2]);
      } finally {
        unsubscribe("owed:task.settled", listen);
        unsubscribe("owed:task.failed", listen);
      }
      expect([told, await world.balance()]).toEqual([[], { pending: 2, confirmed: 0, failed: 0 }]);
    },
  );
});
