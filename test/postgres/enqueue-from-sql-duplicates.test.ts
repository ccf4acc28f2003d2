// Duplicates that SQL meets: the rules of the library, whichever side was first and whoever is under way.
import { Scheduler, TaskConflictError } from "owed";
import { describe, expect, it } from "vitest";
import { until } from "../kill/worker-process.ts";
import { sharedMajors } from "../support/database.ts";
import { openHarness } from "./harness.ts";
import { begun, call, data, ended, order, owing, raised, reordered } from "./sql-caller.ts";

describe.each(sharedMajors())("a duplicate on Postgres %i", (major) => {
  it("is the same task whichever side was first, whatever the order of keys", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema, store } = harness;
    const scheduler = new Scheduler({ store });
    const sql = (task_id: string) => call(pool, schema, { type: "order.ship", data: reordered, task_id });
    expect(await sql("sql-first")).toEqual({ task_id: "sql-first", created: true });
    expect(await scheduler.enqueue(order, data, { taskId: "sql-first" })).toMatchObject({ created: false });
    expect(await scheduler.enqueue(order, data, { taskId: "ts-first" })).toMatchObject({ created: true });
    expect(await sql("ts-first")).toEqual({ task_id: "ts-first", created: false });
    expect(await sql("sql-first")).toEqual({ task_id: "sql-first", created: false });
    const other = { ...data, orderId: "ö-2" };
    await expect(scheduler.enqueue(order, other, { taskId: "sql-first" })).rejects.toThrow(TaskConflictError);
    expect(await owing(harness)).toBe(2);
    await scheduler.stop();
  });

  it("of other content raises an error of its own and a hint, and a savepoint or a block keeps the transaction", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema } = harness;
    await call(pool, schema, { type: "t", data: '{"a": 1}', task_id: "stands" });
    const client = await begun(harness);
    await call(client, schema, { type: "t", data: "1", task_id: "before" });
    for (const other of [
      { type: "t", data: '{"a": 2}' },
      { type: "u", data: '{"a": 1}' },
    ]) {
      await client.query("savepoint s");
      expect(await raised(call(client, schema, { ...other, task_id: "stands" }))).toEqual({
        code: "OW001",
        message: 'task "stands" stands already with another type or other data',
        hint: "use another task_id for other work; on_duplicate => 'keep' takes what stands",
      });
      await client.query("rollback to savepoint s");
    }
    await client.query(`do $$ begin perform ${schema}.enqueue('t', '2', task_id => 'stands');
      exception when sqlstate 'OW001' then perform ${schema}.enqueue('t', '2', task_id => 'instead'); end $$`);
    await ended(client, "commit");
    expect(await owing(harness)).toBe(3);
    expect((await harness.store.get("stands"))?.data).toEqual(new TextEncoder().encode('{"a":1}'));
  });

  it("is taken whatever stands with 'keep', and refused with 'throw'", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema } = harness;
    const again = (on_duplicate: string | null, content: string) =>
      call(pool, schema, { type: "t", data: content, task_id: "x", on_duplicate });
    expect(await again("throw", "1")).toMatchObject({ created: true });
    expect(await again("keep", "2")).toEqual({ task_id: "x", created: false });
    expect(await again(null, "1")).toEqual({ task_id: "x", created: false });
    expect(await raised(again("throw", "1"))).toMatchObject({
      code: "OW002",
      message: "task \"x\" exists already and on_duplicate is 'throw'",
    });
  });

  it("of a task that was confirmed, or whose data was erased, is recognised", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema, store } = harness;
    const again = (type: string, content: string) =>
      call(pool, schema, { type, data: content, task_id: "x" });
    await again("t", "1");
    await store.cancel("x");
    expect(await again("t", "1")).toMatchObject({ created: false });
    expect(await raised(again("t", "2"))).toMatchObject({ code: "OW001" });
    expect(await store.erase("x")).toEqual({ done: true });
    expect(await again("t", "2")).toMatchObject({ created: false });
    expect(await raised(again("u", "1"))).toMatchObject({ code: "OW001" });
  });

  it("waits for a transaction that has the same id: the same after its commit, created after its rollback", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema } = harness;
    for (const end of ["commit", "rollback"] as const) {
      const first = await begun(harness);
      const given = { type: "t", data: '{"k": [1, 2]}', task_id: `raced-${end}` };
      expect(await call(first, schema, given)).toMatchObject({ created: true });
      const second = call(pool, schema, given);
      await until("the second waits", async () => {
        const { rows } = await pool.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%"${schema}".enqueue%'`,
        );
        return rows.length > 0;
      });
      await ended(first, end);
      expect(await second).toMatchObject({ created: end === "rollback" });
    }
    expect(await owing(harness)).toBe(2);
  });

  it.each(["repeatable read", "serializable"])(
    "that came after the snapshot is a serialization failure under %s, and one before it the same task",
    async (isolation) => {
      await using harness = await openHarness({ major });
      const { pool, schema } = harness;
      const given = { type: "t", data: "1", task_id: "x" };
      const client = await begun(harness, isolation);
      await client.query("select 1 from pg_class limit 1");
      await call(pool, schema, given);
      expect(await raised(call(client, schema, given))).toMatchObject({ code: "40001" });
      await ended(client, "rollback");
      const retried = await begun(harness, isolation);
      expect(await call(retried, schema, given)).toMatchObject({ created: false });
      await ended(retried, "commit");
    },
  );

  it("does not stand between serializable transactions that owe different tasks", async () => {
    await using harness = await openHarness({ major });
    const { schema } = harness;
    await call(harness.pool, schema, { type: "t", data: "1", task_id: "0" });
    const clients = await Promise.all([1, 2, 3].map(() => begun(harness, "serializable")));
    // In turns, so that each writes after all have looked, if they did look.
    for (const round of [1, 2]) {
      for (const [index, client] of clients.entries()) {
        const given = { type: "t", data: "1", task_id: `${round}.${index}` };
        expect(await call(client, schema, given)).toMatchObject({ created: true });
      }
    }
    for (const client of clients) await ended(client, "commit");
    expect(await owing(harness)).toBe(7);
  });
});
