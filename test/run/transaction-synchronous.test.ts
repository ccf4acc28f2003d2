// transaction(fn) where everything in it is synchronous: SQLite.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  defineTask,
  executor,
  NotATransactionError,
  Scheduler,
  type SchedulerTransaction,
  SynchronousOnlyError,
} from "owed";
import { type SqliteApi, type SqliteTransaction, sqliteStore } from "owed/sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

import { gate, job } from "./world.ts";

type Tx = SchedulerTransaction<SqliteApi, true>;

describe("a transaction on a synchronous store", () => {
  const folder = mkdtempSync(join(tmpdir(), "owed-transaction-"));
  const done: string[] = [];
  const store = sqliteStore({ file: join(folder, "tasks.db") });
  let scheduler: Scheduler<SqliteTransaction, SqliteApi, true>;

  /** Calls all there is to call on a tx, and notes what each throws. */
  async function callAll(tx: Tx, name: string, refusals: unknown[]): Promise<void> {
    const calls = [
      () => tx.run("insert into note values (?)", name),
      () => tx.handle,
      () => tx.enqueue(job, {}, { taskId: name }),
      () => tx.enqueueAll(job, [{ data: {}, taskId: name }]),
      () => tx.savepoint((inner) => inner.run("insert into note values (?)", name)),
    ];
    for (const call of calls) {
      try {
        refusals.push(call());
      } catch (error) {
        refusals.push(error instanceof NotATransactionError ? error.message.split(":")[0] : error);
      }
    }
  }

  /** The task of that name and the rows of that name. */
  async function standing(name: string): Promise<unknown> {
    const { value } = await scheduler.transaction((tx) =>
      tx.all("select name from note where name = ?", name),
    );
    return [await scheduler.get(name), value];
  }

  beforeAll(async () => {
    scheduler = new Scheduler({ store, executors: [executor(job, ({ taskId }) => void done.push(taskId))] });
    await scheduler.start();
    await scheduler.transaction((tx) => tx.run("create table note (name text)"));
  });

  afterAll(async () => {
    await scheduler.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("the callback is synchronous through and through, and its tasks run after the commit", async () => {
    const { value, receipts } = await scheduler.transaction((tx) => {
      const { taskId } = tx.enqueue(job, {}, { taskId: "sync" });
      const nested = tx.savepoint((inner) => inner.enqueue(job, {}, { taskId: "nested" }).taskId);
      expect(() =>
        tx.savepoint((inner) => {
          inner.enqueue(job, {}, { taskId: "undone" });
          throw new Error("never mind");
        }),
      ).toThrow("never mind");
      return [taskId, nested, tx.all("select 1 as one")];
    });
    expect(value).toEqual(["sync", "nested", [{ one: 1 }]]);
    expect(await scheduler.tryExecuteNow(receipts)).toEqual(["confirmed", "confirmed"]);
    expect([done, await scheduler.get("undone")]).toEqual([["sync", "nested"], null]);
  });

  it("an async callback is refused with a clear error, and nothing of it is committed", async () => {
    const work = async (tx: SchedulerTransaction<SqliteApi, true>): Promise<void> => {
      tx.enqueue(job, {}, { taskId: "async" });
      await Promise.resolve();
    };
    await expect(scheduler.transaction(work as never)).rejects.toMatchObject({
      code: "OWED_SYNCHRONOUS_ONLY",
    });
    expect(await scheduler.get("async")).toBeNull();
  });

  it("what an async callback does after it was refused is refused too, and lands in no other transaction (G1)", async () => {
    const other = gate();
    const refusals: unknown[] = [];
    let late: Promise<void> = Promise.resolve();
    const work = (tx: Tx): Promise<void> => {
      late = other.opened.then(() => callAll(tx, "late", refusals));
      return late;
    };
    await expect(scheduler.transaction(work as never)).rejects.toBeInstanceOf(SynchronousOnlyError);
    const own = await store.begin();
    other.open();
    await late;
    own.commit();
    expect(refusals).toEqual(Array(5).fill("this transaction has ended"));
    expect(await standing("late")).toEqual([null, []]);
  });

  it("what an async savepoint does after it was rolled back is refused, while its transaction goes on (G1)", async () => {
    const refusals: unknown[] = [];
    let late: Promise<void> = Promise.resolve();
    const { receipts } = await scheduler.transaction((tx) => {
      const work = (inner: Tx): Promise<void> => {
        inner.enqueue(job, {}, { taskId: "early" });
        // Runs before COMMIT is sent: the callback itself has returned by then.
        late = Promise.resolve().then(() => callAll(inner, "savepoint", refusals));
        return late;
      };
      expect(() => tx.savepoint(work as never)).toThrow(SynchronousOnlyError);
      tx.enqueue(job, {}, { taskId: "goes on" });
    });
    await late;
    expect(receipts.map(({ taskId }) => taskId)).toEqual(["goes on"]);
    expect(refusals).toEqual(Array(5).fill("this savepoint has ended"));
    expect([await standing("early"), await standing("savepoint")]).toEqual([
      [null, []],
      [null, []],
    ]);
  });

  it("what a callback has left for later cannot slip in between its end and COMMIT (G1)", async () => {
    const refusals: unknown[] = [];
    let late: Promise<void> = Promise.resolve();
    await scheduler.transaction((tx) => {
      late = Promise.resolve().then(() => callAll(tx, "between", refusals));
    });
    await late;
    expect(refusals).toEqual(Array(5).fill("this transaction has ended"));
    expect(await standing("between")).toEqual([null, []]);
  });

  it("a schema that must be waited for is refused there, and taken where an enqueue may wait", async () => {
    const slow = defineTask({ type: "slow", data: z.string().refine(async () => Promise.resolve(true)) });
    await scheduler.transaction((tx) => {
      expect(() => tx.enqueue(slow, "x", { taskId: "slow" })).toThrow(SynchronousOnlyError);
    });
    expect(await scheduler.enqueue(slow, "x", { taskId: "slow" })).toEqual({ taskId: "slow", created: true });
  });
});
