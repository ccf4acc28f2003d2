// Tasks that SQL owes: the function's contract, docs/sql.md, on a real server.
import { defineTask, executor, type RawTask, Scheduler } from "owed";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { typeHash } from "../../src/task/type-hash.ts";
import { until } from "../kill/worker-process.ts";
import { sharedDatabase, sharedMajors, testPool } from "../support/database.ts";
import { openHarness } from "./harness.ts";
import { type Answer, begun, call, data, ended, order, owing, raised, reordered } from "./sql-caller.ts";

describe.each(sharedMajors())("a task owed by SQL on Postgres %i", (major) => {
  it("is executed by an executor in TypeScript, with validated data and all that was said of it", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema, store } = harness;
    const seen: unknown[] = [];
    const executors = [
      executor(order, ({ data: got, taskId, referenceId, headers, attempt }) => {
        seen.push({ ...got, taskId, referenceId, headers, attempt });
      }),
    ];
    const scheduler = new Scheduler({ store, executors });
    scheduler.startWorker({ pollIntervalMs: 50 });
    const headers = { traceparent: "00-1-2-01" };
    const given = { type: "order.ship", data: reordered, task_id: "t-1", reference_id: "o-1", headers };
    expect(await call(pool, schema, given)).toEqual({ task_id: "t-1", created: true });
    await until("it is executed", () => seen.length > 0);
    expect(seen).toEqual([{ ...data, taskId: "t-1", referenceId: "o-1", headers, attempt: 1 }]);
    await until("it is confirmed", async () => (await store.get("t-1"))?.state === "confirmed");
    await scheduler.stop();
  });

  it("stands as the library would have written it: due at once, held by nobody, under the number of its type", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema, store } = harness;
    await call(pool, schema, { type: "grüße", data: "{}", task_id: "plain" });
    const { rows } = await pool.query(
      `select t.codec, t.headers, t.reference_id, cast(p.type as text) as type, p.owner, p.claim, p.generation,
         p.since, p.next_attempt_at = t.created_at as is_due_at_once
       from ${schema}.task t join ${schema}.pending p on p.id = t.id`,
    );
    const nothing = { codec: null, headers: null, reference_id: null, owner: null, claim: null, since: null };
    expect(rows).toEqual([{ ...nothing, type: typeHash("grüße"), generation: 1, is_due_at_once: true }]);
    expect((await store.get("plain"))?.codec).toBe("json");
  });

  it("gets a UUID of version 7 when it is given no id: unique, and later ones sort later", async () => {
    await using harness = await openHarness({ major });
    const { rows } = await harness.pool.query<{ task_id: string }>(
      `select e.task_id from generate_series(1, 500) g
       cross join lateral ${harness.schema}.enqueue('t', to_jsonb(g)) e`,
    );
    const ids = rows.map(({ task_id: id }) => id);
    for (const id of ids) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(Math.abs(Number.parseInt(id.replace("-", "").slice(0, 12), 16) - Date.now())).toBeLessThan(
        60_000,
      );
    }
    expect(new Set(ids).size).toBe(500);
    const times = ids.map((id) => id.slice(0, 13));
    expect(times).toEqual([...times].sort());
  });

  it("is due at an instant, or after a delay, and at once if that instant has passed", async () => {
    await using harness = await openHarness({ major });
    const { pool, schema, store } = harness;
    const at = new Date("2100-02-03T04:05:06.789Z");
    await call(pool, schema, { type: "t", data: "1", task_id: "at", run_at: at });
    await call(pool, schema, { type: "t", data: "1", task_id: "after", delay: "1 hour" });
    await call(pool, schema, { type: "t", data: "1", task_id: "past", run_at: "0044-03-15 12:00:00+00 BC" });
    expect((await store.get("at"))?.nextAttemptAt).toEqual(at);
    const waitMs = async (taskId: string): Promise<number> => {
      const task = await store.get(taskId);
      return (task?.nextAttemptAt?.getTime() ?? Number.NaN) - (task?.createdAt.getTime() ?? 0);
    };
    expect(Math.abs((await waitMs("after")) - 3_600_000)).toBeLessThan(1_000);
    expect(await waitMs("past")).toBe(0);
    const ready = await store.list({ state: "pending", ready: true, limit: 9, order: "ascending" });
    expect(ready.tasks.map(({ taskId }) => taskId)).toEqual(["past"]);
  });

  it("goes with its transaction, and with its savepoint", async () => {
    await using harness = await openHarness({ major });
    const client = await begun(harness);
    await call(client, harness.schema, { type: "t", data: "1", task_id: "kept" });
    await client.query("savepoint s");
    await call(client, harness.schema, { type: "t", data: "1", task_id: "undone" });
    await client.query("rollback to savepoint s");
    await ended(client, "commit");
    expect([await owing(harness), await harness.store.get("undone")]).toEqual([1, null]);
  });
});

const long = (bytes: number): string => "ü".repeat(bytes / 2);
const refused: readonly (readonly [
  what: string,
  given: Record<string, unknown>,
  code: string,
  says: string,
])[] = [
  ["no type", { type: null }, "OW003", "type is null"],
  ["an empty type", { type: "" }, "OW003", "type is empty"],
  ["a long type", { type: long(202) }, "OW003", "type is 202 bytes long"],
  ["an empty task_id", { task_id: "" }, "OW003", "task_id is empty"],
  ["a long task_id", { task_id: long(514) }, "OW003", "task_id is 514 bytes long"],
  ["an empty reference_id", { reference_id: "" }, "OW003", "reference_id is empty"],
  ["a long reference_id", { reference_id: long(514) }, "OW003", "reference_id is 514 bytes long"],
  ["no data", { data: null }, "OW003", "data is null"],
  ["NUL in data", { data: '"\\u0000"' }, "22P05", "unsupported Unicode escape sequence"],
  ["NUL in task_id", { task_id: "a\0b" }, "22021", "invalid byte sequence"],
  ["half a character", { data: '"\\ud800"' }, "22P02", "invalid input syntax for type json"],
  [
    "large data",
    { data: JSON.stringify(long(262_144)) },
    "OW005",
    'data of "t" is 262146 bytes and the limit is 262144',
  ],
  [
    "data over a limit of its own",
    { data: '"1234"', max_data_bytes: 5 },
    "OW005",
    "is 6 bytes and the limit is 5",
  ],
  ["an instant without end", { run_at: "infinity" }, "OW003", "run_at is no instant before the year 10000"],
  ["an instant before all time", { run_at: "-infinity" }, "OW003", "run_at is no instant"],
  ["the year 10000", { run_at: "10000-01-01 00:00:00+00" }, "OW003", "run_at is no instant"],
  ["two times", { run_at: "2030-01-01", delay: "1 s" }, "OW003", "run_at is given together with delay"],
  ["a delay before now", { delay: "-1 s" }, "OW003", "delay is out of range"],
  ["a delay of decades", { delay: "11 years" }, "OW003", "delay is out of range"],
  ["headers that are a list", { headers: "[]" }, "OW003", "headers is no object"],
  ["headers that are null in JSON", { headers: "null" }, "OW003", "headers is no object"],
  ["headers that are no text", { headers: '{"a": 1}' }, "OW003", "headers holds something that is no text"],
  [
    "a header without a name",
    { headers: '{"": "a"}' },
    "OW003",
    "headers holds something that is no text, or has no name",
  ],
  ["large headers", { headers: JSON.stringify({ a: long(4_096) }) }, "OW003", "headers is too large"],
  ["another policy", { on_duplicate: "drop" }, "OW003", 'on_duplicate is "drop"'],
];

describe("what cannot be used", () => {
  it.each(refused)(
    "%s is refused before anything is written, as an error with a code of its own",
    async (_, given, code, says) => {
      await using harness = await openHarness();
      const { pool, schema } = harness;
      const answer = await raised(call(pool, schema, { type: "t", data: "1", ...given }));
      expect(answer).toMatchObject({ code, message: expect.stringContaining(says) });
      if (code.startsWith("OW")) expect(answer).toHaveProperty("hint");
      expect((await harness.store.balance()).enqueued).toBe(0);
    },
  );

  it("is no more than the limits say: their last byte is taken", async () => {
    await using harness = await openHarness();
    const { pool, schema } = harness;
    const most = {
      type: long(200),
      data: JSON.stringify(long(262_142)),
      task_id: long(512),
      reference_id: long(512),
      headers: JSON.stringify({ aa: long(4_094) }),
      delay: "3660 days",
    };
    expect(await call(pool, schema, most)).toMatchObject({ created: true });
    const nothing = { run_at: null, delay: null, headers: "{}", max_data_bytes: null };
    expect(await call(pool, schema, { type: "t", data: "null", ...nothing })).toMatchObject({
      created: true,
    });
  });

  it("is a database that is not in UTF-8", async () => {
    await using server = testPool({ max: 1 });
    const database = `latin_${process.pid}`;
    await server.query(`create database ${database} encoding 'LATIN1' locale 'C' template template0`);
    const url = new URL(sharedDatabase());
    url.pathname = `/${database}`;
    const store = postgresStore({ connectionString: url.href });
    const client = new pg.Client({ connectionString: url.href });
    try {
      await store.migrate();
      await client.connect();
      expect(await raised(call(client, "owed", { type: "t", data: "1" }))).toMatchObject({
        code: "0A000",
        message: expect.stringContaining("LATIN1"),
      });
    } finally {
      await client.end();
      await store.close();
      await server.query(`drop database ${database}`);
    }
  });
});

describe("the function", () => {
  it("notifies nobody from the caller's transaction; whoever wants a worker to look at once notifies after it", async () => {
    await using harness = await openHarness();
    const { pool, schema, store } = harness;
    const executed: string[] = [];
    const executors = [executor(defineTask({ type: "t" }), ({ taskId }) => void executed.push(taskId))];
    const scheduler = new Scheduler({ store, executors });
    const ear = await pool.connect();
    const heard: string[] = [];
    ear.on("notification", ({ channel }) => heard.push(channel));
    await ear.query(`listen "owed ${schema}"`);
    await scheduler.start();
    scheduler.startWorker({ pollIntervalMs: 3_600_000 });
    await until("it listens", async () => {
      const { rows } = await pool.query("select from pg_stat_activity where query like $1", [
        `listen "owed ${schema}"%probe%`,
      ]);
      return rows.length > 0;
    });
    await new Promise((resolve) => setTimeout(resolve, 300));
    heard.length = 0;
    await call(pool, schema, { type: "t", data: "1", task_id: "x" });
    await ear.query("select 1");
    expect([heard, executed]).toEqual([[], []]);
    await pool.query("select pg_notify($1, '')", [`owed ${schema}`]);
    await until("it is executed", () => executed.length > 0);
    expect(heard).toEqual([`owed ${schema}`]);
    ear.release(true);
    await scheduler.stop();
  });

  it("calls nothing of the caller's search_path (L9)", async () => {
    await using harness = await openHarness();
    const { pool, schema } = harness;
    const evil = `${schema}_evil`;
    const body = "language plpgsql as $$ begin raise exception 'stolen'; end $$";
    await pool.query(`create schema ${evil};
      create function ${evil}.clock_timestamp() returns timestamptz ${body};
      create function ${evil}.octet_length(text) returns integer ${body};
      create function ${evil}.jsonb_typeof(jsonb) returns text ${body};
      create function ${evil}.encode(bytea, text) returns text ${body};
      create function ${evil}.equal(text, text) returns boolean ${body};
      create operator ${evil}.= (function = ${evil}.equal, leftarg = text, rightarg = text)`);
    const client = await pool.connect();
    await client.query(`set search_path = ${evil}, pg_catalog`);
    await expect(client.query("select octet_length('a'::text)")).rejects.toThrow("stolen");
    const given = { type: "t", data: '{"a": "b"}', task_id: "x" };
    expect(await call(client, schema, given)).toMatchObject({ created: true });
    expect(await call(client, schema, given)).toMatchObject({ created: false });
    client.release(true);
  });

  it("owes a task for each row of a query, in one statement", async () => {
    await using harness = await openHarness();
    const { rows } = await harness.pool.query<Answer>(
      `select e.* from (select n from generate_series(1, 3) n order by n) o
       cross join lateral ${harness.schema}.enqueue('t', to_jsonb(o), task_id => concat('n:', o.n)) e`,
    );
    expect(rows).toEqual([1, 2, 3].map((n) => ({ task_id: `n:${n}`, created: true })));
  });

  it("hands a raw executor the same bytes", async () => {
    await using harness = await openHarness();
    const { pool, schema, store } = harness;
    const seen: RawTask[] = [];
    const scheduler = new Scheduler({
      store,
      executor: { execute: (task) => void seen.push(task) },
      types: ["t"],
    });
    scheduler.startWorker({ pollIntervalMs: 50 });
    await call(pool, schema, { type: "t", data: '{"b": 1.0, "a": "é"}' });
    await until("it is executed", () => seen.length > 0);
    expect(new TextDecoder().decode(seen[0]?.data)).toBe('{"a":"é","b":1}');
    expect(seen[0]?.codec).toBe("json");
    await scheduler.stop();
  });
});
