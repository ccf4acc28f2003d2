// What is kept of what happened, on Postgres: with the change or not at all, read through indexes, and cheap.
import { describe, expect, it } from "vitest";
import { enqueue, newTask } from "../../src/conformance/scene.ts";
import { namesIn } from "../../src/store/postgres/identifier.ts";
import * as acts from "../../src/store/postgres/statements/act.ts";
import { readRollUps } from "../../src/store/postgres/statements/roll-up.ts";
import { sharedMajors } from "../support/database.ts";
import { openHarness } from "./harness.ts";

const by = { actor: "ann", via: "dashboard", reason: null };

describe.each(sharedMajors())("on Postgres %i", (major) => {
  it.each(["cancel", "redrive", "erase", "delete"] as const)(
    "a %s that cannot be put on record does not happen",
    async (action) => {
      await using harness = await openHarness({ major });
      const { pool, schema, store } = harness;
      await enqueue(harness, [newTask("task")]);
      if (action !== "cancel") await store.cancel("task");
      const before = await store.get("task");
      await pool.query(`alter table ${schema}.act add constraint full_up check (actor <> 'ann')`);
      await expect(store[action]("task", { by })).rejects.toThrow();
      expect(await store.get("task")).toEqual(before);
      expect(await store[action]("task", { by: { ...by, actor: "bob" } })).toEqual({ done: true });
    },
  );

  it("acts and roll-ups are read in the order of an index, however many there are", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema } = harness;
    await pool.query(`insert into ${schema}.act (at, actor, via, action, task_id, outcome)
      select now(), 'person ' || n % 3000, 'test', 'cancel', 'task ' || n % 3000, 'done' from generate_series(1, 30000) n`);
    await pool.query(`insert into ${schema}.roll_up
      select 1, date_bin('1 minute', now(), 'epoch') - n / 20 * interval '1 minute', 'type ' || n % 20, 1, 0, 0, '{}', '{}', null, null
      from generate_series(0, 29999) n`);
    await pool.query(`analyze ${schema}.act, ${schema}.roll_up`);
    const names = namesIn(schema);
    const client = await pool.connect();
    // As the store's own connections are pinned: a sort is what the plan must do without.
    await client.query("set enable_seqscan = off; set enable_bitmapscan = off");
    const plan = async (text: string, values: readonly unknown[]): Promise<string> => {
      const { rows } = await client.query(`explain (analyze, costs off, timing off) ${text}`, [...values]);
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    };
    try {
      const all = await plan(acts.actsPage(names).text, [null, "51"]);
      expect(all).toMatch(/using act_pkey/);
      const ofTask = await plan(acts.actsOfTask(names).text, [null, "51", "task 7", null]);
      expect(ofTask).toMatch(/using act_task/);
      const ofActor = await plan(acts.actsOfActor(names).text, [null, "51", "person 7"]);
      expect(ofActor).toMatch(/using act_actor/);
      for (const page of [all, ofTask, ofActor]) expect(page).not.toMatch(/Sort|Seq Scan/);
      const hour = await plan(readRollUps(names).text, [null, "3600000", null, "20000"]);
      expect(hour).toMatch(/using roll_up_pkey/);
      const read = [...hour.matchAll(/roll_up_pkey on roll_up r \(actual rows=([\d.]+)/g)].map(([, rows]) =>
        Number(rows),
      );
      expect(Math.max(...read)).toBeLessThanOrEqual(61 * 20);
    } finally {
      client.release();
    }
  });
});
