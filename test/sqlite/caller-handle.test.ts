// In SQLite the connection is the transaction: what passes as one, what does not, and what enqueue does to it.
import { join } from "node:path";
import { expect, test } from "vitest";

import { NotATransactionError, SchemaMissingError, StoreUnavailableError } from "../../src/errors.ts";
import type { SqliteStore } from "../../src/store/sqlite/index.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { enqueueTasks, newTask, openHandle, openScene, tempFolder } from "./harness.ts";

function check(store: SqliteStore, candidate: unknown): () => void {
  return () => store.assertTransaction(candidate);
}

test("a connection outside a transaction is refused, whatever is asked of it", async () => {
  await using scene = await openScene();
  const { store, handle } = scene;
  expect(check(store, handle)).toThrow(/begin immediate/);
  expect(() => store.insert(handle, [newTask("loose")], null)).toThrow(NotATransactionError);
  expect(() => store.savepoint(handle)).toThrow(NotATransactionError);
  expect(() => store.resolveDuplicates(handle, [newTask("loose")], null, [])).toThrow(NotATransactionError);
  expect(await store.balance()).toMatchObject({ enqueued: 0 });
});

test("a binding that cannot tell whether a transaction is open is asked by trying to begin one", async () => {
  await using scene = await openScene();
  const { store, handle } = scene;
  const dumb = { prepare: handle.prepare.bind(handle), exec: handle.exec.bind(handle) };
  expect(check(store, dumb)).toThrow(NotATransactionError);
  handle.exec("begin immediate");
  check(store, dumb)();
  store.insert(dumb, [newTask("kept")], null);
  handle.exec("commit");
  expect(check(store, dumb)).toThrow(NotATransactionError);
  expect((await store.get("kept"))?.state).toBe("pending");
});

test("a closed connection is refused", async () => {
  await using scene = await openScene();
  const handle = openHandle(scene.file);
  handle.exec("begin immediate");
  check(scene.store, handle)();
  handle.close();
  expect(check(scene.store, handle)).toThrow(NotATransactionError);
});

test("a connection on another file is refused and told which file it is on", async () => {
  await using scene = await openScene();
  using folder = tempFolder();
  const other = openHandle(join(folder.path, "other.db"));
  other.exec("begin immediate");
  expect(check(scene.store, other)).toThrow(/other\.db/);
  other.exec("rollback");
  other.close();
  const inMemory = openHandle(":memory:");
  inMemory.exec("begin immediate");
  expect(check(scene.store, inMemory)).toThrow(/in memory/);
  inMemory.close();
});

test("a connection that names the file by another path passes", async () => {
  await using scene = await openScene();
  const { dir, base } = { dir: join(scene.file, ".."), base: "tasks.db" };
  const handle = openHandle(`${dir}/./../${dir.split("/").at(-1)}/${base}`);
  handle.exec("begin immediate");
  check(scene.store, handle)();
  handle.close();
});

test("V23, H36: enqueue in a deferred transaction that another connection overtook says so, and undoes nothing of it", async () => {
  await using scene = await openScene();
  const { store, handle } = scene;
  handle.exec("create table business (value)");
  handle.exec("begin");
  handle.prepare("select count(*) from business").all();
  await store.register({ owner: "1", host: "test", pid: 1, types: [], slots: 1, leaseMs: 1_000 });
  let error: unknown;
  try {
    store.insert(handle, [newTask("overtaken")], null);
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(StoreUnavailableError);
  expect(error).toMatchObject({ outcomeUnknown: false, message: expect.stringContaining("begin immediate") });
  check(store, handle)();
  handle.exec("rollback");
  enqueueTasks(scene, ["overtaken"]);
  expect((await store.get("overtaken"))?.state).toBe("pending");
});

test("when one task of a call cannot be written none of the call stands, and the transaction goes on", async () => {
  await using scene = await openScene();
  const { store, handle } = scene;
  handle.exec("create table business (value)");
  handle.exec("begin immediate");
  handle.exec("insert into business values (1)");
  const broken = { ...newTask("second"), delayMs: Number.NaN };
  expect(() => store.insert(handle, [newTask("first"), broken], null)).toThrow(/exactly/);
  handle.exec("commit");
  expect(handle.prepare("select value from business").all()).toHaveLength(1);
  expect(await store.balance()).toMatchObject({ enqueued: 0, pending: 0 });
});

test("a full disk in the user's transaction is a typed error", async () => {
  await using scene = await openScene();
  const { store, handle } = scene;
  handle.prepare("pragma max_page_count = 30").all();
  handle.exec("begin immediate");
  const large = { ...newTask("large"), data: new Uint8Array(1_000_000) };
  expect(() => store.insert(handle, [large], null)).toThrow(StoreUnavailableError);
  if (handle.inTransaction ?? handle.isTransaction) handle.exec("rollback");
  enqueueTasks(scene, ["small"]);
  expect(await store.balance()).toMatchObject({ enqueued: 1 });
});

test("a read-only connection is a typed error", async () => {
  await using scene = await openScene();
  scene.handle.exec("pragma query_only = 1");
  scene.handle.exec("begin");
  expect(() => scene.store.insert(scene.handle, [newTask("refused")], null)).toThrow(StoreUnavailableError);
  scene.handle.exec("rollback");
});

test("settings of the user's connection are neither needed nor changed", async () => {
  await using scene = await openScene();
  const { store, handle } = scene;
  const defaults = handle as { defaultSafeIntegers?(on: boolean): unknown };
  defaults.defaultSafeIntegers?.(true);
  const read = () => ["busy_timeout", "synchronous"].map((name) => handle.prepare(`pragma ${name}`).get());
  const before = read();
  handle.exec("begin immediate");
  const birth = { owner: "9223372036854775807", claim: 3 };
  const { created } = store.insert(handle, [{ ...newTask("big"), bornClaimed: true }], birth);
  const [verdict] = store.resolveDuplicates(handle, [newTask("big")], null, []);
  handle.exec("commit");
  expect(read()).toEqual(before);
  expect(verdict).toEqual({ taskId: "big", verdict: "same", id: created[0]?.id });
  expect((await store.get("big"))?.owner).toBe("9223372036854775807");
});

test("a connection whose commits can be lost with the machine is warned about", async () => {
  await using scene = await openScene();
  scene.handle.exec("pragma synchronous = normal");
  enqueueTasks(scene, ["unsafe"]);
  expect((await scene.store.warnings()).join()).toContain("pragma synchronous = full");
});

test("enqueue before migrate says what is missing", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "empty.db");
  await using store = sqliteStore({ file });
  const handle = openHandle(file);
  handle.exec("begin immediate");
  expect(() => store.insert(handle, [newTask("early")], null)).toThrow(SchemaMissingError);
  handle.exec("rollback");
  handle.close();
});

test("an id that was rolled back is given to no other task of this process", async () => {
  await using scene = await openScene();
  const { store, handle } = scene;
  handle.exec("begin immediate");
  const [undone] = store.insert(handle, [newTask("undone")], null).created;
  handle.exec("rollback");
  handle.exec("begin immediate");
  const [kept] = store.insert(handle, [newTask("kept")], null).created;
  handle.exec("commit");
  expect(Number(kept?.id)).toBeGreaterThan(Number(undone?.id));
});
