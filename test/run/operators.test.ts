// What people do to tasks while the engine works on them.
import { TaskNotFoundError, TaskStateError } from "owed";
import { describe, expect, it } from "vitest";

import { gate, ids, job, World } from "./world.ts";

async function story(world: World, taskId: string): Promise<readonly string[]> {
  const task = await world.inner.get(taskId);
  return (
    task?.attempts.map(({ outcome, accepted }) => `${outcome}${accepted ? "" : ", changed nothing"}`) ?? []
  );
}

describe("a task that is cancelled", () => {
  it("is not executed any more", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    await world.leave(["a"]);
    await scheduler.cancel("a");
    scheduler.startWorker();
    await world.ports.advance(5_000);
    expect([world.runs, await world.stateOf("a")]).toEqual([[], "cancelled"]);
  });

  it.each([
    ["success", undefined, ["late-success, changed nothing"]],
    ["failure", new Error("no"), ["failed, changed nothing"]],
  ])("during an attempt stays cancelled; the attempt's %s is recorded", async (_, thrown, expected) => {
    const world = new World();
    const ends = gate();
    const behave = async (): Promise<void> => {
      await ends.opened;
      if (thrown !== undefined) throw thrown;
    };
    const scheduler = await world.started({ executors: [world.executor(job, behave)] });
    const answers = scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "a" }));
    await world.ports.settle();
    await scheduler.cancel("a");
    ends.open();
    expect(await answers).toEqual(["cancelled"]);
    expect([await world.stateOf("a"), await story(world, "a"), await world.liveClaims(scheduler)]).toEqual([
      "cancelled",
      expected,
      0,
    ]);
  });
});

describe("a task that is redriven", () => {
  it("has all its attempts ahead of it, as a new generation (G14)", async () => {
    const world = new World();
    let isMended = false;
    const behave = (): void => {
      if (!isMended) throw new Error("no");
    };
    const scheduler = world.scheduler({ executors: [world.executor(job, behave)], maxFailedAttempts: 1 });
    scheduler.startWorker();
    await world.leave(["a"]);
    await world.ports.advance(2_000);
    isMended = true;
    await scheduler.redrive("a");
    await world.ports.advance(2_000);
    expect(await world.inner.get("a")).toMatchObject({
      state: "confirmed",
      generation: 2,
      failedAttempts: 0,
    });
    expect(world.runs.map(({ generation, attempt }) => [generation, attempt])).toEqual([
      [1, 1],
      [2, 1],
    ]);
  });

  it("while its old run is alive is not confirmed, nor failed, by that (H38)", async () => {
    for (const succeeds of [true, false]) {
      const world = new World();
      const [oldEnds, newEnds] = [gate(), gate()];
      const behave = async ({ generation }: { readonly generation: number }): Promise<void> => {
        await (generation === 1 ? oldEnds : newEnds).opened;
        if (generation === 1 && !succeeds) throw new Error("late");
      };
      const scheduler = world.scheduler({ executors: [world.executor(job, behave)], maxFailedAttempts: 1 });
      scheduler.startWorker();
      await world.leave(["a"]);
      await world.ports.advance(1_000);
      await scheduler.cancel("a");
      await scheduler.redrive("a");
      await world.ports.advance(2_000);
      expect(world.runs.map(({ generation }) => generation)).toEqual([1, 2]);
      oldEnds.open();
      await world.ports.settle();
      expect(await world.inner.get("a")).toMatchObject({
        state: "pending",
        generation: 2,
        failedAttempts: 0,
      });
      newEnds.open();
      await world.ports.settle();
      expect(await world.inner.get("a")).toMatchObject({ state: "confirmed", generation: 2 });
    }
  });

  it("after its attempt timed out is not confirmed by the zombie of its old generation (H38, H2)", async () => {
    const world = new World();
    const behave = ({ generation }: { readonly generation: number }): Promise<void> =>
      generation === 1 ? world.sleep(10_000) : world.sleep(60_000);
    const executors = [world.executor(job, behave, { timeoutMs: 1_000 })];
    const scheduler = world.scheduler({ executors, maxFailedAttempts: 1 });
    scheduler.startWorker();
    await world.leave(["a"]);
    await world.ports.advance(3_000);
    expect(await world.stateOf("a")).toBe("failed");
    await scheduler.redrive("a");
    await world.ports.advance(8_000);
    expect(await world.inner.get("a")).toMatchObject({ state: "failed", generation: 2 });
    expect(await story(world, "a")).toEqual(["failed", "failed", "late-success, changed nothing"]);
  });
});

describe("an operation that cannot be done", () => {
  it("says so with a typed error that names the task, its state and what to do", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.leave(["pending"]);
    await scheduler.tryExecuteNow(await world.enqueue(scheduler, { taskId: "confirmed" }));
    for (const operation of ["cancel", "redrive", "erase"] as const) {
      await expect(scheduler[operation]("gone")).rejects.toBeInstanceOf(TaskNotFoundError);
    }
    const refused = [
      scheduler.cancel("confirmed"),
      scheduler.redrive("confirmed"),
      scheduler.redrive("pending"),
      scheduler.erase("pending"),
    ];
    for (const result of await Promise.allSettled(refused)) {
      const { reason } = result as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(TaskStateError);
      expect((reason as Error).message).toMatch(
        /^cannot .* task "(confirmed|pending)", it is (confirmed|pending): /,
      );
    }
  });
});

describe("a task whose data was erased", () => {
  it("is not redriven, and the error says why", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.leave(["a"]);
    await scheduler.cancel("a");
    await scheduler.erase("a");
    await expect(scheduler.redrive("a")).rejects.toThrow(
      'cannot redrive task "a", it is cancelled: its data was erased, so enqueue the work anew under another taskId',
    );
  });
});

describe("what operators read", () => {
  it("stats are asked of the store once a second at most", async () => {
    const world = new World();
    const scheduler = await world.started();
    await world.leave(ids("a", 3));
    for (let call = 0; call < 10; call += 1) expect((await scheduler.stats()).pending).toBe(3);
    expect(world.callsOf("statistics").length).toBe(1);
    await world.ports.advance(1_000);
    await scheduler.stats();
    expect(world.callsOf("statistics").length).toBe(2);
  });

  it("stats tell what runs here, by path, and how long the oldest has been due", async () => {
    const world = new World();
    const ends = gate();
    const scheduler = await world.started({ executors: [world.executor(job, () => ends.opened)] });
    scheduler.startWorker();
    await world.leave(["a"]);
    await scheduler.transaction((tx) => tx.enqueue(job, {}));
    await world.ports.advance(5_000);
    expect(await scheduler.stats()).toMatchObject({
      pending: 2,
      running: { worker: 1, fastPath: 1 },
      zombies: 0,
      oldestDueAgeMs: 5_000,
      processes: 1,
    });
  });

  it("list pages through tasks, oldest first, and takes a cursor only of its own", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    await world.leave(ids("a", 5));
    const page = await scheduler.list({ state: "pending", limit: 3 });
    expect(page.tasks.map(({ taskId }) => taskId)).toEqual(ids("a", 3));
    const rest = await scheduler.list({ state: "pending", limit: 3, cursor: page.nextCursor ?? undefined });
    expect([rest.tasks.map(({ taskId }) => taskId), rest.nextCursor]).toEqual([["a-3", "a-4"], null]);
    await expect(scheduler.list({ state: "pending", cursor: "x" })).rejects.toMatchObject({
      code: "OWED_INVALID_INPUT",
      field: "cursor",
    });
    await expect(scheduler.list({ state: "pending", limit: 0 })).rejects.toMatchObject({
      code: "OWED_INVALID_INPUT",
      field: "limit",
    });
  });

  it.each(["", "running", "__proto__", undefined, 5])(
    "a state that is none (%j) is refused, and named",
    async (state) => {
      const scheduler = new World().scheduler();
      const refused = { code: "OWED_INVALID_INPUT", field: "state" };
      await expect((async () => scheduler.list({ state: state as never }))()).rejects.toMatchObject(refused);
      await expect((async () => scheduler.count(state as never))()).rejects.toMatchObject(refused);
    },
  );

  it("confirmed tasks are pruned after their retention, beside the work; nothing else is (G14, H34)", async () => {
    const world = new World();
    const behave = ({ taskId }: { readonly taskId: string }): void => {
      if (taskId === "fails") throw new Error("no");
    };
    const executors = [world.executor(job, behave)];
    const scheduler = world.scheduler({
      executors,
      maxFailedAttempts: 1,
      retentionMs: 600_000,
      fastPath: "off",
    });
    scheduler.startWorker();
    await world.leave([...ids("a", 600), "fails"]);
    await world.enqueue(scheduler, { taskId: "waits", delayMs: 3_600_000 });
    await world.ports.advance(590_000);
    expect(await world.balance()).toEqual({ pending: 1, confirmed: 600, failed: 1 });
    await world.ports.advance(120_000);
    expect(await world.balance()).toEqual({ pending: 1, confirmed: 0, failed: 1 });
  });
});

describe("an operation with the generation that was seen", () => {
  it("is refused when the task has been redriven since, and says so", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    await world.leave(["a"]);
    await scheduler.cancel("a", { generation: 1 });
    await scheduler.redrive("a", { generation: 1 });
    await expect(scheduler.cancel("a", { generation: 1 })).rejects.toThrow(/may have left generation 1/);
    expect(await world.stateOf("a")).toBe("pending");
    await scheduler.cancel("a", { generation: 2 });
    for (const action of ["redrive", "erase"] as const)
      await expect(scheduler[action]("a", { generation: 1 })).rejects.toThrow(TaskStateError);
    expect((await world.inner.get("a"))?.data).not.toBeNull();
    await scheduler.erase("a", { generation: 2 });
    expect((await world.inner.get("a"))?.data).toBeNull();
  });

  it("takes a generation and nothing else", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    await world.leave(["a"]);
    for (const generation of [0, 1.5, Number.NaN])
      await expect(scheduler.cancel("a", { generation })).rejects.toThrow("generation");
    const misspelt: object = { generaton: 1 };
    for (const action of ["cancel", "redrive", "erase"] as const)
      await expect(scheduler[action]("a", misspelt)).rejects.toThrow("did you mean generation?");
    expect(await world.stateOf("a")).toBe("pending");
  });
});
