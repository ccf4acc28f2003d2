// Operations of people who are named: on record with the change or not at all, told as events, and checked before.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { InvalidInputError, type OperatorOptions, TaskNotFoundError, TaskStateError } from "owed";
import { describe, expect, it } from "vitest";
import { World } from "./world.ts";

const by = { actor: "ann", reason: "asked for" };

async function eventsOf(name: string, work: () => Promise<unknown>): Promise<unknown[]> {
  const told: unknown[] = [];
  const note = (message: unknown): void => void told.push(message);
  subscribe(`owed:${name}`, note);
  try {
    await work();
  } finally {
    unsubscribe(`owed:${name}`, note);
  }
  return told;
}

describe("an operation of a person who is named", () => {
  it("is on record, and told, with who and why", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    await world.leave(["task"]);
    const told = await eventsOf("operator.acted", async () => {
      await scheduler.cancel("task", { by, generation: 1 });
      await scheduler.redrive("task", { by: { actor: "bob", via: "console" } });
      await expect(scheduler.delete("task", { by })).rejects.toThrow(TaskStateError);
      await expect(scheduler.erase("nothing", { by })).rejects.toThrow(TaskNotFoundError);
    });
    const ann = { actor: "ann", via: "application", reason: "asked for" };
    const job = { type: "job", referenceId: null };
    const unknown = { type: null, referenceId: null };
    expect(told).toEqual([
      { ...ann, ...job, action: "cancel", taskId: "task", generation: 1, state: "pending", outcome: "done" },
      {
        actor: "bob",
        via: "console",
        reason: null,
        ...job,
        action: "redrive",
        taskId: "task",
        generation: null,
        state: null,
        outcome: "done",
      },
      {
        ...ann,
        ...job,
        action: "delete",
        taskId: "task",
        generation: null,
        state: "pending",
        outcome: "pending",
      },
      {
        ...ann,
        ...unknown,
        action: "erase",
        taskId: "nothing",
        generation: null,
        state: null,
        outcome: "gone",
      },
    ]);
    const { acts } = await world.inner.acts({ limit: 10 });
    expect(acts.map(({ actor, via, action, outcome }) => [actor, via, action, outcome]).reverse()).toEqual([
      ["ann", "application", "cancel", "done"],
      ["bob", "console", "redrive", "done"],
      ["ann", "application", "delete", "pending"],
      ["ann", "application", "erase", "gone"],
    ]);
  });

  it("is neither when nobody is named", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    await world.leave(["task"]);
    expect(await eventsOf("operator.acted", () => scheduler.cancel("task"))).toEqual([]);
    expect((await world.inner.acts({ limit: 10 })).acts).toEqual([]);
  });

  it.each([
    ["nobody", { by: {} }],
    ["an empty name", { by: { actor: "" } }],
    ["a name without end", { by: { actor: "x".repeat(201) } }],
    ["a name with NUL", { by: { actor: "a\0b" } }],
    ["a reason that is no text", { by: { actor: "ann", reason: 7 } }],
    ["another word", { by: { actor: "ann", because: "x" } }],
    ["a text alone", { by: "ann" }],
  ])("is refused before anything happens for %s", async (_, options) => {
    const world = new World();
    await world.leave(["task"]);
    const refused = world.scheduler().cancel("task", options as OperatorOptions);
    await expect(refused).rejects.toThrow(InvalidInputError);
    expect([await world.stateOf("task"), world.callsOf("cancel")]).toEqual(["pending", []]);
  });
});

it("a failed or cancelled task is deleted, and told", async () => {
  const world = new World();
  const scheduler = world.scheduler();
  await world.leave(["task"]);
  await expect(scheduler.delete("task")).rejects.toThrow("only a failed or cancelled task can be deleted");
  await scheduler.cancel("task");
  expect(await eventsOf("task.deleted", () => scheduler.delete("task"))).toEqual([
    { taskId: "task", type: "job", referenceId: null },
  ]);
  expect(await world.stateOf("task")).toBe("gone");
});
