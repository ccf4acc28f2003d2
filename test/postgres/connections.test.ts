// Connections break, hang and are killed; the store goes on, and the process with it.
import pg from "pg";
import { describe, expect, it, vi } from "vitest";
import {
  at,
  claimedTask,
  confirmation,
  enqueue,
  newTask,
  processId,
  processRecord,
  retry,
} from "../../src/conformance/scene.ts";
import { InvalidInputError, StoreRefusedError, StoreUnavailableError } from "../../src/errors.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { freshSchema, sharedDatabase, testPool } from "../support/database.ts";
import { wireTo } from "../support/wire.ts";
import { openHarness } from "./harness.ts";

describe("a connection that hangs", () => {
  it("is given up after a time and never used again (V15, H19)", async () => {
    await using proxy = await wireTo(sharedDatabase());
    const schema = freshSchema();
    const store = postgresStore({
      connectionString: proxy.connectionString,
      schema,
      statementTimeoutMs: 200,
    });
    try {
      await store.migrate();
      proxy.setHole(true);
      const counting = store.count("pending");
      await expect(counting).rejects.toThrow(StoreUnavailableError);
      await expect(counting).rejects.toMatchObject({ outcomeUnknown: true });
      proxy.setHole(false);
      expect(await store.count("pending")).toBe(0);
    } finally {
      await store.close();
    }
  });

  it("does not keep close() waiting", async () => {
    await using proxy = await wireTo(sharedDatabase());
    const store = postgresStore({ connectionString: proxy.connectionString, schema: freshSchema() });
    await store.migrate();
    proxy.setHole(true);
    const refused = expect(store.count("pending")).rejects.toThrow(StoreUnavailableError);
    await new Promise((resolve) => setImmediate(resolve));
    await store.close();
    await refused;
  });
});

describe("a connection that is killed", () => {
  it("while idle is replaced, and does not end the process (H22, V19)", async () => {
    const application_name = freshSchema();
    await using harness = await openHarness({ application_name });
    await harness.store.count("pending");
    const { rowCount } = await harness.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid()",
      [application_name],
    );
    expect(rowCount).toBeGreaterThan(0);
    // One of the first statements may still meet a dead connection.
    for (let tries = 0; tries < 3; tries += 1) await harness.store.count("pending").catch(() => undefined);
    expect(await harness.store.count("pending")).toBe(0);
  });

  it("while it idles in the user's own pool does not end the process either (G13, H22)", async () => {
    await using harness = await openHarness();
    const pool = new pg.Pool({ connectionString: sharedDatabase(), max: 1 });
    const store = postgresStore({ pool, schema: freshSchema() });
    const { rows } = await pool.query<{ pid: number }>("select pg_backend_pid() as pid");
    await harness.pool.query("select pg_terminate_backend($1, 10000)", [rows[0]?.pid]);
    // An error event with no listener is thrown where nobody catches it, and this run of tests would fail.
    await vi.waitFor(() => expect(pool.totalCount).toBe(0), 10_000);
    expect(pool.listenerCount("error")).toBe(1);
    await store.close();
    expect(pool.listenerCount("error")).toBe(0);
    await pool.end();
  });

  it("tells the truth about what it does not know", async () => {
    const port = "1";
    const store = postgresStore({ connectionString: `postgres://user:secret@127.0.0.1:${port}/none` });
    const counting = store.count("pending");
    await expect(counting).rejects.toMatchObject({ code: "OWED_STORE_UNAVAILABLE", outcomeUnknown: false });
    const error = await counting.catch((reason: unknown) => reason as Error);
    expect(String(error)).not.toContain("secret");
    await store.close();
  });
});

describe("the store's own connections", () => {
  it("do not depend on the user's pool (H20, V18)", async () => {
    await using pool = testPool({ max: 1 });
    const store = postgresStore({ pool, schema: freshSchema() });
    const only = await pool.connect();
    try {
      await store.migrate();
      expect(await store.count("pending")).toBe(0);
    } finally {
      only.release();
      await store.close();
    }
  });

  it("keep the password of the pool, which hides it", async () => {
    const url = new URL(sharedDatabase());
    const pool = new pg.Pool({
      host: url.hostname,
      port: Number(url.port),
      user: decodeURIComponent(url.username),
      database: url.pathname.slice(1),
      password: "kept",
    });
    const store = postgresStore({ pool, schema: freshSchema() });
    expect(Object.keys(pool.options)).not.toContain("password");
    await store.migrate();
    await store.close();
    await pool.end();
  });

  it("do not read values through the application's parsers", async () => {
    await using harness = await openHarness();
    const parseInt8 = pg.types.getTypeParser(20);
    pg.types.setTypeParser(20, () => "parsed by the application");
    try {
      expect(await harness.store.count("pending")).toBe(0);
      await claimedTask(harness, "read", processId(1));
    } finally {
      pg.types.setTypeParser(20, parseInt8);
    }
  });

  it.each([
    ["with pinned settings", false],
    ["behind a pooler, which forbids them", true],
  ])(
    "answer busy for a task that somebody keeps locked, and settle all others, %s (H17, G18)",
    async (_, pooler) => {
      await using harness = await openHarness({ pooler });
      const { store, pool, schema } = harness;
      const free = await claimedTask(harness, "free", processId(1));
      const locked = await claimedTask(harness, "locked", processId(2));
      const client = await pool.connect();
      await client.query("begin");
      await client.query(`select from ${schema}.pending where id = $1 for update`, [locked.id]);
      const meanwhile = await store.settle([confirmation(locked), confirmation(free)], at(1));
      expect(meanwhile.map(({ verdict }) => verdict)).toEqual(["busy", "applied"]);
      expect((await store.get("free"))?.state).toBe("confirmed");
      await client.query("rollback");
      client.release();
      const answers = await store.settle([confirmation(locked), confirmation(free)], at(2));
      expect(answers.map(({ verdict, state }) => [verdict, state])).toEqual([
        ["applied", "confirmed"],
        ["applied", "confirmed"],
      ]);
    },
  );

  it("wait no longer for an outsider behind a pooler than without one, whatever is asked of them", async () => {
    await using harness = await openHarness({ pooler: true });
    const { store, pool, schema } = harness;
    await store.register(processRecord(processId(1)));
    await enqueue(harness, [newTask("locked")]);
    const client = await pool.connect();
    await client.query("begin");
    await client.query(`select from ${schema}.task join ${schema}.pending using (id) for update`);
    await client.query(`select from ${schema}.process for update`);
    const calls = {
      cancel: store.cancel("locked"),
      redrive: store.redrive("locked"),
      erase: store.erase("locked"),
      beat: store.beat(processId(1), []),
      register: store.register(processRecord(processId(1))),
      remove: store.removeProcess(processId(1)),
    };
    const outcomes = await Promise.allSettled(Object.values(calls));
    for (const [place, name] of Object.keys(calls).entries()) {
      const cause = { code: "55P03" };
      expect(outcomes[place], name).toMatchObject({ status: "rejected", reason: { cause } });
    }
    await client.query("rollback");
    client.release();
    expect(await store.cancel("locked")).toEqual({ done: true });
  });

  it("leave nothing of their bounds behind on a connection that others use next", async () => {
    await using harness = await openHarness({ pooler: true });
    const { store, pool, schema } = harness;
    await pool.query(`create table ${schema}.seen (what text, lock_timeout text, statement_timeout text)`);
    await pool.query(`create function ${schema}.see() returns trigger language plpgsql as $$
      begin
        insert into ${schema}.seen
        values (tg_op, current_setting('lock_timeout'), current_setting('statement_timeout'));
        return null;
      end $$`);
    await pool.query(
      `create trigger see after update or delete on ${schema}.pending execute function ${schema}.see()`,
    );
    const first = await claimedTask(harness, "first", processId(1));
    await store.settle([confirmation(first)], at(1));
    await enqueue(harness, [newTask("second")], at(1));
    await store.cancel("second", at(1));
    await claimedTask(harness, "third", processId(2));
    const { rows } = await pool.query(`select * from ${schema}.seen`);
    expect(rows).toEqual([
      { what: "UPDATE", lock_timeout: "0", statement_timeout: "0" },
      { what: "DELETE", lock_timeout: "1s", statement_timeout: "0" },
      { what: "DELETE", lock_timeout: "1s", statement_timeout: "10s" },
      { what: "UPDATE", lock_timeout: "0", statement_timeout: "0" },
    ]);
  });

  it("name a refused value by its SQLSTATE and nothing of it", async () => {
    await using harness = await openHarness();
    const task = await claimedTask(harness, "refused", processId(1));
    const settling = harness.store.settle([retry(task, { delayMs: 1e300 })], at(1));
    await expect(settling).rejects.toThrow(StoreRefusedError);
    await expect(settling).rejects.toThrow(/SQLSTATE 22/);
    expect((await harness.store.get("refused"))?.attempts).toEqual([]);
  });
});

describe("options", () => {
  const connectionString = "postgres://x";
  it.each<[field: string, options: unknown]>([
    ["options", undefined],
    ["options", null],
    ["options", connectionString],
    ["pool", { pool: 5 }],
    ["pool", { pool: null }],
    ["pool", { pool: {} }],
    ["connectionString", { connectionString: 5 }],
    ["connectionString", { connectionString: "" }],
    ["connectionString", { connectionString: new URL("postgres://x") }],
    ["connection", { connection: 5 }],
    ["connection", { connection: null }],
    ["pooler", { connectionString, pooler: "yes" }],
    ["pooler", { connectionString, pooler: null }],
    ["notify", { connectionString, notify: 0 }],
    ["listen", { connectionString, listen: "no" }],
    ["listen", { connectionString, listen: null }],
    ["ownConnections", { connectionString, ownConnections: "2" }],
    ["statementTimeoutMs", { connectionString, statementTimeoutMs: Number.POSITIVE_INFINITY }],
    ["schema", { connectionString, schema: 5 }],
  ])("are refused where they are given: %s of %j", (field, options) => {
    let thrown: unknown;
    try {
      postgresStore(options as never);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(InvalidInputError);
    expect(thrown).toMatchObject({ field, remedy: expect.stringMatching(/^\w+ /) });
  });

  it("that are undefined are as if they were left out", async () => {
    const unset = { schema: undefined, ownConnections: undefined, pooler: undefined, pool: undefined };
    await postgresStore({ connectionString, ...unset } as never).close();
  });

  it("name exactly one way to the database", () => {
    const none = {} as unknown as { connectionString: string };
    expect(() => postgresStore(none)).toThrow(InvalidInputError);
    const both = { connectionString: "postgres://x", connection: {} } as unknown as {
      connectionString: string;
    };
    expect(() => postgresStore(both)).toThrow(InvalidInputError);
    expect(() => postgresStore({ connectionString: "postgres://x", ownConnections: 0 })).toThrow(
      /ownConnections/,
    );
    expect(() => postgresStore({ connectionString: "postgres://x", statementTimeoutMs: 0.5 })).toThrow(
      /statementTimeoutMs/,
    );
  });
});
