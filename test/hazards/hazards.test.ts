// Hazards that show only on the whole: large numbers, fine timestamps, slots of schedules, operators at once.
import { afterEach, expect, test } from "vitest";
import { defineTask, executor, PermanentError, Scheduler, TaskStateError } from "../../src/index.ts";
import { memoryStore } from "../../src/store/memory/index.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { until } from "../kill/worker-process.ts";
import { freshSchema, sharedDatabase, testPool } from "../support/database.ts";

const work = defineTask<{ readonly fails?: boolean }>({ type: "work" });

const opened: Scheduler<never>[] = [];

afterEach(async () => {
  for (const scheduler of opened.splice(0)) await scheduler.stop({ graceMs: 1_000 });
});

function open(schema: string, options: { readonly leaseMs?: number } = {}) {
  const executed: string[] = [];
  const scheduler = new Scheduler({
    ...options,
    store: postgresStore({ connectionString: sharedDatabase(), schema }),
    executors: [
      executor(work, ({ data, taskId }) => {
        executed.push(taskId);
        if (data.fails === true) throw new PermanentError("on purpose");
      }),
    ],
  });
  opened.push(scheduler as unknown as Scheduler<never>);
  return { scheduler, executed };
}

test.each([2n ** 31n - 5n, 2n ** 53n - 5n])(
  "H25, W9: tasks numbered from %d on live like all others",
  async (first) => {
    const schema = freshSchema();
    await using pool = testPool();
    const { scheduler, executed } = open(schema);
    await scheduler.start();
    await pool.query(`alter table ${schema}.task alter column id restart with ${first}`);
    const taskIds = Array.from({ length: 12 }, (_, index) => `task-${index}`);
    const { receipts } = await scheduler.transaction(async (tx) => {
      await tx.enqueueAll(
        work,
        taskIds.map((taskId) => ({ taskId, data: { fails: taskId === "task-7" } })),
      );
    });
    const answers = await scheduler.tryExecuteNow(receipts);
    expect(answers.filter((answer) => answer === "confirmed")).toHaveLength(11);
    expect(new Set(executed).size).toBe(12);
    for (const taskId of taskIds.slice(0, 7)) expect((await scheduler.get(taskId))?.state).toBe("confirmed");
    await scheduler.redrive("task-7");
    scheduler.startWorker();
    await until(
      "it failed again",
      async () =>
        (await scheduler.get("task-7"))?.generation === 2 && (await scheduler.count("failed")) === 1,
    );
    expect((await scheduler.list({ state: "confirmed", limit: 1_000 })).tasks).toHaveLength(11);
    const column = await pool.query(
      "select count(*)::int as narrow from information_schema.columns where table_schema = $1 and data_type in ('integer', 'smallint') and column_name in ('id', 'claim', 'owner')",
      [schema],
    );
    expect(column.rows[0]?.narrow).toBe(0);
  },
);

/** Sorts as it counts: tasks of one statement are numbered in the order of their ids. */
const numbered = (index: number): string => `t${String(index).padStart(2, "0")}`;

test("H27, V6: pages and claims do not depend on timestamps that went through JavaScript", async () => {
  const schema = freshSchema();
  const { scheduler, executed } = open(schema);
  await scheduler.start();
  // All in one statement: the same microsecond for each, and one a microsecond later.
  await scheduler.transaction(async (tx) => {
    await tx.enqueueAll(
      work,
      Array.from({ length: 57 }, (_, index) => ({ data: {}, taskId: numbered(index), delayMs: 1 })),
    );
    await tx.query(
      `update ${schema}.pending set next_attempt_at = next_attempt_at + interval '1 microsecond' where id % 2 = 0`,
    );
  });
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await scheduler.list({
      state: "pending",
      limit: 10,
      ...(cursor === undefined ? {} : { cursor }),
    });
    seen.push(...page.tasks.map(({ taskId }) => taskId));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  expect(seen).toEqual(Array.from({ length: 57 }, (_, index) => numbered(index)));
  scheduler.startWorker();
  await until("all are confirmed", async () => (await scheduler.count("confirmed")) === 57);
  expect(new Set(executed).size).toBe(57);
  expect(executed).toHaveLength(57);
});

test("H31, F74: any number of processes may enqueue the slot of a schedule, and one task stands", async () => {
  const schema = freshSchema();
  const processes = Array.from({ length: 4 }, () => open(schema));
  for (const { scheduler } of processes) await scheduler.start();
  const slots = ["2026-11-24T05:00Z", "2026-11-24T06:00Z", "2026-11-24T07:00Z"];
  const receipts = await Promise.all(
    processes.flatMap(({ scheduler }) =>
      slots.flatMap((slot) =>
        [1, 2].map(() => scheduler.enqueue(work, {}, { taskId: `cron:report:${slot}` })),
      ),
    ),
  );
  expect(receipts.filter(({ created }) => created)).toHaveLength(slots.length);
  const [first] = processes;
  await until("all are confirmed", async () => (await first?.scheduler.count("confirmed")) === slots.length);
  expect(processes.flatMap(({ executed }) => executed).sort()).toEqual(
    slots.map((slot) => `cron:report:${slot}`),
  );
});

test("H39: of operators who act at once on what they saw, one acts and the others are told", async () => {
  const schema = freshSchema();
  const { scheduler } = open(schema);
  await scheduler.start();
  const receipt = await scheduler.enqueue(work, { fails: true }, { taskId: "failing" });
  await scheduler.tryExecuteNow(receipt);
  expect((await scheduler.get("failing"))?.state).toBe("failed");
  const redrives = await Promise.allSettled(Array.from({ length: 8 }, () => scheduler.redrive("failing")));
  expect(redrives.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  for (const redrive of redrives)
    if (redrive.status === "rejected") expect(redrive.reason).toBeInstanceOf(TaskStateError);
  expect(await scheduler.get("failing")).toMatchObject({ state: "pending", generation: 2 });
  const cancels = await Promise.allSettled(Array.from({ length: 8 }, () => scheduler.cancel("failing")));
  expect(cancels.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  await expect(scheduler.erase("failing")).resolves.toBeUndefined();
  await expect(scheduler.redrive("failing")).rejects.toThrow(TaskStateError);
});

test("H37: the memory store hides no misuse: nothing uncommitted is seen, nothing rolled back remains", async () => {
  const executed: string[] = [];
  const store = memoryStore();
  const scheduler = new Scheduler({
    store,
    executors: [executor(work, ({ taskId }) => void executed.push(taskId))],
  });
  await scheduler.start();
  const own = await store.begin();
  const receipt = await scheduler.enqueue(own.transaction, work, {}, { taskId: "open" });
  expect(await scheduler.tryExecuteNow(receipt)).toEqual(["notClaimed"]);
  expect(await scheduler.get("open")).toBeNull();
  const savepoint = await own.savepoint();
  const undone = await scheduler.enqueue(own.transaction, work, {}, { taskId: "undone" });
  await savepoint.rollback();
  await own.commit();
  expect(await scheduler.tryExecuteNow([receipt, undone])).toEqual(["confirmed", "notClaimed"]);
  expect(executed).toEqual(["open"]);
  expect(await scheduler.get("undone")).toBeNull();
  await scheduler.stop();
});

test("a task that its callback committed by hand before it threw is executed by the watch (G4)", async () => {
  const { scheduler, executed } = open(freshSchema(), { leaseMs: 1_500 });
  await scheduler.start();
  const failing = scheduler.transaction(async (tx) => {
    await tx.enqueue(work, {}, { taskId: "committed" });
    await tx.client.query("commit");
    throw new Error("declined");
  });
  await expect(failing).rejects.toThrow("declined");
  await until("it is confirmed", async () => (await scheduler.get("committed"))?.state === "confirmed");
  expect(executed).toEqual(["committed"]);
});
