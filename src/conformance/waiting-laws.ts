/** Laws of two transactions that enqueue the same tasks: one waits for the other, and nobody enqueues a task twice. */
import assert from "node:assert/strict";

import type { Law } from "./harness.ts";
import { at, concurrentLaw, law, newTask, only, standing, TYPE, taskIds } from "./scene.ts";

/** Contested taskIds; and calls that have nothing to do. */
export const waitingLaws: readonly Law[] = [
  concurrentLaw(
    "of two transactions with the same task the second finds it once the first commits",
    async (harness) => {
      const first = await harness.begin();
      const second = await harness.begin();
      await harness.store.insert(first.transaction, [newTask("contested")], null, at(0));
      const waiting = Promise.resolve(
        harness.store.insert(second.transaction, [newTask("contested")], null, at(0)),
      );
      await first.commit();
      const answer = await waiting;
      assert.deepEqual(answer.created, []);
      const verdicts = await harness.store.resolveDuplicates(
        second.transaction,
        [newTask("contested")],
        null,
        [],
        at(0),
      );
      assert.equal(only(verdicts).verdict, "same");
      await second.commit();
      assert.equal((await harness.store.balance(at(0))).enqueued, 1);
    },
  ),

  concurrentLaw(
    "of two transactions with the same task the second inserts it once the first is rolled back",
    async (harness) => {
      const first = await harness.begin();
      const second = await harness.begin();
      await harness.store.insert(first.transaction, [newTask("contested", { type: "first" })], null, at(0));
      const waiting = Promise.resolve(
        harness.store.insert(second.transaction, [newTask("contested")], null, at(0)),
      );
      await first.rollback();
      assert.deepEqual(taskIds((await waiting).created), ["contested"]);
      await second.commit();
      assert.equal((await standing(harness, "contested")).type, TYPE);
    },
  ),

  concurrentLaw("two calls that name the same tasks in opposite order do not deadlock", async (harness) => {
    const first = await harness.begin();
    const second = await harness.begin();
    const tasks = ["a", "b", "c", "d"].map((taskId) => newTask(taskId));
    const waiting = [
      Promise.resolve(harness.store.insert(first.transaction, tasks, null, at(0))).then(async (answer) => {
        await first.commit();
        return answer;
      }),
      Promise.resolve(harness.store.insert(second.transaction, tasks.toReversed(), null, at(0))).then(
        async (answer) => {
          await second.commit();
          return answer;
        },
      ),
    ];
    const created = (await Promise.all(waiting)).flatMap((answer) => taskIds(answer.created));
    assert.deepEqual(created.sort(), ["a", "b", "c", "d"]);
    assert.equal((await harness.store.balance(at(0))).enqueued, 4);
  }),

  concurrentLaw(
    "of two transactions that wait for each other one is refused and the other goes on",
    async (harness) => {
      const first = await harness.begin();
      const second = await harness.begin();
      await harness.store.insert(first.transaction, [newTask("a")], null, at(0));
      await harness.store.insert(second.transaction, [newTask("b")], null, at(0));
      const end = async (caller: typeof first, taskId: string) => {
        try {
          await harness.store.insert(caller.transaction, [newTask(taskId)], null, at(0));
        } catch {
          await caller.rollback();
          return "refused";
        }
        await caller.commit();
        return "committed";
      };
      const ends = await Promise.all([end(first, "b"), end(second, "a")]);
      assert.deepEqual(ends.sort(), ["committed", "refused"]);
      assert.equal((await harness.store.balance(at(0))).enqueued, 2);
      assert.equal(await harness.store.count("pending", at(0)), 2);
    },
  ),

  law("calls without tasks have empty answers", async (harness) => {
    const caller = await harness.begin();
    assert.deepEqual((await harness.store.insert(caller.transaction, [], null, at(0))).created, []);
    assert.deepEqual(await harness.store.resolveDuplicates(caller.transaction, [], null, [], at(0)), []);
    await caller.commit();
    assert.equal((await harness.store.balance(at(0))).enqueued, 0);
  }),
];
