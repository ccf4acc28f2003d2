// One file, several processes: the write lock is waited for without blocking, and work is shared out exactly once.
import { join } from "node:path";
import { expect, test } from "vitest";

import { StoreUnavailableError } from "../../src/errors.ts";
import { sqliteStore } from "../../src/store/sqlite/index.ts";
import { enqueueTasks, openScene, tempFolder } from "./harness.ts";
import { startOther } from "./other-process.ts";

test("H36: a write lock held by another process for 2 s is waited for, and the event loop goes on meanwhile", async () => {
  await using scene = await openScene();
  enqueueTasks(scene, ["waiting"]);
  await using other = startOther({ kind: "hold", file: scene.file, holdMs: 2_000 });
  await other.printed("holding");
  let turns = 0;
  const turning = setInterval(() => {
    turns += 1;
  }, 10);
  const before = performance.now();
  await expect(scene.store.cancel("waiting")).resolves.toEqual({ done: true });
  clearInterval(turning);
  expect(performance.now() - before).toBeGreaterThan(1_000);
  expect(turns).toBeGreaterThan(50);
});

test("reads go on while another process holds the write lock", async () => {
  await using scene = await openScene();
  enqueueTasks(scene, ["seen"]);
  await using other = startOther({ kind: "hold", file: scene.file, holdMs: 60_000 });
  await other.printed("holding");
  expect((await scene.store.get("seen"))?.state).toBe("pending");
  expect((await scene.store.statistics()).pending).toBe(1);
});

test("a write lock that is not given back in time ends in StoreUnavailableError, and nothing was written", async () => {
  await using scene = await openScene({ lockWaitMs: 200 });
  enqueueTasks(scene, ["kept"]);
  {
    await using other = startOther({ kind: "hold", file: scene.file, holdMs: 60_000 });
    await other.printed("holding");
    const refused = await Promise.allSettled([scene.store.cancel("kept"), scene.store.begin()]);
    for (const answer of refused) {
      expect(answer).toMatchObject({ status: "rejected", reason: { outcomeUnknown: false } });
      expect((answer as PromiseRejectedResult).reason).toBeInstanceOf(StoreUnavailableError);
    }
  }
  expect((await scene.store.get("kept"))?.state).toBe("pending");
  await expect(scene.store.cancel("kept")).resolves.toEqual({ done: true });
});

test("reads and writes of one store that are under way at once never meet in one transaction", async () => {
  await using scene = await openScene();
  const { store } = scene;
  const names = Array.from({ length: 50 }, (_, index) => `task-${index}`);
  enqueueTasks(scene, names);
  let isCancelling = true;
  const readers = Array.from({ length: 4 }, async () => {
    while (isCancelling) expect(await store.get("task-0")).not.toBeNull();
  });
  for (const name of names) await store.cancel(name);
  isCancelling = false;
  await Promise.all(readers);
  expect(await store.balance()).toMatchObject({ pending: 0, cancelled: 50 });
});

test("an idle poll takes no write lock", async () => {
  await using scene = await openScene({ lockWaitMs: 0 });
  const { store } = scene;
  await store.register({ owner: "5", host: "test", pid: 1, types: "all", slots: 1, leaseMs: 60_000 });
  enqueueTasks(scene, ["later"], { delayMs: 3_600_000 });
  scene.handle.exec("begin immediate");
  for (const types of ["all", [{ type: "test", limit: 5 }]] as const) {
    const request = { owner: "5", claim: 1, types, limit: 10, maxBytes: 1_000, suspectLimit: 1 } as const;
    for (const alone of [false, true]) {
      await expect(store.claim({ ...request, alone, liveClaims: [] })).resolves.toEqual({
        tasks: [],
        aloneDue: false,
      });
    }
  }
  scene.handle.exec("rollback");
});

test("two processes share one backlog and each task is claimed exactly once", async () => {
  await using scene = await openScene();
  const names = Array.from({ length: 500 }, (_, index) => `task-${index}`);
  enqueueTasks(scene, names);
  await using left = startOther({ kind: "claim", file: scene.file, owner: "9000000000000000001" });
  await using right = startOther({ kind: "claim", file: scene.file, owner: "9000000000000000002" });
  const printed = await Promise.all([left.ended(), right.ended()]);
  const claims = printed.map((lines) => lines.filter((line) => line.startsWith("claimed ")));
  expect(claims.flat().sort()).toEqual(names.map((name) => `claimed ${name}`).sort());
  expect(await scene.store.balance()).toMatchObject({ enqueued: 500, pending: 0, confirmed: 500 });
  expect((await scene.store.statistics()).confirmed).toBe(500);
});

test("many processes that migrate one new file at once all succeed", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "new.db");
  const others = Array.from({ length: 4 }, () => startOther({ kind: "migrate", file }));
  await Promise.all(others.map((other) => other.ended()));
  await using store = sqliteStore({ file });
  await store.checkSchema();
  expect(await store.balance()).toMatchObject({ enqueued: 0 });
});

test("many stores of one process that migrate and write at once all succeed", async () => {
  using folder = tempFolder();
  const file = join(folder.path, "new.db");
  const stores = Array.from({ length: 8 }, () => sqliteStore({ file }));
  await Promise.all(stores.map((store) => store.migrate()));
  await Promise.all(
    stores.map((store, index) =>
      store.register({
        owner: String(index),
        host: "test",
        pid: index,
        types: [],
        slots: 1,
        leaseMs: 1_000,
      }),
    ),
  );
  expect((await stores[0]?.statistics())?.processes).toBe(8);
  await Promise.all(stores.map((store) => store.close()));
});
