// What operators do, and what the engine deletes, is told on diagnostics_channel, once the store has answered.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { PermanentError } from "owed";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { answerLost, unavailable } from "./faulty-store.ts";
import { ids, job, World } from "./world.ts";

const names = ["task.cancelled", "task.redriven", "task.erased", "prune.done", "process.removed"] as const;

let told: (readonly [name: string, message: unknown])[];
const note = (message: unknown, channel: string | symbol): void => {
  told.push([String(channel), message]);
};

beforeEach(() => {
  told = [];
  for (const name of names) subscribe(`owed:${name}`, note);
});
afterEach(() => {
  for (const name of names) unsubscribe(`owed:${name}`, note);
});

describe("an operator's action", () => {
  it("is told once it is done: cancel, redrive, erase", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    await world.leave(["a"]);
    await scheduler.cancel("a");
    expect(told).toEqual([["owed:task.cancelled", { taskId: "a", type: "job", referenceId: null }]]);
    await scheduler.redrive("a");
    await scheduler.cancel("a");
    await scheduler.erase("a");
    expect(told.slice(1).map(([name]) => name)).toEqual([
      "owed:task.redriven",
      "owed:task.cancelled",
      "owed:task.erased",
    ]);
  });

  it("is logged, so that it can be found later", async () => {
    const world = new World();
    const lines: string[] = [];
    const log = (level: string) => (details: object, message: string) => {
      lines.push(`${level} ${message} ${JSON.stringify(details)}`);
    };
    const logger = { debug: log("debug"), info: log("info"), warn: log("warn"), error: log("error") };
    const scheduler = world.scheduler({ logger });
    await world.enqueue(scheduler, { taskId: "a", referenceId: "order-1", headers: { tenant: "t" } });
    await scheduler.cancel("a");
    const named = '"taskId":"a","type":"job","referenceId":"order-1"';
    expect(lines).toEqual([`info a task was cancelled {"event":"task.cancelled",${named}}`]);
  });

  it("is told also when its task cannot be read any more", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    await world.leave(["a"]);
    world.fault("get", unavailable);
    await scheduler.cancel("a");
    expect(told).toEqual([["owed:task.cancelled", { taskId: "a", type: null, referenceId: null }]]);
  });

  it("that is refused is not told", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    await world.leave(["a"]);
    for (const action of ["redrive", "erase"] as const)
      await expect(scheduler[action]("a")).rejects.toThrow("pending");
    await expect(scheduler.cancel("b")).rejects.toThrow("is kept");
    expect(told).toEqual([]);
  });

  it("that was not answered is not told, whether it was done or not", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    await world.leave(["a", "b"]);
    world.fault("cancel", unavailable);
    await expect(scheduler.cancel("a")).rejects.toThrow("no connection");
    world.fault("cancel", answerLost);
    await expect(scheduler.cancel("b")).rejects.toThrow("lost");
    expect([told, await world.stateOf("a"), await world.stateOf("b")]).toEqual([[], "pending", "cancelled"]);
  });
});

describe("the engine", () => {
  it("tells how many tasks each deletion after the retention took, and nothing when there were none", async () => {
    const world = new World();
    const behave = ({ taskId }: { readonly taskId: string }): void => {
      if (taskId === "fails") throw new PermanentError("no");
    };
    const executors = [world.executor(job, behave)];
    world.scheduler({ executors, retentionMs: 600_000 }).startWorker();
    await world.leave([...ids("a", 600), "fails"]);
    await world.ports.advance(590_000);
    expect(told).toEqual([]);
    await world.ports.advance(120_000);
    expect(told).toEqual([
      ["owed:prune.done", { tasks: 500 }],
      ["owed:prune.done", { tasks: 100 }],
    ]);
  });

  it("tells that it took its process out of the registry, and not when the store did not answer", async () => {
    const world = new World();
    const scheduler = await world.started();
    const [{ call } = { call: [] }] = world.callsOf("register");
    const { owner } = call[0] as { readonly owner: string };
    await world.ports.until(scheduler.stop());
    expect(told).toEqual([["owed:process.removed", { owner }]]);
    const other = await world.started();
    world.fault("removeProcess", answerLost);
    await world.ports.until(other.stop());
    expect(told.length).toBe(1);
  });
});
