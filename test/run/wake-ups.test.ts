// Wake-ups across processes: who announces what, who hears it, and how polling takes over wherever that fails.
import { defineTask, type Logger, PermanentError } from "owed";
import { describe, expect, it } from "vitest";

import { Switchboard } from "./switchboard.ts";
import { ids, job, type MemoryScheduler, World } from "./world.ts";

const other = defineTask<unknown>({ type: "other" });
const POLL_MS = 3_600_000;

/** A world with a switchboard, and a log of what is said of wake-ups. */
function scene() {
  const board = new Switchboard();
  const world = new World({ wakeUps: board });
  const said: string[] = [];
  const note = (details: object): void => {
    const event = (details as { event?: string }).event ?? "";
    if (event.startsWith("wake-ups.")) said.push(event);
  };
  const logger: Logger = { debug: note, info: note, warn: note, error: note };
  const elsewhere = async (): Promise<MemoryScheduler> => await world.started({ executors: [] });
  return { board, world, said, logger, elsewhere };
}

/** A worker that polls once an hour, and has come to rest. */
async function sleepyWorker({ world, logger }: ReturnType<typeof scene>): Promise<MemoryScheduler> {
  const scheduler = await world.started({ logger, fastPath: "off" });
  scheduler.startWorker({ pollIntervalMs: POLL_MS });
  await world.ports.advance(2 * POLL_MS + 1);
  return scheduler;
}

describe("a worker that listens", () => {
  it("starts at once what a process without executors enqueues", async () => {
    const one = scene();
    await sleepyWorker(one);
    const client = await one.elsewhere();
    await client.transaction((tx) => tx.enqueue(job, {}, { taskId: "a" }));
    await one.world.ports.advance(1);
    expect(one.world.startedIds).toEqual(["a"]);
  });

  it("looks once for each wake-up, and then polls as before", async () => {
    const { world, board, ...rest } = scene();
    await sleepyWorker({ world, board, ...rest });
    const before = world.callsOf("claim").length;
    await board.announce();
    await world.ports.advance(POLL_MS / 2);
    expect(world.callsOf("claim").length - before).toBe(1);
  });

  it("tests itself every ten seconds while it hears nothing, and not while it does", async () => {
    const one = scene();
    await sleepyWorker(one);
    const before = one.board.probes;
    await one.world.ports.advance(60_000);
    expect(one.board.probes - before).toBe(6);
    for (let second = 0; second < 60; second += 1) {
      await one.board.announce();
      await one.world.ports.advance(1_000);
    }
    expect(one.board.probes - before).toBeLessThanOrEqual(7);
  });

  it("says once that its connection is lost, tries again ever more rarely, and looks for what it missed (F30)", async () => {
    const one = scene();
    const { board, world, said } = one;
    await sleepyWorker(one);
    expect(said).toEqual(["wake-ups.on"]);
    board.standing = "refusing";
    const triesBefore = board.tries;
    board.cut();
    await world.leave(["missed"]);
    await world.ports.advance(600_000);
    expect(said).toEqual(["wake-ups.on", "wake-ups.lost"]);
    expect(board.tries - triesBefore).toBeLessThanOrEqual(16); // 1 s, 2 s, 4 s ... a minute
    expect(board.tries - triesBefore).toBeGreaterThanOrEqual(10);
    expect(world.runs).toEqual([]);
    board.standing = "open";
    await world.ports.advance(61_000);
    expect(said).toEqual(["wake-ups.on", "wake-ups.lost", "wake-ups.on"]);
    expect(world.startedIds).toEqual(["missed"]);
    board.cut();
    await world.ports.advance(1_100); // one that had worked is tried again soon
    expect(said.slice(3)).toEqual(["wake-ups.lost", "wake-ups.on"]);
  });

  it("notices within 15 s that nothing comes through any more (F31)", async () => {
    const one = scene();
    await sleepyWorker(one);
    one.board.isSilent = true;
    await one.world.ports.advance(15_000);
    expect(one.said).toEqual(["wake-ups.on", "wake-ups.lost"]);
    one.board.isSilent = false;
    await one.world.ports.advance(10_000); // the try that was under way, and the next
    expect(one.said).toEqual(["wake-ups.on", "wake-ups.lost", "wake-ups.on"]);
    expect(one.board.listeners.size).toBe(1);
  });

  it.each([
    ["the store says that sessions are shared", (board: Switchboard) => void (board.standing = "shared")],
    ["it does not hear itself", (board: Switchboard) => void (board.isSilent = true)],
  ])("gives way to polling for good when, at its start, %s (F33)", async (_, spoil) => {
    const { board, world, said, logger } = scene();
    spoil(board);
    const scheduler = await world.started({ logger, fastPath: "off" });
    scheduler.startWorker({ pollIntervalMs: 1_000 });
    await world.ports.advance(POLL_MS);
    expect([said, board.tries, board.listeners.size]).toEqual([["wake-ups.off"], 1, 0]);
    await world.leave(["polled"]);
    await world.ports.advance(1_100);
    expect(world.startedIds).toEqual(["polled"]);
  });

  it.each(["open", "mute", "refusing"] as const)(
    "closes its connection when it stops, one that is %s",
    async (standing) => {
      const { board, world, logger } = scene();
      board.standing = standing;
      const scheduler = await world.started({ logger });
      scheduler.startWorker();
      await world.ports.advance(5_000);
      expect(board.listeners.size).toBe(standing === "refusing" ? 0 : 1);
      await world.ports.until(scheduler.stop());
      expect(board.listeners.size).toBe(0);
      const { tries } = board;
      await world.ports.advance(POLL_MS);
      expect([board.tries, world.ports.pendingTimers]).toEqual([tries, 0]);
    },
  );

  it("listens again when a worker is started again", async () => {
    const { board, world, logger, said } = scene();
    const scheduler = await world.started({ logger });
    await world.ports.until(scheduler.startWorker().stop());
    expect(board.listeners.size).toBe(0);
    scheduler.startWorker();
    await world.ports.advance(10);
    expect([board.listeners.size, said.at(-1)]).toEqual([1, "wake-ups.on"]);
  });
});

describe("a process announces", () => {
  it("at once, and then at most once every 20 ms but for four, with one after the last", async () => {
    const { board, world, elsewhere } = scene();
    const client = await elsewhere();
    const enqueueFor = async (durationMs: number): Promise<number> => {
      const before = board.announced;
      for (let passed = 0; passed < durationMs; passed += 1) {
        for (let count = 0; count < 10; count += 1) await client.transaction((tx) => tx.enqueue(job, {}));
        await world.ports.advance(1);
      }
      return board.announced - before;
    };
    await client.transaction((tx) => tx.enqueue(job, {}));
    expect(board.announced).toBe(1);
    expect(await enqueueFor(100)).toBeLessThanOrEqual(9);
    expect(await enqueueFor(200)).toBe(10); // nothing is ahead any more
    await client.transaction((tx) => tx.enqueue(job, {}));
    const { announced } = board;
    await world.ports.advance(1_000);
    expect(board.announced - announced).toBe(1);
  });

  it("each task at once where they come every 20 ms, some early and some late", async () => {
    const { board, world, elsewhere } = scene();
    const client = await elsewhere();
    for (let number = 0; number < 200; number += 1) {
      await client.transaction((tx) => tx.enqueue(job, {}));
      expect(board.announced).toBe(number + 1);
      await world.ports.advance(number % 2 === 0 ? 5 : 35);
    }
  });

  it("nothing that it executes itself, on the fast path or by its worker", async () => {
    const { board, world } = scene();
    const scheduler = await world.started({ fastPath: { concurrency: 2 } });
    scheduler.startWorker({ pollIntervalMs: POLL_MS });
    await world.ports.advance(60_000);
    const { receipts } = await scheduler.transaction((tx) =>
      tx.enqueueAll(
        job,
        ids("a", 20).map((taskId) => ({ taskId, data: {} })),
      ),
    );
    await world.ports.advance(1_000);
    expect(receipts.length).toBe(20);
    expect(world.runs.length).toBe(20);
    expect(board.announced).toBe(0);
  });

  it("what its full worker cannot take", async () => {
    const { board, world } = scene();
    const executors = [world.executor(job, () => world.sleep(60_000))];
    const scheduler = await world.started({ executors, fastPath: { concurrency: 1 } });
    scheduler.startWorker({ concurrency: 1, pollIntervalMs: POLL_MS });
    await world.ports.advance(60_000);
    const enqueue = () => scheduler.transaction((tx) => tx.enqueue(job, {}));
    for (let count = 0; count < 2; count += 1) {
      await enqueue();
      await world.ports.advance(10);
    }
    expect([world.running, board.announced]).toEqual([2, 0]);
    await enqueue();
    expect(board.announced).toBe(1);
  });

  it("types that it does not execute, and none that are due later, or were rolled back", async () => {
    const { board, world } = scene();
    const scheduler = await world.started();
    scheduler.startWorker({ pollIntervalMs: POLL_MS });
    await world.ports.advance(60_000);
    await scheduler.transaction((tx) => tx.enqueue(other, {}, { delayMs: 5_000 }));
    const failing = scheduler.transaction(async (tx) => {
      await tx.enqueue(other, {});
      throw new Error("rolled back");
    });
    await expect(failing).rejects.toThrow("rolled back");
    await scheduler.transaction(async (tx) => {
      await tx
        .savepoint(async (inner) => {
          await inner.enqueue(other, {});
          throw new Error("undone");
        })
        .catch(() => undefined);
    });
    await world.ports.advance(1_000);
    expect(board.announced).toBe(0);
    await scheduler.transaction((tx) => tx.enqueue(other, {}));
    expect(board.announced).toBe(1);
  });

  it("what was enqueued in a caller's transaction once it is told of the commit, and not before", async () => {
    const { board, world, elsewhere } = scene();
    const client = await elsewhere();
    const transaction = await world.store.begin();
    const receipts = await client.enqueueAll(
      transaction,
      job,
      ids("a", 5).map((taskId) => ({ taskId, data: {} })),
    );
    await world.ports.advance(1_000);
    await transaction.commit();
    expect(board.announced).toBe(0);
    await client.tryExecuteNow(receipts);
    await world.ports.advance(1_000);
    expect(board.announced).toBe(1);
  });

  it("a birth that it gives back", async () => {
    const { board, world } = scene();
    const scheduler = await world.started({ leaseMs: 15_000 });
    await world.enqueue(scheduler, { taskId: "given back" });
    await world.ports.until(scheduler.stop());
    expect([board.announced, (await world.inner.get("given back"))?.owner, world.runs]).toEqual([
      1,
      null,
      [],
    ]);
  });

  it("a task that it redrives", async () => {
    const one = scene();
    const { world, logger } = one;
    const failing = world.executor(job, (_, run) => {
      if (run.generation === 1) throw new PermanentError("no");
    });
    const scheduler = await world.started({ logger, fastPath: "off", executors: [failing] });
    scheduler.startWorker({ pollIntervalMs: POLL_MS });
    const client = await one.elsewhere();
    await world.leave(["a"]);
    await world.ports.advance(2 * POLL_MS + 1);
    expect(await world.stateOf("a")).toBe("failed");
    await client.redrive("a");
    await world.ports.advance(1_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("what is still to be announced when it stops, and leaves no timer behind", async () => {
    const { board, world, elsewhere } = scene();
    const client = await elsewhere();
    for (let count = 0; count < 20; count += 1) await client.transaction((tx) => tx.enqueue(job, {}));
    expect(board.announced).toBe(5);
    await world.ports.until(client.stop());
    expect([board.announced, world.ports.pendingTimers]).toEqual([6, 0]);
  });

  it("without harm where that fails", async () => {
    const { board, world, said, logger } = scene();
    board.announce = () => Promise.reject(new Error("refused"));
    const client = await world.started({ executors: [], logger });
    await client.transaction((tx) => tx.enqueue(job, {}, { taskId: "a" }));
    await world.ports.advance(100);
    expect([said, await world.stateOf("a")]).toEqual([[], "pending"]);
  });
});
