/** Laws of integrity: what comes back is what was given, to the byte. */
import assert from "node:assert/strict";

import type { Law } from "./harness.ts";
import {
  applied,
  at,
  bytes,
  claim,
  claimedTask,
  claimOne,
  enqueue,
  failure,
  law,
  newTask,
  processId,
  register,
  retry,
  standing,
} from "./scene.ts";

const OWNER = processId(1);

/** Texts that array literals, JSON and collations have mangled in one system or another. */
const awkwardTexts = [
  "NULL",
  "null",
  " leading and trailing ",
  "quotes \" and ' and `",
  "back\\slash \\x41 \\u0041",
  "{braces},{and,commas}",
  "line\nbreak\r\nand\ttab",
  "émoji 👩‍🚀 日本語 \u202eright-to-left",
  "per%cent _under $1 :name ?",
];

/** Bytes, texts, headers and errors come back as they were given. */
export const dataLaws: readonly Law[] = [
  law("data comes back to the byte", async (harness) => {
    const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index);
    const large = Uint8Array.from({ length: 65_536 }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
    const samples = new Map([
      ["every-byte", everyByte],
      ["large", large],
      ["empty", new Uint8Array()],
      ["zero", new Uint8Array([0])],
      ["hex-like", bytes("\\x00ff")],
    ]);
    await enqueue(
      harness,
      [...samples].map(([taskId, data]) => newTask(taskId, { data, codec: "bytes" })),
    );
    await register(harness, OWNER);
    const { tasks } = await claim(harness, OWNER, 1, at(0));
    assert.equal(tasks.length, samples.size);
    for (const task of tasks) {
      assert.deepEqual(new Uint8Array(task.data), samples.get(task.taskId), `claimed ${task.taskId}`);
      assert.equal(task.codec, "bytes");
      const { data } = await standing(harness, task.taskId);
      assert.deepEqual(data === null ? null : new Uint8Array(data), samples.get(task.taskId), task.taskId);
    }
  }),

  law("texts come back to the letter", async (harness) => {
    const tasks = awkwardTexts.map((text) =>
      newTask(text, { type: text, referenceId: text, headers: { [text]: text, traceparent: "00-1" } }),
    );
    await enqueue(harness, tasks);
    await register(harness, OWNER);
    const types = awkwardTexts.map((type) => ({ type, limit: 1 }));
    const claimed = await claim(harness, OWNER, 1, at(0), { types });
    assert.deepEqual(claimed.tasks.map(({ taskId }) => taskId).sort(), [...awkwardTexts].sort());
    for (const task of claimed.tasks) {
      const expected = tasks.find(({ taskId }) => taskId === task.taskId);
      assert.deepEqual([task.type, task.referenceId], [expected?.type, expected?.referenceId]);
      assert.deepEqual({ ...task.headers }, expected?.headers);
      const kept = await standing(harness, task.taskId);
      assert.deepEqual([kept.taskId, kept.type, kept.referenceId], [task.taskId, task.type, task.taskId]);
      assert.deepEqual({ ...kept.headers }, expected?.headers);
    }
  }),

  law("what is empty stays apart from what is missing", async (harness) => {
    await enqueue(harness, [
      newTask("empty", { referenceId: "", headers: {}, data: new Uint8Array() }),
      newTask("missing"),
    ]);
    const empty = await standing(harness, "empty");
    assert.equal(empty.referenceId, "");
    assert.deepEqual({ ...empty.headers }, {});
    assert.notEqual(empty.headers, null);
    assert.equal(empty.data?.byteLength, 0);
    const missing = await standing(harness, "missing");
    assert.deepEqual([missing.referenceId, missing.headers], [null, null]);
  }),

  law("taskIds that differ in case, blanks or composition are different tasks", async (harness) => {
    const ids = ["task", "Task", "task ", " task", "t\u00e9", "te\u0301"];
    await enqueue(
      harness,
      ids.map((taskId) => newTask(taskId, { data: bytes(taskId) })),
    );
    for (const taskId of ids) {
      assert.deepEqual((await standing(harness, taskId)).data, bytes(taskId), JSON.stringify(taskId));
    }
  }),

  law("the fields of many tasks in one call are not mixed up", async (harness) => {
    const count = Math.min(harness.store.chunkTasks, 400);
    const tasks = Array.from({ length: count }, (_, index) =>
      newTask(`task-${(index * 7_919) % 10_007}`, {
        type: `type-${index % 7}`,
        data: bytes(`data-${index}`),
        referenceId: index % 3 === 0 ? null : `reference-${index}`,
        headers: index % 2 === 0 ? null : { index: String(index) },
        delayMs: index,
      }),
    );
    const ids = await enqueue(harness, tasks);
    await register(harness, OWNER);
    const claimed = (await claim(harness, OWNER, 1, at(count))).tasks;
    assert.equal(claimed.length, count);
    const byTaskId = new Map(claimed.map((task) => [task.taskId, task]));
    for (const [index, task] of tasks.entries()) {
      const found = byTaskId.get(task.taskId);
      assert.equal(found?.id, ids.get(task.taskId));
      assert.equal(found?.type, task.type);
      assert.deepEqual(new Uint8Array(found?.data ?? []), task.data);
      assert.equal(found?.referenceId, task.referenceId);
      assert.equal(found?.headers?.["index"], task.headers?.["index"]);
      assert.equal(found?.ageMs, count - index);
    }
  }),

  law("a task that stands does not change with the caller's memory", async (harness) => {
    const data = Buffer.from("original");
    const headers = { key: "original" };
    await enqueue(harness, [newTask("copied", { data, headers })]);
    data.fill(0);
    headers.key = "changed";
    const task = await standing(harness, "copied");
    assert.deepEqual(task.data, bytes("original"));
    assert.equal(task.headers?.["key"], "original");
  }),

  law("the errors of attempts are kept as given", async (harness) => {
    const claimed = await claimedTask(harness, "failing", OWNER);
    const first = { name: "TypeError", message: "ü \" ' \\ {,} 🚀", code: "E_TEXT", stack: "at a\n  at b" };
    const last = { name: "", message: "", code: null, stack: null };
    await applied(harness, retry(claimed, { error: first }), at(10));
    await applied(harness, failure(await claimOne(harness, OWNER, 2, at(20)), { error: last }), at(30));
    const task = await standing(harness, "failing", at(30));
    assert.deepEqual(
      task.attempts.map(({ error }) => error),
      [first, last],
    );
    assert.deepEqual(task.lastError, last);
  }),
];
