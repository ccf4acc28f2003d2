// Listeners of what begins: they may put a context around it and add headers, and they decide nothing.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { PermanentError } from "owed";
import { describe, expect, it } from "vitest";
import type { TelemetryEvents } from "../../src/telemetry/channels.ts";
import { job, World } from "./world.ts";

/** Listens on a channel while `work` runs. */
async function heard<Name extends keyof TelemetryEvents>(
  name: Name,
  listener: (event: TelemetryEvents[Name]) => void,
  work: () => Promise<unknown>,
): Promise<void> {
  const onEvent = (event: unknown): void => listener(event as TelemetryEvents[Name]); // the channel carries nothing else
  subscribe(`owed:${name}`, onEvent);
  try {
    await work();
  } finally {
    unsubscribe(`owed:${name}`, onEvent);
  }
}

type Around = Parameters<TelemetryEvents["attempt.start"]["within"]>[0];

describe("what a listener puts around an attempt", () => {
  it("surrounds the executor, the first listener's outermost", async () => {
    const world = new World();
    const story: string[] = [];
    const executors = [world.executor(job, () => void story.push("runs"))];
    const scheduler = await world.started({ executors });
    const around =
      (name: string): Around =>
      (run) => {
        story.push(`${name} begins`);
        run();
        story.push(`${name} ends`);
      };
    await heard(
      "attempt.start",
      ({ within }) => {
        within(around("outer"));
        within(around("inner"));
      },
      async () => await scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "a" })),
    );
    expect(story).toEqual(["outer begins", "inner begins", "runs", "inner ends", "outer ends"]);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it.each<[string, Around]>([
    ["runs nothing", () => undefined],
    [
      "throws before it runs",
      () => {
        throw new Error("broken");
      },
    ],
    [
      "throws after it ran",
      (run) => {
        run();
        throw new Error("broken");
      },
    ],
    [
      "runs it twice",
      (run) => {
        run();
        run();
      },
    ],
    ["runs it later", (run) => void Promise.resolve().then(run)],
  ])("that %s: the executor runs once all the same, and its end counts", async (_, around) => {
    const world = new World();
    const fail = (): never => {
      throw new PermanentError("gone");
    };
    const executors = [world.executor(job, ({ taskId }) => (taskId === "fails" ? fail() : undefined))];
    const scheduler = await world.started({ executors });
    await heard(
      "attempt.start",
      ({ within }) => within(around),
      async () => {
        for (const taskId of ["succeeds", "fails"])
          await scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId }));
      },
    );
    expect(world.runs.map(({ taskId }) => taskId)).toEqual(["succeeds", "fails"]);
    expect([await world.stateOf("succeeds"), await world.stateOf("fails")]).toEqual(["confirmed", "failed"]);
  });
});

describe("headers that a listener adds to what is enqueued", () => {
  const enqueued = async (
    added: Readonly<Record<string, unknown>>,
    own?: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, string>> | null | undefined> => {
    const world = new World();
    const scheduler = await world.started();
    await heard(
      "enqueue.start",
      ({ addHeaders }) => addHeaders(added as Readonly<Record<string, string>>),
      async () => await world.enqueue(scheduler, { taskId: "a", headers: own }),
    );
    return (await scheduler.get("a"))?.headers;
  };

  it("stand beside the caller's own", async () => {
    expect(await enqueued({ traceparent: "x" })).toEqual({ traceparent: "x" });
    expect(await enqueued({ traceparent: "x", tracestate: "y" }, { tenant: "t" })).toEqual({
      tenant: "t",
      traceparent: "x",
      tracestate: "y",
    });
  });

  it("leave the caller's own alone: of one that stands, none is added", async () => {
    expect(await enqueued({ traceparent: "x", tracestate: "y" }, { traceparent: "mine" })).toEqual({
      traceparent: "mine",
    });
  });

  it("are left out where there is no room, the last ones first", async () => {
    const own = { tenant: "t".repeat(4_000) };
    expect(await enqueued({ traceparent: "x".repeat(55), tracestate: "y".repeat(100) }, own)).toEqual({
      ...own,
      traceparent: "x".repeat(55),
    });
    const full = { tenant: "t".repeat(4_085) };
    expect(await enqueued({ traceparent: "x".repeat(55) }, full)).toEqual(full);
  });

  it.each([
    [{ traceparent: 7 }],
    [{ traceparent: "a\0b" }],
    [{ traceparent: "\ud800" }],
    [{ "": "x" }],
    [null],
  ])("of a kind that cannot be kept are not: %j", async (added) => {
    expect(await enqueued(added as Readonly<Record<string, unknown>>, { tenant: "t" })).toEqual({
      tenant: "t",
    });
  });

  it("reach the executor of a task that is born claimed", async () => {
    const world = new World();
    const seen: unknown[] = [];
    const executors = [world.executor(job, ({ headers }) => void seen.push(headers))];
    const scheduler = await world.started({ executors });
    await heard(
      "enqueue.start",
      ({ addHeaders }) => addHeaders({ traceparent: "x" }),
      async () => await scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "a" })),
    );
    expect(seen).toEqual([{ traceparent: "x" }]);
  });
});

describe("a statement that enqueues", () => {
  it("tells its end: what is new by type, what stood already, or why it failed", async () => {
    const world = new World();
    const scheduler = await world.started();
    const ends: TelemetryEvents["enqueue.end"][] = [];
    await heard(
      "enqueue.end",
      (event) => void ends.push(event),
      async () => {
        await world.enqueue(scheduler, { taskId: "a" });
        await world.enqueue(scheduler, { taskId: "a" });
        await expect(world.enqueue(scheduler, { taskId: "a" }, { other: "data" })).rejects.toThrow("stands");
      },
    );
    expect(ends.map(({ created, existing, error }) => [[...created], existing, error?.code ?? null])).toEqual(
      [
        [[["job", 1]], 0, null],
        [[], 1, null],
        [[], 0, "OWED_TASK_CONFLICT"],
      ],
    );
    expect(ends.map(({ birth }) => birth !== null)).toEqual([true, false, false]);
  });
});
