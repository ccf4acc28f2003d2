// transaction(fn) where everything in it is synchronous: SQLite.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defineTask, executor, Scheduler, type SchedulerTransaction, SynchronousOnlyError } from "owed";
import { type SqliteApi, type SqliteTransaction, sqliteStore } from "owed/sqlite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";

import { job } from "./world.ts";

describe("a transaction on a synchronous store", () => {
  const folder = mkdtempSync(join(tmpdir(), "owed-transaction-"));
  const done: string[] = [];
  let scheduler: Scheduler<SqliteTransaction, SqliteApi, true>;

  beforeAll(async () => {
    const store = sqliteStore({ file: join(folder, "tasks.db") });
    scheduler = new Scheduler({ store, executors: [executor(job, ({ taskId }) => void done.push(taskId))] });
    await scheduler.start();
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

  it("a schema that must be waited for is refused there, and taken where an enqueue may wait", async () => {
    const slow = defineTask({ type: "slow", data: z.string().refine(async () => Promise.resolve(true)) });
    await scheduler.transaction((tx) => {
      expect(() => tx.enqueue(slow, "x", { taskId: "slow" })).toThrow(SynchronousOnlyError);
    });
    expect(await scheduler.enqueue(slow, "x", { taskId: "slow" })).toEqual({ taskId: "slow", created: true });
  });
});
