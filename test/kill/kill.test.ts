// Workers are killed for real: nothing is lost, every loss is counted once, and only the poison task fails.
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { defineTask, Scheduler } from "../../src/index.ts";
import { freshSchema, sharedDatabase } from "../support/database.ts";
import { ended, KillScene, killed, until } from "./worker-process.ts";
import { openStore, type WorkerSettings } from "./worker-settings.ts";

type Database = WorkerSettings["database"];

const quick = defineTask<null>({ type: "quick" });
const waiting = defineTask<null>({ type: "waiting" });
const steady = defineTask<null>({ type: "steady" });
const poison = defineTask<null>({ type: "poison" });

/** A scheduler that only enqueues and looks. */
async function client(database: Database): Promise<Scheduler<unknown, unknown>> {
  const scheduler = new Scheduler({ store: openStore({ database }), leaseMs: 2_000 });
  await scheduler.start();
  return scheduler;
}

function databaseOf(kind: Database["kind"], folder: string): Database {
  return kind === "sqlite"
    ? { kind, file: join(folder, "tasks.db") }
    : { kind, connectionString: sharedDatabase(), schema: freshSchema() };
}

describe.each(["sqlite", "postgres"] as const)("on %s", (kind) => {
  test("F1, H3: a task whose worker is killed runs again elsewhere, counted lost once", async () => {
    await using scene = new KillScene();
    const database = databaseOf(kind, scene.folder);
    await using scheduler = await client(database);
    const first = await scene.start({ database });
    await scheduler.enqueue(waiting, null, { taskId: "w1" });
    await until("the task started", () => scene.effects().some(({ event }) => event === "start"));
    const second = await scene.start({ database });
    await killed(first);
    scene.openGate();
    const recoveredMs = await until("it ran elsewhere", () =>
      scene.effects().some(({ event }) => event === "done"),
    );
    // G12: lease + observation + poll; the bound is the guarantee itself, with the lease of this test.
    expect(recoveredMs).toBeLessThan(2_000 + 700 + 1_000 + 2_000);
    await until("it is confirmed", async () => (await scheduler.get("w1"))?.state === "confirmed");
    const task = await scheduler.get("w1");
    expect(task).toMatchObject({ lostAttempts: 1, failedAttempts: 0 });
    expect(task?.attempts.map(({ outcome }) => outcome)).toEqual(["lost"]);
    expect(scene.effects().map(({ event, pid }) => [event, pid])).toEqual([
      ["start", first.pid],
      ["start", second.pid],
      ["done", second.pid],
    ]);
  });

  test("F3, G10: a task that kills its process fails alone; those beside it are confirmed", {
    timeout: 120_000,
  }, async () => {
    await using scene = new KillScene();
    const database = databaseOf(kind, scene.folder);
    await using scheduler = await client(database);
    await scheduler.enqueue(poison, null, { taskId: "poison" });
    for (let index = 0; index < 5; index += 1)
      await scheduler.enqueue(steady, null, { taskId: `healthy-${index}` });
    const supervised = supervise(scene, database);
    await until("it failed", async () => (await scheduler.get("poison"))?.state === "failed", 90_000);
    await until("the others are confirmed", async () => (await scheduler.count("confirmed")) === 5, 60_000);
    await supervised.stop();
    const task = await scheduler.get("poison");
    expect(task).toMatchObject({ failureReason: "lost-too-often", failedAttempts: 0, lostAttempts: 3 });
    expect(task?.attempts.filter(({ outcome }) => outcome === "lost")).toHaveLength(3);
    expect(await scheduler.count("failed")).toBe(1);
  });

  test("a transaction that commits after its process was declared dead is still executed", async () => {
    await using scene = new KillScene();
    const database = databaseOf(kind, scene.folder);
    await using scheduler = await client(database);
    await scheduler.enqueue(quick, null, { taskId: "first" });
    const store = openStore({ database });
    const owner = "77";
    await store.register({ owner, host: "gone", pid: 1, types: ["quick"], slots: 1, leaseMs: 2_000 });
    if (kind === "sqlite") await store.removeProcess(owner); // an open transaction there is the only writer
    const own = await store.begin();
    const task = {
      taskId: "late",
      type: "quick",
      data: Buffer.from("null"),
      codec: "json",
      key: null,
      referenceId: null,
    } as const;
    const rest = {
      headers: null,
      delayMs: 0,
      dueAtMs: null,
      bornClaimed: true,
      onDuplicate: "compare",
    } as const;
    await store.insert(own.transaction as never, [{ ...task, ...rest }], { owner, claim: 1 });
    if (kind === "postgres") await store.removeProcess(owner); // while the transaction is open
    await own.commit();
    await scene.start({ database });
    await until("it is confirmed", async () => (await scheduler.get("late"))?.state === "confirmed");
    expect(await scheduler.get("late")).toMatchObject({ lostAttempts: 1 });
    await store.close();
  });
});

test("H1, F5: two workers and the fast path race for 10,000 tasks and execute each exactly once", {
  timeout: 120_000,
}, async () => {
  await using scene = new KillScene();
  const database = databaseOf("postgres", scene.folder);
  await using scheduler = await client(database);
  const workers = await Promise.all([
    scene.start({ database, leaseMs: 15_000, concurrency: 50 }),
    scene.start({ database, leaseMs: 15_000, concurrency: 50 }),
  ]);
  const enqueuer = await scene.start({
    database,
    leaseMs: 15_000,
    concurrency: 0,
    enqueueCount: 10_000,
    name: "race",
  });
  await until("all are confirmed", async () => (await scheduler.count("confirmed")) === 10_000, 90_000);
  const effects = scene.effects();
  expect(effects).toHaveLength(10_000);
  expect(new Set(effects.map(({ taskId }) => taskId)).size).toBe(10_000);
  const byFastPath = effects.filter(({ pid }) => pid === enqueuer.pid).length;
  expect(byFastPath).toBeGreaterThan(0);
  expect(byFastPath).toBeLessThan(10_000);
  for (const child of [...workers, enqueuer]) {
    child.kill("SIGTERM");
    await ended(child);
  }
});

/** Restarts a worker as soon as it dies, as a supervisor would. */
function supervise(scene: KillScene, database: Database): { stop(): Promise<void> } {
  let isStopping = false;
  const keepGoing = async (): Promise<void> => {
    while (!isStopping) {
      const child = await scene.start({ database, leaseMs: 1_000, maxLostAlone: 1 }).catch(() => null);
      if (child === null) continue;
      await Promise.race([ended(child), until("the test is over", () => isStopping, 120_000)]);
      if (isStopping) await killed(child);
    }
  };
  const running = keepGoing();
  return {
    stop: async () => {
      isStopping = true;
      await running;
    },
  };
}
