/** Laws of reading: pages that neither skip nor repeat, counts, statistics. */
import assert from "node:assert/strict";

import type { ListRequest, StoreCall } from "../store/contract.ts";
import { taskStates } from "../task/task.ts";
import type { ConformanceHarness, Law } from "./harness.ts";
import {
  applied,
  at,
  claim,
  claimOne,
  confirmation,
  enqueue,
  failure,
  law,
  newTask,
  present,
  processId,
  processRecord,
  register,
  START_MS,
  TYPE,
  taskIds,
} from "./scene.ts";

const OWNER = processId(1);

/** Enqueues tasks `name-0` ... one after the other, so that their age tells them apart. */
async function enqueueRow(
  harness: ConformanceHarness,
  name: string,
  count: number,
  fromMs = 0,
): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    await enqueue(harness, [newTask(`${name}-${index}`)], at(fromMs + index));
  }
}

function rowOf(name: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${name}-${index}`);
}

/** Reads page after page to the end; `between` runs after each page but the last. */
async function readAll(
  harness: ConformanceHarness,
  request: ListRequest,
  call: StoreCall,
  between: (page: number) => Promise<void> = async () => {},
): Promise<string[]> {
  const ids: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 100; page += 1) {
    const answer = await harness.store.list({ ...request, cursor }, call);
    assert.ok(answer.tasks.length <= request.limit, "a page is no longer than its limit");
    ids.push(...taskIds(answer.tasks));
    if (answer.nextCursor === null) return ids;
    cursor = answer.nextCursor;
    await between(page);
  }
  throw new assert.AssertionError({ message: "the pages do not end" });
}

/** Get, list, count, statistics. */
export const readingLaws: readonly Law[] = [
  law("a task that is not kept is null", async (harness) => {
    assert.equal(await harness.store.get("unheard-of", at(0)), null);
  }),

  law("pages follow the age of the tasks, upwards and downwards", async (harness) => {
    await enqueueRow(harness, "task", 7);
    const ascending = { state: "pending", limit: 3, order: "ascending" } as const;
    assert.deepEqual(await readAll(harness, ascending, at(10)), rowOf("task", 7));
    const descending = { ...ascending, order: "descending" } as const;
    assert.deepEqual(await readAll(harness, descending, at(10)), rowOf("task", 7).reverse());
  }),

  law("the last page says that it is the last, even when it is full", async (harness) => {
    await enqueueRow(harness, "task", 4);
    const request = { state: "pending", limit: 2, order: "ascending" } as const;
    const first = await harness.store.list(request, at(10));
    const cursor = present(first.nextCursor, "the cursor");
    const second = await harness.store.list({ ...request, cursor }, at(10));
    assert.deepEqual([second.tasks.length, second.nextCursor], [2, null]);
    const empty = await harness.store.list({ ...request, state: "failed" }, at(10));
    assert.deepEqual(empty, { tasks: [], nextCursor: null });
  }),

  law("pages neither skip nor repeat while tasks come and go", async (harness) => {
    for (const order of ["ascending", "descending"] as const) {
      const base = order === "ascending" ? 0 : 1_000;
      await enqueueRow(harness, order, 8, base);
      const request = { state: "pending", limit: 2, order } as const;
      const ids = await readAll(harness, request, at(base + 100), async (page) => {
        if (page > 3) return;
        const listed = order === "ascending" ? page * 2 : 7 - page * 2;
        await harness.store.cancel(`${order}-${listed}`, at(base + 100 + page));
        await enqueue(harness, [newTask(`${order}-new-${page}`)], at(base + 100 + page));
      });
      assert.equal(new Set(ids).size, ids.length, "none is repeated");
      for (const id of rowOf(order, 8)) assert.ok(ids.includes(id), `${id} is not skipped`);
      for (const id of ids) await harness.store.cancel(id, at(base + 500));
    }
  }),

  law("a list shows one state, and one type if asked", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("confirmed")], at(0));
    await enqueue(harness, [newTask("failed", { type: "other" })], at(1));
    for (const task of (await claim(harness, OWNER, 1, at(1))).tasks) {
      await applied(harness, task.taskId === "failed" ? failure(task) : confirmation(task), at(2));
    }
    await enqueue(harness, [newTask("cancelled", { type: "other" })], at(3));
    await harness.store.cancel("cancelled", at(4));
    await enqueue(harness, [newTask("pending")], at(5));
    for (const state of taskStates) {
      const page = await harness.store.list({ state, limit: 10, order: "ascending" }, at(6));
      assert.deepEqual(taskIds(page.tasks), [state]);
      assert.equal(page.tasks[0]?.state, state);
      const ofOther = { state, type: "other", limit: 10, order: "descending" } as const;
      const expected = state === "failed" || state === "cancelled" ? [state] : [];
      assert.deepEqual(taskIds((await harness.store.list(ofOther, at(6))).tasks), expected);
    }
  }),

  law("a list between two instants has what was enqueued between them, in every state", async (harness) => {
    await register(harness, OWNER);
    for (const state of ["confirmed", "failed", "cancelled", "pending"] as const) {
      const base = ["confirmed", "failed", "cancelled", "pending"].indexOf(state) * 10_000_000;
      for (let index = 0; index < 9; index += 1) {
        await enqueue(harness, [newTask(`${state}-${index}`)], at(base + index * 1_000_000));
      }
      const end = base + 9_000_000;
      if (state === "cancelled") for (const id of rowOf(state, 9)) await harness.store.cancel(id, at(end));
      if (state === "confirmed" || state === "failed") {
        const { tasks } = await claim(harness, OWNER, base + 1, at(end));
        for (const task of tasks) {
          await applied(harness, state === "failed" ? failure(task) : confirmation(task), at(end));
        }
      }
      const instant = (index: number): Date => new Date(START_MS + base + index * 1_000_000);
      const between = { enqueuedFrom: instant(2), enqueuedBefore: instant(6) };
      for (const order of ["ascending", "descending"] as const) {
        const request = { state, limit: 3, order } as const;
        const inOrder = (ids: readonly string[]): readonly string[] =>
          order === "ascending" ? ids : [...ids].reverse();
        const all = rowOf(state, 9);
        assert.deepEqual(
          await readAll(harness, { ...request, ...between }, at(end)),
          inOrder(all.slice(2, 6)),
        );
        const since = { ...request, enqueuedFrom: instant(7), type: TYPE };
        assert.deepEqual(await readAll(harness, since, at(end)), inOrder(all.slice(7)));
        const until = { ...request, enqueuedBefore: instant(1) };
        assert.deepEqual(await readAll(harness, until, at(end)), inOrder(all.slice(0, 1)));
        const never = { ...request, enqueuedFrom: instant(6), enqueuedBefore: instant(2) };
        assert.deepEqual(await readAll(harness, never, at(end)), []);
      }
    }
  }),

  law("confirmed tasks are listed page by page", async (harness) => {
    await register(harness, OWNER);
    await enqueueRow(harness, "task", 5);
    const { tasks } = await claim(harness, OWNER, 1, at(10));
    await harness.store.settle(tasks.slice(0, 3).map(confirmation), at(20));
    await harness.store.settle(tasks.slice(3).map(confirmation), at(30));
    for (const order of ["ascending", "descending"] as const) {
      const ids = await readAll(harness, { state: "confirmed", limit: 2, order }, at(40));
      assert.deepEqual(ids, order === "ascending" ? rowOf("task", 5) : rowOf("task", 5).reverse());
    }
  }),

  law("a list of ready tasks leaves out what is not due and what is held", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("held")], at(0));
    await claimOne(harness, OWNER, 1, at(0));
    await enqueue(harness, [newTask("later", { delayMs: 1_000 })], at(1));
    await enqueue(harness, [newTask("ready-a")], at(2));
    await enqueue(harness, [newTask("ready-b")], at(3));
    const request = { state: "pending", ready: true, limit: 1, order: "ascending" } as const;
    assert.deepEqual(await readAll(harness, request, at(10)), ["ready-a", "ready-b"]);
    assert.deepEqual(await readAll(harness, request, at(1_001)), ["later", "ready-a", "ready-b"]);
  }),

  law(
    "tasks are listed by the beginning of their ids, page by page, whatever their state",
    async (harness) => {
      await register(harness, OWNER);
      const ids = ["a", "b", "b:", "b:1", "b:2", "b:\u{e000}", "b:\u{10ffff}", "b:\u{10ffff}z", "b;", "c"];
      // Written in another order, so that the order of ids is not that of age.
      await enqueue(
        harness,
        [...ids].reverse().map((id) => newTask(id)),
        at(0),
      );
      const held = await claim(harness, OWNER, 1, at(10), { limit: 1_000 });
      const settled = held.tasks.filter(({ taskId }) => taskId === "b:1");
      await harness.store.settle(settled.map(confirmation), at(20));
      const pages = async (prefix: string, limit: number) => {
        const found: string[] = [];
        let cursor: string | undefined;
        for (;;) {
          const page = await harness.store.listByTaskId({ prefix, cursor, limit }, at(30));
          found.push(...taskIds(page.tasks));
          assert.ok(page.tasks.length <= limit);
          if (page.nextCursor === null) return found;
          cursor = page.nextCursor;
        }
      };
      assert.deepEqual(await pages("b:", 2), ids.slice(2, 8));
      assert.deepEqual(await pages("b:", 6), ids.slice(2, 8));
      assert.deepEqual(await pages("b:\u{10ffff}", 10), ids.slice(6, 8));
      assert.deepEqual(await pages("", 3), ids);
      assert.deepEqual(await pages("d", 3), []);
      const [first] = (await harness.store.listByTaskId({ prefix: "b:1", limit: 1 }, at(30))).tasks;
      const { attempts: _, ...shown } = present(await harness.store.get("b:1", at(30)), "b:1");
      assert.deepEqual({ ...first }, shown);
      for (const wrong of [{ limit: 0 }, { limit: 1_001 }, { cursor: "a" }, { prefix: "\0" }]) {
        const request = { prefix: "b", limit: 1, ...wrong };
        await assert.rejects(async () => harness.store.listByTaskId(request, at(30)), {
          code: "OWED_INVALID_INPUT",
        });
      }
    },
  ),

  law("a listed task is the task that get shows", async (harness) => {
    await enqueue(harness, [newTask("task", { referenceId: "order-1", headers: { a: "b" } })]);
    const page = await harness.store.list({ state: "pending", limit: 1, order: "ascending" }, at(0));
    const { attempts, ...task } = present(await harness.store.get("task", at(0)), "the task");
    assert.deepEqual([{ ...page.tasks[0] }, attempts], [task, []]);
  }),

  law("counts are exact in every state", async (harness) => {
    await register(harness, OWNER);
    await enqueueRow(harness, "task", 10);
    const { tasks } = await claim(harness, OWNER, 1, at(10), { limit: 7 });
    await harness.store.settle(tasks.slice(0, 4).map(confirmation), at(20));
    await harness.store.settle(
      tasks.slice(4, 6).map((task) => failure(task)),
      at(20),
    );
    await harness.store.cancel("task-9", at(20));
    const counts = await Promise.all(taskStates.map((state) => harness.store.count(state, at(20))));
    assert.deepEqual(counts, [3, 4, 2, 1]);
  }),

  law("statistics count what is owed, failed and cancelled, and the processes", async (harness) => {
    await register(harness, OWNER, processId(2));
    await enqueueRow(harness, "task", 6);
    const { tasks } = await claim(harness, OWNER, 1, at(10), { limit: 2 });
    await harness.store.settle(
      tasks.map((task) => failure(task)),
      at(20),
    );
    await harness.store.cancel("task-5", at(20));
    const { pending, failed, cancelled, processes, countedUpTo } = await harness.store.statistics(at(20));
    assert.deepEqual([pending, failed, cancelled, processes], [3, 2, 1, 2]);
    assert.ok(countedUpTo >= 6);
    await harness.store.removeProcess(OWNER, at(30));
    assert.equal((await harness.store.statistics(at(30))).processes, 1);
  }),

  law("the age of the oldest due task is told, whoever holds it", async (harness) => {
    await register(harness, OWNER);
    assert.equal((await harness.store.statistics(at(0))).oldestDueAgeMs, null);
    await enqueue(harness, [newTask("later", { delayMs: 1_000 })], at(0));
    assert.equal((await harness.store.statistics(at(999))).oldestDueAgeMs, null);
    await enqueue(harness, [newTask("behind", { type: "other", delayMs: 500 })], at(1_000));
    assert.equal((await harness.store.statistics(at(2_500))).oldestDueAgeMs, 1_500);
    await claimOne(harness, OWNER, 1, at(2_500), { limit: 1 });
    assert.equal((await harness.store.statistics(at(3_000))).oldestDueAgeMs, 2_000);
    await harness.store.cancel("later", at(3_000));
    assert.equal((await harness.store.statistics(at(3_000))).oldestDueAgeMs, 1_500);
  }),

  law("a type that no live process executes is orphaned", async (harness) => {
    const executes = async (number: number, types: readonly string[] | "all") =>
      harness.store.register(processRecord(processId(number), { types }), at(0));
    const orphaned = async () => [...(await harness.store.statistics(at(10))).orphanedTypes].sort();
    await executes(1, ["a"]);
    await enqueue(harness, [
      newTask("1", { type: "a" }),
      newTask("2", { type: "b" }),
      newTask("3", { type: "c", delayMs: 60_000 }),
    ]);
    assert.deepEqual(await orphaned(), ["b", "c"]);
    await executes(2, ["b", "d"]);
    assert.deepEqual(await orphaned(), ["c"]);
    await executes(3, "all");
    assert.deepEqual(await orphaned(), []);
    await harness.store.removeProcess(processId(3), at(10));
    await harness.store.removeProcess(processId(1), at(10));
    assert.deepEqual(await orphaned(), ["a", "c"]);
    await harness.store.cancel("3", at(10));
    assert.deepEqual(await orphaned(), ["a"]);
  }),
];
