// Inside transaction(fn), on a driver that pipelines, an enqueue travels with the COMMIT; and a refused one takes it along.

import {
  CommitUnknownError,
  defineTask,
  InvalidInputError,
  Scheduler,
  TaskConflictError,
  TaskExistsError,
} from "owed";
import type pg from "pg";
import { describe, expect, it } from "vitest";
import {
  type PostgresStore,
  type PostgresTransaction,
  type PostgresTransactionApi,
  postgresStore,
} from "../../src/store/postgres/index.ts";
import { until } from "../kill/worker-process.ts";
import { freshSchema, sharedMajors, type TestPool, testPool } from "../support/database.ts";

const job = defineTask<unknown>({ type: "job" });
const unique = defineTask<unknown>({ type: "unique", onDuplicate: "throw" });
const lenient = defineTask<unknown>({ type: "lenient", onDuplicate: "keep" });

/** The messages of the protocol as the socket of one client sees them. */
interface Wire {
  on(event: "readyForQuery", listener: () => void): void;
  readonly stream: { write(...parameters: unknown[]): unknown };
}

type Settings = NonNullable<Parameters<typeof testPool>[0]>;

/** A scheduler on a pool of its own, with the order of statements and answers on its connections. */
class Scene implements AsyncDisposable {
  readonly schema = freshSchema();
  readonly pool: TestPool;
  readonly store: PostgresStore;
  readonly scheduler: Scheduler<PostgresTransaction, PostgresTransactionApi, false>;
  /** "sent" for each statement and "answered" for each answer, in their order on the socket. */
  readonly order: string[] = [];

  private constructor(settings: Settings) {
    this.pool = testPool(settings);
    this.store = postgresStore({ pool: this.pool, schema: this.schema });
    this.scheduler = new Scheduler({ store: this.store });
    this.pool.on("connect", (client) => this.#watch(client));
  }

  static async open(settings: Settings = { pipeline: true }): Promise<Scene> {
    const scene = new Scene(settings);
    await scene.store.migrate();
    await scene.pool.query(`create table ${scene.schema}.business (id integer primary key)`);
    return scene;
  }

  #watch(client: pg.PoolClient): void {
    const { connection } = client as unknown as { readonly connection: Wire };
    const write = connection.stream.write.bind(connection.stream);
    // A statement ends with Sync (S), or is a simple query (Q).
    connection.stream.write = (chunk: unknown, ...rest: unknown[]) => {
      const kind = String.fromCharCode((chunk as Buffer)[0] ?? 0);
      if (kind === "S" || kind === "Q") this.order.push("sent");
      return write(chunk, ...rest);
    };
    connection.on("readyForQuery", () => this.order.push("answered"));
  }

  /** How often the work waited for the database: an answer that comes while nothing else is on its way. */
  async waits(work: () => Promise<unknown>): Promise<number> {
    await this.pool.query("select 1"); // it is connected
    this.order.length = 0;
    await work();
    let [underWay, waits] = [0, 0];
    this.order.forEach((event, index) => {
      underWay += event === "sent" ? 1 : -1;
      if (event === "answered" && underWay === 0) waits += 1;
      expect(underWay, `${index} of ${this.order.join(" ")}`).toBeGreaterThanOrEqual(0);
    });
    return waits;
  }

  insertBusiness(id: number): string {
    return `insert into ${this.schema}.business (id) values (${id})`;
  }

  async businessIds(): Promise<readonly unknown[]> {
    const { rows } = await this.pool.query(`select id from ${this.schema}.business order by id`);
    return rows.map(({ id }) => id as unknown);
  }

  async stateOf(taskId: string): Promise<string | undefined> {
    return (await this.store.get(taskId))?.state;
  }

  async enqueued(): Promise<number> {
    return (await this.store.balance()).enqueued;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.scheduler.stop();
    await this.pool[Symbol.asyncDispose]();
  }
}

/** One business row and one task, as an application does it. */
function order(scene: Scene, id: number, taskId: string): Promise<unknown> {
  return scene.scheduler.transaction(async (tx) => {
    await tx.query(scene.insertBusiness(id));
    await tx.enqueue(job, { id }, { taskId });
  });
}

describe.each(sharedMajors())("an enqueue inside transaction(fn), on Postgres %i", (major) => {
  it("costs no round trip of its own: it is sent, and the COMMIT behind it, before either is answered", async () => {
    await using scene = await Scene.open({ major, pipeline: true });
    expect(await scene.waits(() => order(scene, 1, "a"))).toBe(3); // begin, the row, and the task with the COMMIT
    expect(scene.order.slice(-4)).toEqual(["sent", "sent", "answered", "answered"]);
    const several = scene.scheduler.transaction.bind(scene.scheduler);
    const work = () =>
      several(async (tx) => {
        await tx.enqueue(job, 1, { taskId: "b" });
        await tx.enqueueAll(job, [{ data: 2 }, { data: 3, delayMs: 60_000 }]);
        await tx.enqueueAll([{ type: "raw", data: new Uint8Array() }]);
      });
    expect(await scene.waits(work)).toBe(2);
    expect(await scene.waits(() => scene.scheduler.enqueue(job, 1))).toBe(2);
    expect(await scene.enqueued()).toBe(6);
  });

  it("waits for its answer where the driver does not pipeline", async () => {
    await using scene = await Scene.open({ major });
    expect(await scene.waits(() => order(scene, 1, "a"))).toBe(4);
    expect([await scene.businessIds(), await scene.stateOf("a")]).toEqual([[1], "pending"]);
  });

  it("tells with the result which tasks were created, by every policy (G1)", async () => {
    await using scene = await Scene.open({ major, pipeline: true });
    await scene.scheduler.transaction((tx) =>
      tx.enqueueAll([
        { type: "job", data: Buffer.from("1"), taskId: "same" },
        { type: "job", data: Buffer.from("1"), taskId: "kept" },
      ]),
    );
    const { value, receipts } = await scene.scheduler.transaction(async (tx) => [
      await tx.enqueue(job, 1, { taskId: "same" }),
      await tx.enqueue(lenient, 2, { taskId: "kept" }),
      ...(await tx.enqueueAll([
        { type: "job", data: Buffer.from("1"), taskId: "same" },
        { type: "job", data: Buffer.from("2"), taskId: "new", delayMs: 60_000, headers: { a: 'b"' } },
        { type: "other", data: Buffer.from("3"), taskId: "other", referenceId: "r" },
      ])),
    ]);
    expect(value).toEqual(["same", "kept", "same", "new", "other"].map((taskId) => ({ taskId })));
    expect(receipts.map(({ taskId, created }) => `${taskId} ${created}`)).toEqual([
      "same false",
      "kept false",
      "same false",
      "new true",
      "other true",
    ]);
    expect(await scene.store.get("new")).toMatchObject({
      type: "job",
      headers: { a: 'b"' },
      referenceId: null,
    });
    expect(await scene.store.get("other")).toMatchObject({ type: "other", headers: null, referenceId: "r" });
    expect(await scene.store.get("kept")).toMatchObject({
      type: "job",
      data: new Uint8Array(Buffer.from("1")),
    });
  });

  it("that finds another task under its id takes the whole transaction with it, though nobody looked (G1, H6)", async () => {
    await using scene = await Scene.open({ major, pipeline: true });
    await order(scene, 1, "stands");
    const conflict = order(scene, 2, "stands");
    await expect(conflict).rejects.toThrow(TaskConflictError);
    await expect(conflict).rejects.toMatchObject({ taskIds: ["stands"] });
    const many = scene.scheduler.transaction(async (tx) => {
      await tx.query(scene.insertBusiness(3));
      await tx.enqueueAll(
        unique,
        ["x", "stands", "y"].map((taskId) => ({ data: 1, taskId })),
      );
    });
    await expect(many).rejects.toMatchObject({ code: "OWED_TASK_EXISTS", taskIds: ["stands"] });
    await expect(scene.scheduler.enqueue(unique, 1, { taskId: "stands" })).rejects.toThrow(TaskExistsError);
    expect([await scene.businessIds(), await scene.enqueued()]).toEqual([[1], 1]);
    expect([scene.pool.idleCount, scene.pool.totalCount]).toEqual([1, 1]);
  });

  it("that is refused is what the transaction rejects with, whatever failed after it for that reason", async () => {
    await using scene = await Scene.open({ major, pipeline: true });
    await order(scene, 1, "stands");
    const afterwards = [
      () => scene.pool.query("select 1"), // lets the answer come before the next enqueue
      (tx: PostgresTransactionApi) => tx.query(scene.insertBusiness(2)),
    ];
    for (const after of afterwards) {
      const work = scene.scheduler.transaction(async (tx) => {
        await tx.enqueue(job, "other", { taskId: "stands" });
        await after(tx);
        await tx.enqueue(job, 1, { taskId: "after" });
      });
      await expect(work).rejects.toThrow(TaskConflictError);
    }
    const caught = scene.scheduler.transaction(async (tx) => {
      await tx.enqueue(job, "other", { taskId: "stands" });
      await tx.query(scene.insertBusiness(2)).catch(() => undefined);
    });
    await expect(caught).rejects.toThrow(TaskConflictError);
    const declined = scene.scheduler.transaction(async (tx) => {
      await tx.enqueue(job, "other", { taskId: "stands" });
      throw new Error("declined");
    });
    await expect(declined).rejects.toThrow("declined");
    expect([await scene.businessIds(), await scene.enqueued()]).toEqual([[1], 1]);
  });

  it("that is refused in a savepoint undoes the savepoint alone", async () => {
    await using scene = await Scene.open({ major, pipeline: true });
    await order(scene, 1, "stands");
    const { receipts } = await scene.scheduler.transaction(async (tx) => {
      await tx.enqueue(job, 1, { taskId: "before" });
      const inner = tx.savepoint(async (savepoint) => {
        await savepoint.enqueue(job, 1, { taskId: "inside" });
        await savepoint.enqueue(job, "other", { taskId: "stands" });
      });
      await expect(inner).rejects.toThrow(TaskConflictError);
      const failing = tx.savepoint(async (savepoint) => {
        await tx.enqueue(job, "other", { taskId: "stands" }); // through the outer tx
        await savepoint.query("select 1");
      });
      await expect(failing).rejects.toThrow(TaskConflictError);
      await tx.enqueue(job, 1, { taskId: "after" });
    });
    expect(receipts.map(({ taskId }) => taskId)).toEqual(["before", "after"]);
    expect([await scene.stateOf("inside"), await scene.stateOf("before")]).toEqual([undefined, "pending"]);
  });

  it("that is refused before a savepoint keeps that from beginning", async () => {
    await using scene = await Scene.open({ major, pipeline: true });
    await order(scene, 1, "stands");
    let ran = false;
    const work = scene.scheduler.transaction(async (tx) => {
      await tx.enqueue(job, "other", { taskId: "stands" });
      await tx.savepoint(async () => {
        ran = true;
      });
    });
    await expect(work).rejects.toThrow(TaskConflictError);
    expect(ran).toBe(false);
  });

  it("waits for one that is being enqueued elsewhere: it is the same, or new after all", async () => {
    await using scene = await Scene.open({ major, pipeline: true });
    for (const [end, created] of [
      ["commit", false],
      ["rollback", true],
    ] as const) {
      const client = await scene.pool.connect();
      await client.query("begin");
      await scene.scheduler.enqueue(client, job, 1, { taskId: end });
      const work = scene.scheduler.transaction((tx) => tx.enqueue(job, 1, { taskId: end }));
      const blocked =
        "select from pg_stat_activity where pg_backend_pid() <> pid and wait_event_type = 'Lock' and $1 = any (pg_blocking_pids(pid))";
      const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
      await until("it waits", async () => (await scene.pool.query(blocked, [rows[0]?.pid])).rowCount === 1);
      await client.query(end);
      client.release();
      expect((await work).receipts).toEqual([{ taskId: end, created }]);
    }
  });
});

describe("a transaction that sends ahead", () => {
  it("is retried when what it sent ahead has lost against another (H9)", async () => {
    await using scene = await Scene.open();
    await scene.pool.query(`create sequence ${scene.schema}.tries`);
    await scene.pool.query(
      `create function ${scene.schema}.lose() returns trigger language plpgsql as $$ begin
         if nextval('${scene.schema}.tries') < 3 then
           raise exception 'lost' using errcode = 'serialization_failure';
         end if;
         return new;
       end $$`,
    );
    await scene.pool.query(
      `create trigger lose before insert on ${scene.schema}.task execute function ${scene.schema}.lose()`,
    );
    const work = (maxRetries: number) =>
      scene.scheduler.transaction((tx) => tx.enqueue(job, 1, { taskId: "a" }), { maxRetries });
    await expect(work(0)).rejects.toMatchObject({ code: "40001" });
    await work(1);
    expect(await scene.stateOf("a")).toBe("pending");
  });

  it("waits for what it sent ahead once the user steers it by hand", async () => {
    await using scene = await Scene.open();
    await order(scene, 1, "stands");
    const byHand = scene.scheduler.transaction(async (tx) => {
      await tx.query("savepoint mine");
      await expect(tx.enqueue(job, "other", { taskId: "stands" })).rejects.toThrow(TaskConflictError);
      await tx.query("rollback to savepoint mine");
      await tx.enqueue(job, 1, { taskId: "after" });
    });
    expect((await byHand).receipts).toEqual([{ taskId: "after", created: true }]);
    const late = scene.scheduler.transaction(async (tx) => {
      await tx.enqueue(job, "other", { taskId: "stands" });
      await tx.query("savepoint mine");
    });
    await expect(late).rejects.toThrow(TaskConflictError);
    const onClient = scene.scheduler.transaction(async (tx) => {
      await tx.enqueue(job, "other", { taskId: "stands" });
      await tx.client.query("select 1").catch(() => undefined);
    });
    await expect(onClient).rejects.toThrow(TaskConflictError);
    expect(await scene.enqueued()).toBe(2);
  });

  it("does not send behind a statement of the user's that is not answered", async () => {
    await using scene = await Scene.open();
    const work = () =>
      scene.scheduler.transaction(async (tx) => {
        await Promise.all([
          tx.query(scene.insertBusiness(1)),
          tx.enqueue(job, 1, { taskId: "a" }),
          tx.query(scene.insertBusiness(2)),
        ]);
      });
    expect(await scene.waits(work)).toBeGreaterThanOrEqual(4);
    expect([await scene.businessIds(), await scene.stateOf("a")]).toEqual([[1, 2], "pending"]);
  });

  it("names all its tasks when nobody knows whether it was committed (V3)", async () => {
    await using scene = await Scene.open();
    const work = scene.scheduler.transaction(async (tx) => {
      const { rows } = await tx.query<{ pid: number }>("select pg_backend_pid() as pid");
      await scene.pool.query("select pg_terminate_backend($1, 10000)", [rows[0]?.pid]);
      await tx.enqueue(job, 1, { taskId: "a" });
      await tx.enqueueAll(job, [{ data: 1, taskId: "b" }]);
    });
    await expect(work).rejects.toThrow(CommitUnknownError);
    await expect(work).rejects.toMatchObject({ taskIds: ["a", "b"] });
    expect(await scene.enqueued()).toBe(0);
  });

  it("that was ended behind the engine's back does not pass as committed", async () => {
    await using scene = await Scene.open();
    const work = scene.scheduler.transaction(async (tx) => {
      // Hidden from the search for statements that end a transaction, not from the driver.
      await tx.query("select '--'; rollback");
      await tx.query(scene.insertBusiness(1));
    });
    await expect(work).rejects.toMatchObject({ code: "OWED_NOT_A_TRANSACTION" });
    const refused = scene.scheduler.transaction((tx) => tx.query("commit"));
    await expect(refused).rejects.toThrow(InvalidInputError);
  });

  it("cut short takes its connection with it, whatever has been sent on that", async () => {
    await using scene = await Scene.open();
    const own = await scene.store.begin();
    const { rows } = await own.api.query<{ pid: number }>("select pg_backend_pid() as pid");
    const sleeping = own.api.query("select pg_sleep(60)");
    sleeping.catch(() => undefined);
    await own.rollback({ atOnce: true });
    await expect(sleeping).rejects.toThrow(/terminated/);
    await scene.pool.query("select pg_terminate_backend($1)", [rows[0]?.pid]);
  });

  it("prepares its statements, and does without once the session has forgotten them", async () => {
    await using scene = await Scene.open({ pipeline: true, max: 1 });
    const prepared = async (): Promise<number> => {
      const { rows } = await scene.pool.query("select from pg_prepared_statements where name like 'owed%'");
      return rows.length;
    };
    await order(scene, 1, "a");
    expect(await prepared()).toBe(1);
    await scene.pool.query("discard all");
    await order(scene, 2, "b");
    expect([await prepared(), await scene.stateOf("b")]).toEqual([0, "pending"]);
  });
});
