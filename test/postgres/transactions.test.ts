// Callers' transactions: what passes as one, and how it is left.
import pg from "pg";
import { describe, expect, it } from "vitest";
import { at, claimedTask, enqueue, newTask, processId, retry } from "../../src/conformance/scene.ts";
import {
  CommitUnknownError,
  InvalidInputError,
  NotATransactionError,
  StoreUnavailableError,
  TransactionRolledBackError,
} from "../../src/errors.ts";
import {
  type PostgresStore,
  type PostgresTransaction,
  postgresStore,
} from "../../src/store/postgres/index.ts";
import { until } from "../kill/worker-process.ts";
import { freshSchema, sharedDatabase, testPool } from "../support/database.ts";
import { openHarness, type PostgresHarness } from "./harness.ts";

/** Makes a role whose sessions are serializable; answers its connection string. */
async function serializableRole({ pool }: PostgresHarness): Promise<string> {
  const role = freshSchema();
  await pool.query(`create role ${role} superuser login`);
  await pool.query(`alter role ${role} set default_transaction_isolation = serializable`);
  const url = new URL(sharedDatabase());
  url.username = role;
  return url.href;
}

/** From now on the client refuses this statement without telling the server; its socket lives. */
function refuseStatement(client: pg.PoolClient, statement: string): void {
  const query = client.query.bind(client) as (...parameters: unknown[]) => unknown;
  const refusing = (...parameters: unknown[]): unknown => {
    const [sent] = parameters as [string | { readonly text: string }];
    const text = typeof sent === "string" ? sent : sent.text;
    return text === statement ? Promise.reject(new Error("refused on purpose")) : query(...parameters);
  };
  Object.assign(client, { query: refusing });
}

const asserts =
  (store: PostgresStore) =>
  (candidate: unknown): void =>
    store.assertTransaction(candidate);

describe("what passes as a transaction", () => {
  it("clients do and pools do not, for the compiler", () => {
    const takes = (transaction: PostgresTransaction): unknown => transaction;
    const compiled = (pool: pg.Pool, client: pg.Client, poolClient: pg.PoolClient): void => {
      // @ts-expect-error each query of a pool runs on another connection
      takes(pool);
      takes(client);
      takes(poolClient);
    };
    expect(compiled).toBeTypeOf("function");
  });

  it("a pool, and a client outside a transaction, do not at run time either", async () => {
    await using harness = await openHarness();
    const assert = asserts(harness.store);
    expect(() => assert(harness.pool)).toThrow(NotATransactionError);
    const client = await harness.pool.connect();
    expect(() => assert(client)).toThrow(/outside a transaction/);
    await client.query("begin");
    assert(client);
    // The driver learns of the new state after it has thrown the error; the second failure comes later than that.
    for (const _ of [1, 2]) await client.query("select 1/0").catch(() => undefined);
    expect(() => assert(client)).toThrow(/aborted/);
    await client.query("rollback");
    expect(() => assert(client)).toThrow(NotATransactionError);
    client.release();
  });

  it.each<[string, (() => unknown) | undefined]>([
    ["before 8.21", undefined],
    [
      "on a pg-native before 3.8",
      () => {
        throw new TypeError("this.native.getTransactionStatus is not a function");
      },
    ],
  ])(
    "a client of pg %s is refused, and told which version can be trusted",
    async (_, getTransactionStatus) => {
      await using harness = await openHarness();
      const client = await harness.pool.connect();
      await client.query("begin");
      Object.assign(client, { getTransactionStatus });
      expect(() => asserts(harness.store)(client)).toThrow(NotATransactionError);
      expect(() => asserts(harness.store)(client)).toThrow(/8\.21/);
      client.release(true);
      // The store's own transactions do without.
      harness.pool.on("connect", (made) => Object.assign(made, { getTransactionStatus }));
      const own = await harness.store.begin();
      await harness.store.insert(own.transaction, [newTask("old")], null, at(0));
      await own.commit();
      expect((await harness.store.get("old"))?.state).toBe("pending");
    },
  );

  it("a native client that is busy is taken at its word, and none that is idle", async () => {
    await using harness = await openHarness();
    const native = (status: string | null) => ({
      query: async () => ({ rows: [] }),
      connectionParameters: {},
      native: {},
      getTransactionStatus: () => status,
    });
    for (const status of [null, "T"]) asserts(harness.store)(native(status));
    for (const status of ["I", "E"]) {
      expect(() => asserts(harness.store)(native(status))).toThrow(NotATransactionError);
    }
  });

  it("what cannot tell its state is taken at its word, as adapters are", async () => {
    await using harness = await openHarness();
    asserts(harness.store)({ query: async () => ({ rows: [] }) });
  });
});

describe("a transaction of the store's own", () => {
  it("says so when COMMIT was answered with ROLLBACK (V1, H5)", async () => {
    await using harness = await openHarness();
    const own = await harness.store.begin();
    await harness.store.insert(own.transaction, [newTask("phantom")], null, at(0));
    await expect(own.api.query("select 1/0")).rejects.toMatchObject({ code: "22012" });
    await expect(own.commit()).rejects.toThrow(TransactionRolledBackError);
    expect(await harness.store.get("phantom")).toBeNull();
    expect(harness.pool.idleCount).toBe(1);
  });

  it("says that it does not know when the connection is lost, and destroys it (H21)", async () => {
    await using harness = await openHarness();
    const own = await harness.store.begin();
    const { rows } = await own.api.query<{ pid: number }>("select pg_backend_pid() as pid");
    await harness.pool.query("select pg_terminate_backend($1, 10000)", [rows[0]?.pid]);
    await expect(own.commit()).rejects.toThrow(CommitUnknownError);
    expect(harness.pool.totalCount).toBe(1);
  });

  it("that could not be rolled back takes its live connection with it: the next user gets another, outside a transaction (H21, V17)", async () => {
    await using harness = await openHarness();
    await using pool = testPool({ max: 1 });
    const store = postgresStore({ pool, schema: harness.schema });
    pool.once("connect", (client) => refuseStatement(client, "rollback"));
    const own = await store.begin();
    const { rows } = await own.api.query<{ pid: number }>("select pg_backend_pid() as pid");
    await store.insert(own.transaction, [newTask("open")], null, at(0));
    await own.rollback();
    const next = await pool.connect();
    const { rows: nextRows } = await next.query<{ pid: number }>("select pg_backend_pid() as pid");
    const status = next.getTransactionStatus();
    next.release();
    await store.close();
    expect(nextRows[0]?.pid).not.toBe(rows[0]?.pid);
    expect(status).toBe("I");
  });

  it("rolls back without throwing, whatever has become of it", async () => {
    await using harness = await openHarness();
    const own = await harness.store.begin();
    await own.api.query("select 1/0").catch(() => undefined);
    await own.rollback();
    await own.rollback();
    const lost = await harness.store.begin();
    const { rows } = await lost.api.query<{ pid: number }>("select pg_backend_pid() as pid");
    // It answers before the backend is gone, unless it is told to wait.
    await harness.pool.query("select pg_terminate_backend($1, 10000)", [rows[0]?.pid]);
    await lost.rollback();
    const { rows: left } = await harness.pool.query(
      "select pid from pg_stat_activity where state like 'idle in transaction%' and pid = $1",
      [rows[0]?.pid],
    );
    expect(left).toEqual([]);
  });

  it("proves its commit only as long as it has seen every statement", async () => {
    await using harness = await openHarness();
    const controls = [
      "savepoint mine",
      " -- why not\n ROLLBACK to savepoint mine",
      "/* a */ select 1; release mine",
    ];
    for (const control of controls) {
      const own = await harness.store.begin();
      await own.api.query("select 1 as savepoint_count");
      expect(own.provesCommit()).toBe(true);
      await own.api.query(control).catch(() => undefined);
      expect(own.provesCommit()).toBe(false);
      await own.rollback();
    }
    const own = await harness.store.begin();
    expect(own.api.client).toBeInstanceOf(pg.Client);
    expect(own.provesCommit()).toBe(false);
    await own.rollback();
  });

  it.each([
    "commit",
    "ROLLBACK",
    "rollback work",
    "/* why */ begin",
    "start transaction",
    "select 1; end",
    "abort",
    "prepare transaction 'x'",
  ])("refuses %j before it is sent: the callback returns, or throws", async (statement) => {
    await using harness = await openHarness();
    const own = await harness.store.begin();
    await harness.store.insert(own.transaction, [newTask("kept")], null, at(0));
    await expect(own.api.query(statement)).rejects.toThrow(InvalidInputError);
    expect(own.provesCommit()).toBe(true);
    await own.commit();
    expect(await harness.store.get("kept")).toMatchObject({ state: "pending" });
  });

  it.each(["commit", "rollback"])(
    "that was ended by %s on its client does not pass as committed",
    async (end) => {
      await using harness = await openHarness();
      const own = await harness.store.begin();
      await harness.store.insert(own.transaction, [newTask("a")], null, at(0));
      await own.api.client.query(end);
      await expect(own.commit()).rejects.toThrow(NotATransactionError);
      expect([harness.pool.idleCount, harness.pool.totalCount]).toEqual([1, 1]);
    },
  );

  it("runs statements that are sent at once one after the other", async () => {
    await using harness = await openHarness();
    const own = await harness.store.begin();
    const answers = await Promise.all(
      [1, 2, 3].map((n) => own.api.query<{ n: string }>("select $1 as n", [n])),
    );
    expect(answers.map(({ rows }) => rows[0]?.n)).toEqual(["1", "2", "3"]);
    await own.commit();
  });

  it("begins at the isolation level asked for", async () => {
    await using harness = await openHarness();
    for (const isolationLevel of ["read committed", "repeatable read", "serializable"] as const) {
      const own = await harness.store.begin({ isolationLevel });
      const { rows } = await own.api.query("show transaction_isolation");
      expect(rows).toEqual([{ transaction_isolation: isolationLevel }]);
      await own.rollback();
    }
  });
});

describe("a caller's transaction", () => {
  it("stays usable after a duplicate (V2, H6)", async () => {
    await using harness = await openHarness();
    const { store } = harness;
    for (const _ of [1, 2]) {
      const caller = await harness.begin();
      const { created } = await store.insert(caller.transaction, [newTask("twice")], null, at(0));
      if (created.length === 0) {
        const other = newTask("twice", { data: new Uint8Array([1]) });
        const [verdict] = await store.resolveDuplicates(caller.transaction, [other], null, [], at(0));
        expect(verdict).toEqual({ taskId: "twice", verdict: "different", id: null });
      }
      const { rows } = await caller.transaction.query("select 1 as one", []);
      expect(rows).toEqual([{ one: 1 }]);
      await caller.commit();
    }
  });

  it("in REPEATABLE READ gets 40001 as the driver threw it (V10, H9)", async () => {
    await using harness = await openHarness();
    const client = await harness.pool.connect();
    await client.query("begin isolation level repeatable read");
    await client.query("select 1");
    const other = await harness.begin();
    await harness.store.insert(other.transaction, [newTask("contested")], null, at(0));
    await other.commit();
    const refused = Promise.resolve(harness.store.insert(client, [newTask("contested")], null, at(0)));
    await expect(refused).rejects.toThrow(pg.DatabaseError);
    await expect(refused).rejects.toMatchObject({ code: "40001" });
    await client.query("rollback");
    client.release();
  });

  it("takes more tasks in one statement than there are bind parameters (H28)", async () => {
    await using harness = await openHarness();
    const tasks = Array.from({ length: 70_000 }, (_, index) =>
      newTask(`many-${index}`, { data: new Uint8Array() }),
    );
    const caller = await harness.begin();
    const { created } = await harness.store.insert(caller.transaction, tasks, null, at(0));
    expect(created).toHaveLength(70_000);
    await caller.commit();
  });

  it("keeps its settings and its transaction through every statement of ours", async () => {
    await using harness = await openHarness();
    const client = await harness.pool.connect();
    await client.query("begin");
    await client.query("set local search_path = pg_temp");
    await client.query("set local statement_timeout = 12345");
    // Loading plpgsql adds settings of its own, which is no change of the caller's.
    const settings = "select name, setting from pg_settings where name not like 'plpgsql.%' order by name";
    const before = await client.query(settings);
    await harness.store.insert(client, [newTask("guest")], null, at(0));
    await harness.store.resolveDuplicates(client, [newTask("guest")], null, [], at(0));
    const after = await client.query(settings);
    expect(after.rows).toEqual(before.rows);
    expect(client.getTransactionStatus()).toBe("T");
    await client.query("commit");
    client.release();
  });
});

describe("the store's own statements", () => {
  it("run in READ COMMITTED whatever the database's default is (V10, H9)", async () => {
    const options = "-c default_transaction_isolation=serializable";
    await using harness = await openHarness({ options, schema: freshSchema() });
    const [setting] = (await harness.pool.query("show default_transaction_isolation")).rows;
    expect(setting).toEqual({ default_transaction_isolation: "serializable" });
    expect((await harness.store.warnings()).filter((text) => text.includes("isolation"))).toEqual([]);
  });

  it("warn behind a pooler, where nothing pins it, of an isolation level that makes claims fail", async () => {
    await using harness = await openHarness();
    const connectionString = await serializableRole(harness);
    for (const pooler of [false, true]) {
      const store = postgresStore({ connectionString, schema: harness.schema, pooler });
      expect((await store.warnings()).some((text) => text.includes("isolation"))).toBe(pooler);
      await store.close();
    }
  });

  it.each([
    ["pinned by the session", false],
    ["behind a pooler, pinned by each transaction", true],
  ])(
    "wait for a task that somebody is changing and then go on, %s, whatever the role's isolation level is (V10, H9)",
    async (_, pooler) => {
      await using outsider = await openHarness();
      const { schema, pool } = outsider;
      const connectionString = await serializableRole(outsider);
      const store = postgresStore({ connectionString, schema, pooler });
      const outcomes = {
        settle: async () => {
          const task = await claimedTask(outsider, "settle", processId(1));
          return () => store.settle([retry(task)], at(1));
        },
        cancel: async () => {
          await enqueue(outsider, [newTask("cancel")]);
          return () => store.cancel("cancel", at(1));
        },
        beat: async () => () => store.beat(processId(1), [], at(1)),
      };
      const answers: unknown[] = [];
      for (const prepare of Object.values(outcomes)) {
        const work = await prepare();
        const client = await pool.connect();
        await client.query("begin");
        await client.query(`update ${schema}.pending set next_attempt_at = next_attempt_at`);
        await client.query(`update ${schema}.process set slots = slots + 1`);
        const working = Promise.allSettled([work()]);
        const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
        const blocked = `select from pg_stat_activity where ${rows[0]?.pid} = any (pg_blocking_pids(pid))`;
        await until("it waits", async () => (await pool.query(blocked)).rowCount === 1);
        await client.query("commit");
        client.release();
        answers.push(...(await working));
      }
      await store.close();
      expect(answers).toMatchObject([
        { value: [{ verdict: "applied" }] },
        { value: { done: true } },
        { value: { alive: true } },
      ]);
    },
  );

  it("warn of settings that weaken the promises", async () => {
    await using harness = await openHarness({ options: "-c synchronous_commit=off" });
    const warnings = await harness.store.warnings();
    expect(warnings.some((text) => text.includes("synchronous_commit"))).toBe(true);
  });

  it("tell that a read-only database is unavailable", async () => {
    await using harness = await openHarness();
    await using reader = await openHarness({
      options: "-c default_transaction_read_only=on",
      schema: harness.schema,
      migrate: false,
    });
    const beat = reader.store.beat("7", []);
    await expect(beat).rejects.toThrow(StoreUnavailableError);
    await expect(beat).rejects.toMatchObject({ outcomeUnknown: false });
    expect((await reader.store.warnings()).some((text) => text.includes("read-only"))).toBe(true);
  });
});
