// Roles of least privilege: each can do its work, and nothing beside it.
import {
  defineTask,
  executor,
  Scheduler,
  SchemaMissingError,
  StoreUnavailableError,
  TaskConflictError,
} from "owed";
import { describe, expect, it } from "vitest";
import { at, confirmation, failure, newTask } from "../../src/conformance/scene.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { until } from "../kill/worker-process.ts";
import { sharedMajors } from "../support/database.ts";
import { backoff, changesOfTheSchema, expectDenied, job, openScene, tables } from "./roles-scene.ts";

describe.each(sharedMajors())("the enqueuer on Postgres %i", (major) => {
  it("owes tasks by SQL and by the library inside transactions of its own, and a worker executes them", async () => {
    await using scene = await openScene(major);
    const { schema, payment } = scene;
    const pool = await scene.poolOf("enqueuer");
    const scheduler = new Scheduler({ store: postgresStore({ pool, schema }) });
    const client = await pool.connect();
    await client.query("begin");
    await client.query(`insert into ${payment} values ('p1')`);
    await client.query(`select ${schema}.enqueue('job', '{"n": 1}', task_id => 'sql')`);
    const receipt = await scheduler.enqueue(client, job, { n: 2 }, { taskId: "library" });
    expect(await scheduler.enqueue(client, job, { n: 1 }, { taskId: "sql" })).toMatchObject({
      created: false,
    });
    const conflicting = [
      { data: { n: 3 }, taskId: "undone" },
      { data: { n: 3 }, taskId: "sql" },
    ];
    await expect(scheduler.enqueueAll(client, job, conflicting)).rejects.toThrow(TaskConflictError);
    await client.query("commit");
    client.release();
    const many = Array.from({ length: 2_500 }, (_, n) => ({ data: { n }, taskId: `many-${n}` }));
    await scheduler.transaction((tx) => tx.enqueueAll(job, many));
    void scheduler.tryExecuteNow(receipt);
    await scheduler.stop();

    const executed: string[] = [];
    const work = executor(job, ({ taskId }) => void executed.push(taskId));
    const worker = new Scheduler({ store: await scene.storeOf("worker"), executors: [work] });
    worker.startWorker({ pollIntervalMs: 50 });
    await until("all are executed", () => executed.length >= 2_502);
    await worker.stop();
    expect(executed.filter((taskId) => !taskId.startsWith("many")).sort()).toEqual(["library", "sql"]);
  });

  it("cannot read or change a task, act as an operator, claim, or change the schema", async () => {
    await using scene = await openScene(major);
    const { schema } = scene;
    const pool = await scene.poolOf("enqueuer");
    await pool.query(`select ${schema}.enqueue('job', '{"n": 1}', task_id => 'x')`);
    await expectDenied(pool, [
      ...tables.map((table) => `select * from ${schema}.${table}`),
      `select task_id from ${schema}.task`,
      `insert into ${schema}.task (created_at, task_id, type) values (now(), 'y', 'job')`,
      `insert into ${schema}.pending (id, type, next_attempt_at) values (1, 1, now())`,
      `update ${schema}.task set data = null`,
      `update ${schema}.pending set next_attempt_at = now()`,
      `delete from ${schema}.task`,
      `delete from ${schema}.pending`,
      `insert into ${schema}.process values (1, 0, now(), 1, now(), 'h', 1, 1, null)`,
      `select ${schema}.cancel_task_v1('x', null, null, null, null, null)`,
      `select ${schema}.redrive_task_v1('x', null, null, null, null, null)`,
      `select ${schema}.erase_task_v1('x', null, null, null, null, null)`,
      `select ${schema}.delete_task_v1('x', null, null, null, null, null)`,
      `select ${schema}.confirm_within_v1(1, 1, 1, 1, null)`,
      `select ${schema}.open_transactions_v1('{}')`,
      `select ${schema}.resolve_duplicates_v1('{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}',null,null,'{}',null)`,
      `select ${schema}.canonical_json_v1('{}', '', 0)`,
      ...changesOfTheSchema(schema),
    ]);
    const store = await scene.storeOf("enqueuer");
    await store.checkSchema();
    await expect(store.get("x")).rejects.toThrow(StoreUnavailableError);
    await expect(
      store.register({ owner: "7", host: "h", pid: 1, types: "all", slots: 1, leaseMs: 15_000 }),
    ).rejects.toThrow(StoreUnavailableError);
  });

  it("undoes nothing but what its own transaction has inserted, whatever ids it names", async () => {
    await using scene = await openScene(major);
    const { admin, schema } = scene;
    const store = postgresStore({ pool: admin, schema });
    const own = await store.begin();
    await store.insert(own.transaction, [newTask("committed"), newTask("settled")], null, at(0));
    await own.commit();
    await store.cancel("settled");
    const other = await store.begin();
    const { created } = await store.insert(other.transaction, [newTask("uncommitted")], null, at(0));

    const pool = await scene.poolOf("enqueuer");
    const client = await pool.connect();
    await client.query("begin; savepoint s");
    const named = [1, 2, 3, 4, 5, Number(created[0]?.id)];
    await client.query(
      `select * from ${schema}.resolve_duplicates_v2('{committed}', '{other}', '{1}', '{MQ==}', '{json}', '{null}', '{null}',
         '{0}', '{null}', '{false}', '{compare}', null, null, $1, null)`,
      [named],
    );
    await client.query("commit");
    client.release();
    await other.commit();
    const { rows } = await admin.query(`select task_id, state from ${schema}.task_state order by task_id`);
    expect(rows).toEqual([
      { task_id: "committed", state: "pending" },
      { task_id: "settled", state: "cancelled" },
      { task_id: "uncommitted", state: "pending" },
    ]);
    await store.close();
  });
});

describe.each(sharedMajors())("the worker on Postgres %i", (major) => {
  it("starts, claims, confirms, retries, fails, completes in a transaction, prunes and deregisters", async () => {
    await using scene = await openScene(major);
    const { admin, schema, payment } = scene;
    const pool = await scene.poolOf("worker");
    const store = postgresStore({ pool, schema });
    const pay = defineTask<{ id: string }>({ type: "pay" });
    const failing = defineTask({ type: "failing", backoff, maxFailedAttempts: 2 });
    const executors = [
      executor(pay, { transactional: store }, async ({ data, tx }) => {
        await tx.query(`insert into ${payment} values ($1)`, [data.id]);
        await tx.enqueue(job, { n: 1 }, { taskId: `follows:${data.id}` });
      }),
      executor(job, async ({ complete, taskId }) => {
        if (taskId !== "follows:p1") return;
        const client = await pool.connect();
        await client.query("begin");
        await complete(client);
        await client.query("commit");
        client.release();
      }),
      executor(failing, () => {
        throw new Error("always");
      }),
    ];
    const scheduler = new Scheduler({ store, executors });
    await scheduler.start();
    expect(await store.processes()).toHaveLength(1);
    scheduler.startWorker({ pollIntervalMs: 50 });
    await admin.query(`select ${schema}.enqueue('pay', '{"id": "p1"}', task_id => 'pay'),
      ${schema}.enqueue('failing', '1', task_id => 'failing'), ${schema}.enqueue('job', '{"n": 1}', task_id => 'job')`);
    const stateOf = async (taskId: string) => (await scheduler.get(taskId))?.state;
    await until("all have ended", async () => {
      const states = await Promise.all(["pay", "job", "follows:p1"].map(stateOf));
      return states.every((state) => state === "confirmed") && (await stateOf("failing")) === "failed";
    });
    expect((await scheduler.get("failing"))?.attempts).toHaveLength(2);
    expect((await admin.query(`select id from ${payment}`)).rows).toEqual([{ id: "p1" }]);
    expect(await store.prune({ olderThanMs: 0, limit: 100 })).toBe(3);
    expect(await store.balance()).toMatchObject({ enqueued: 4, failed: 1, pruned: 3 });
    await scheduler.stop();
    const { rows } = await admin.query(`select count(*) as n from ${schema}.process`);
    expect(rows).toEqual([{ n: "0" }]);
  });

  it("takes over from a dead process, and lets a late success confirm a failed task", async () => {
    await using scene = await openScene(major);
    const { admin, schema } = scene;
    await admin.query(`select ${schema}.enqueue('job', '{"n": 1}', task_id => 'lost')`);
    const store = await scene.storeOf("worker");
    const record = { host: "h", pid: 1, types: "all", slots: 1, leaseMs: 15_000 } as const;
    for (const owner of ["7", "8"]) await store.register({ owner, ...record });
    const request = {
      limit: 5,
      maxBytes: 9_999,
      suspectLimit: 5,
      alone: false,
      liveClaims: [],
      types: "all",
    } as const;
    const { tasks } = await store.claim({ ...request, owner: "7", claim: 1 });
    const { others } = await store.beat("8", []);
    await store.beat(
      "8",
      others.map(({ owner, beats }) => ({ owner, beats })),
    );
    const again = await store.claim({ ...request, owner: "8", claim: 1 });
    expect(again.tasks).toHaveLength(1);
    const [first, second] = [tasks[0], again.tasks[0]];
    if (first === undefined || second === undefined) throw new Error("nothing was claimed");
    expect(await store.settle([failure(second)])).toMatchObject([{ verdict: "applied", state: "failed" }]);
    const [answer] = await store.settle([confirmation(first)]);
    expect(answer).toMatchObject({ verdict: "late", state: "confirmed" });
  });

  it("cannot write tasks by hand, act as an operator, or change the schema", async () => {
    await using scene = await openScene(major);
    const { schema, admin } = scene;
    await admin.query(`select ${schema}.enqueue('job', '{"n": 1}', task_id => 'x')`);
    const pool = await scene.poolOf("worker");
    await expectDenied(pool, [
      `insert into ${schema}.task (created_at, task_id, type) values (now(), 'y', 'job')`,
      `insert into ${schema}.pending (id, type, next_attempt_at) values (1, 1, now())`,
      `update ${schema}.task set data = null`,
      `update ${schema}.pending set generation = 2`,
      `update ${schema}.pending set type = 2`,
      `update ${schema}.settled set state = 'cancelled'`,
      `update ${schema}.confirmed set settled_at = now()`,
      `update ${schema}.attempt set accepted = false`,
      `select ${schema}.cancel_task_v1('x', null, null, null, null, null)`,
      `select ${schema}.redrive_task_v1('x', null, null, null, null, null)`,
      `select ${schema}.erase_task_v1('x', null, null, null, null, null)`,
      `select ${schema}.delete_task_v1('x', null, null, null, null, null)`,
      ...changesOfTheSchema(schema),
    ]);
  });

  it("starts on a schema that is current without any right to change it, and does not change one that is not", async () => {
    await using scene = await openScene(major);
    const { admin, schema } = scene;
    for (const migrate of [true, false]) {
      const scheduler = new Scheduler({ store: await scene.storeOf("worker"), migrate });
      await scheduler.start();
      await scheduler.stop();
    }
    await admin.query(`update ${schema}.schema_version set version = 1`);
    const old = (migrate: boolean) =>
      scene.storeOf("worker").then((store) => new Scheduler({ store, migrate }).start());
    await expect(old(true)).rejects.toThrow(/does not allow the statement \(SQLSTATE 42501\)/);
    await expect(old(false)).rejects.toThrow(SchemaMissingError);
  });
});

describe.each(sharedMajors())("the dashboard's role on Postgres %i", (major) => {
  it("reads everything, cancels, redrives and erases", async () => {
    await using scene = await openScene(major);
    const { admin, schema } = scene;
    await admin.query(
      `select ${schema}.enqueue('job', '{"n": 1}', task_id => concat('x', n)) from generate_series(1, 3) n`,
    );
    const store = await scene.storeOf("dashboard");
    await store.checkSchema();
    expect(await store.get("x1")).toMatchObject({ state: "pending", type: "job" });
    expect((await store.list({ state: "pending", limit: 9, order: "ascending" })).tasks).toHaveLength(3);
    expect((await store.listByTaskId({ prefix: "x", limit: 9 })).tasks).toHaveLength(3);
    expect(await store.count("pending")).toBe(3);
    expect(await store.statistics()).toMatchObject({ pending: 3, orphanedTypes: ["job"] });
    expect(await store.balance()).toMatchObject({ enqueued: 3 });
    expect(await store.processes()).toEqual([]);
    expect((await store.examine()).findings.filter(({ code }) => code.startsWith("index"))).toEqual([]);
    expect(await store.countPrunable({ olderThanMs: 0, limit: 9 })).toBe(0);
    expect(await store.cancel("x1", { generation: 2 })).toMatchObject({ done: false });
    expect(await store.cancel("x1", { generation: 1 })).toEqual({ done: true });
    expect(await store.redrive("x1")).toEqual({ done: true });
    expect(await store.get("x1")).toMatchObject({ state: "pending", generation: 2 });
    expect(await store.erase("x1")).toEqual({ done: false, state: "pending" });
    expect(await store.cancel("x1")).toEqual({ done: true });
    expect(await store.erase("x1")).toEqual({ done: true });
    expect(await store.get("x1")).toMatchObject({ state: "cancelled", data: null });
  });

  it("cannot enqueue, claim, settle, prune, write anything by hand, or change the schema", async () => {
    await using scene = await openScene(major);
    const { schema, admin } = scene;
    await admin.query(`select ${schema}.enqueue('job', '{"n": 1}', task_id => 'x')`);
    const pool = await scene.poolOf("dashboard");
    await expectDenied(pool, [
      `select ${schema}.enqueue('job', '1')`,
      `select ${schema}.insert_tasks_v1('{a}','{b}','{1}','{MQ==}','{json}','{null}','{null}','{0}','{null}','{false}',null,null,null)`,
      `select ${schema}.resolve_duplicates_v2('{}','{}','{}','{}','{}','{}','{}','{}','{}','{}','{}',null,null,'{}',null)`,
      `select ${schema}.confirm_within_v1(1, 1, 1, 1, null)`,
      ...tables.slice(0, -1).map((table) => `delete from ${schema}.${table}`),
      `update ${schema}.task set data = null`,
      `update ${schema}.pending set next_attempt_at = now()`,
      `insert into ${schema}.pending (id, type, next_attempt_at) values (1, 1, now())`,
      `select * from ${schema}.task for update`,
      ...changesOfTheSchema(schema),
    ]);
    const store = await scene.storeOf("dashboard");
    await expect(store.prune({ olderThanMs: 0, limit: 9 })).rejects.toThrow(StoreUnavailableError);
    await expect(new Scheduler({ store }).start()).rejects.toThrow(StoreUnavailableError);
  });
});
