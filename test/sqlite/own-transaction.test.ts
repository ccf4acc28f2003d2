// `store.begin()`: a synchronous transaction on the store's own connection, one at a time.
import { expect, test } from "vitest";

import { InvalidInputError, NotATransactionError, TransactionRolledBackError } from "../../src/errors.ts";
import { executor, Scheduler } from "../../src/index.ts";
import { sqliteCodeOf } from "../../src/store/sqlite/sqlite-error.ts";
import { job } from "../run/world.ts";
import { newTask, openHandle, openScene } from "./harness.ts";

/** The code with which SQLite refuses, or null where it does not. */
function refusalOf(work: () => unknown): string | null {
  try {
    work();
    return null;
  } catch (error) {
    return sqliteCodeOf(error);
  }
}

test("the user's rows and the tasks are committed together", async () => {
  await using scene = await openScene();
  const { store, handle } = scene;
  handle.exec("create table business (id integer primary key, value text)");
  const own = await store.begin();
  expect(own.api.run("insert into business (value) values (?)", "paid").changes).toBe(1);
  store.insert(own.transaction, [newTask("together")], null);
  expect(own.api.get("select value from business")).toEqual({ value: "paid" });
  expect(handle.prepare("select value from business").all()).toEqual([]);
  own.commit();
  expect(own.provesCommit()).toBe(true);
  expect(handle.prepare("select value from business").all()).toHaveLength(1);
  expect((await store.get("together"))?.state).toBe("pending");
});

test("H36: a transaction that has only read keeps every other writer out already", async () => {
  await using scene = await openScene();
  const own = await scene.store.begin();
  expect(own.api.get("select count(*) as number from owed_pending")).toEqual({ number: 0 });
  expect(refusalOf(() => scene.handle.exec("begin immediate"))).toBe("BUSY");
  own.commit();
  expect(refusalOf(() => scene.handle.exec("begin immediate"))).toBeNull();
  scene.handle.exec("rollback");
});

test("V23, H36: transaction(fn) that reads, and writes after another connection has tried to, is not overtaken", async () => {
  await using scene = await openScene();
  const { store, handle } = scene;
  handle.exec("create table business (value)");
  const scheduler = new Scheduler({ store, executors: [executor(job, () => undefined)] });
  await scheduler.start();
  const other = openHandle(scene.file);
  try {
    const { value: refusal } = await scheduler.transaction((tx) => {
      expect(tx.all("select value from business")).toEqual([]);
      const refused = refusalOf(() => other.exec("insert into business values ('other')"));
      tx.run("insert into business values (?)", "own");
      tx.enqueue(job, {}, { taskId: "read-first" });
      return refused;
    });
    expect(refusal).toBe("BUSY");
    expect(handle.prepare("select value from business").all()).toMatchObject([{ value: "own" }]);
    expect(await store.get("read-first")).not.toBeNull();
  } finally {
    other.close();
    await scheduler.stop();
  }
});

test("a transaction that is rolled back leaves neither rows nor tasks", async () => {
  await using scene = await openScene();
  const own = await scene.store.begin();
  own.api.run("create table business (value)");
  scene.store.insert(own.transaction, [newTask("undone")], null);
  own.rollback();
  own.rollback();
  expect(scene.handle.prepare("select name from sqlite_schema where name = 'business'").all()).toEqual([]);
  expect(await scene.store.balance()).toMatchObject({ enqueued: 0 });
});

test("rows are plain objects whichever the binding", async () => {
  await using scene = await openScene();
  const own = await scene.store.begin();
  const [row] = own.api.all("select 1 as one, :name as name", { name: "x" });
  expect(row).toStrictEqual({ one: 1, name: "x" });
  expect(own.api.get("select 1 where 0")).toBeUndefined();
  own.rollback();
});

test("touching the connection itself, or savepoints by hand, leave the commit unproven", async () => {
  await using scene = await openScene();
  const first = await scene.store.begin();
  expect(first.provesCommit()).toBe(true);
  expect(first.api.handle).toBe(first.transaction);
  expect(first.provesCommit()).toBe(false);
  first.commit();
  for (const sql of ["savepoint mine", " -- why\n /* so */ SavePoint mine"]) {
    const own = await scene.store.begin();
    own.api.run(sql);
    expect(own.provesCommit()).toBe(false);
    own.api.run("rollback to savepoint mine");
    own.api.run("release mine");
    own.commit();
  }
});

test("the callback cannot end the transaction under the scheduler's feet", async () => {
  await using scene = await openScene();
  const own = await scene.store.begin();
  for (const sql of ["commit", "END", "begin", "rollback", "/* x */ ; rollback transaction", "--\ncommit"]) {
    expect(() => own.api.run(sql)).toThrow(InvalidInputError);
  }
  expect(own.provesCommit()).toBe(true);
  own.rollback();
});

test("a transaction that was ended by hand is not reported as committed", async () => {
  await using scene = await openScene();
  const own = await scene.store.begin();
  own.api.handle.exec("rollback");
  expect(() => own.commit()).toThrow(TransactionRolledBackError);
  const next = await scene.store.begin();
  next.commit();
});

test("after its end a transaction's api is refused, so that nothing is written outside of one", async () => {
  await using scene = await openScene();
  const own = await scene.store.begin();
  own.commit();
  expect(() => own.api.run("create table late (value)")).toThrow(NotATransactionError);
  expect(() => own.commit()).toThrow(NotATransactionError);
  expect(() => own.savepoint()).toThrow(NotATransactionError);
});

test("transactions and the store's own writes wait for each other in turn", async () => {
  await using scene = await openScene();
  const { store } = scene;
  const order: string[] = [];
  const first = await store.begin();
  const second = store.begin().then((own) => {
    order.push("second");
    own.commit();
  });
  const write = store
    .register({ owner: "1", host: "test", pid: 1, types: [], slots: 1, leaseMs: 1_000 })
    .then(() => order.push("register"));
  await store.statistics();
  order.push("first");
  first.commit();
  await Promise.all([second, write]);
  expect(order).toEqual(["first", "second", "register"]);
});

test("close sends away what waits and rolls back what is open", async () => {
  await using scene = await openScene();
  const own = await scene.store.begin();
  scene.store.insert(own.transaction, [newTask("open")], null);
  const waiting = scene.store.cancel("open");
  const refused = expect(waiting).rejects.toMatchObject({ code: "OWED_STORE_UNAVAILABLE" });
  await scene.store.close();
  await refused;
  own.rollback();
  await expect(scene.store.get("open")).rejects.toMatchObject({ code: "OWED_STORE_UNAVAILABLE" });
  expect(scene.handle.prepare("select count(*) as number from owed_task").get()).toMatchObject({ number: 0 });
});
