// Pages of tasks on Postgres: one snapshot, and looked up by key.
import { describe, expect, it } from "vitest";
import { enqueue, newTask } from "../../src/conformance/scene.ts";
import { namesIn } from "../../src/store/postgres/identifier.ts";
import * as listing from "../../src/store/postgres/statements/list.ts";
import { sharedMajors } from "../support/database.ts";
import { openHarness } from "./harness.ts";

describe.each(sharedMajors())("a page of tasks on Postgres %i", (major) => {
  it("is of one snapshot: a task that moves on meanwhile leaves no gap", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema, store } = harness;
    await enqueue(
      harness,
      ["a", "b", "c"].map((taskId) => newTask(taskId)),
    );
    const client = await pool.connect();
    await client.query("begin");
    await client.query(`lock table ${schema}.task in access exclusive mode`);
    const page = store.list({ state: "pending", limit: 2, order: "ascending" });
    const waiting = `select from pg_locks where not granted and relation = '${schema}.task'::regclass`;
    while ((await pool.query(waiting)).rowCount === 0);
    await client.query(`with ended as (
      delete from ${schema}.pending p using ${schema}.task t where t.task_id = 'a' and p.id = t.id returning p.*
    )
    insert into ${schema}.settled (id, type, state, settled_at, generation, failed_attempts, lost_attempts, deferred_attempts)
    select id, type, 'cancelled', now(), generation, 0, 0, 0 from ended`);
    await client.query("commit");
    client.release();
    const { tasks, nextCursor } = await page;
    expect([tasks.map(({ taskId }) => taskId), nextCursor]).toEqual([["b", "c"], null]);
  });

  it("is found in an index, and its tasks by their keys, among many", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema } = harness;
    for (let from = 0; from < 3_000; from += 500) {
      const ids = Array.from({ length: 500 }, (_, index) => `task-${from + index}`);
      await enqueue(
        harness,
        ids.map((taskId) => newTask(taskId)),
      );
    }
    await pool.query(`analyze ${schema}.task, ${schema}.pending, ${schema}.settled, ${schema}.confirmed`);
    const names = namesIn(schema);
    const plain = [null, "51", null, "51", null, null, null, null];
    const pages = [
      [listing.pendingPage, plain],
      [listing.readyPage, [...plain, null]],
      [listing.settledPage, [...plain, "failed"]],
      [listing.confirmedPage, plain],
    ] as const;
    for (const [statement, values] of pages) {
      const text = `explain ${statement(names, "descending").text}`;
      const { rows } = await pool.query(text, [...values]);
      const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
      expect(plan).toMatch(/Index Scan\b.* using task_pkey on task t\b/);
    }
    const byId = `explain ${listing.taskIdPage(names).text}`;
    const { rows } = await pool.query(byId, ["task-1", "task-1", "51", "task-2"]);
    const plan = rows.map((row) => row["QUERY PLAN"]).join("\n");
    expect(plan).toMatch(/Index Cond: .*task_id > .*task_id < /);
  });
});
