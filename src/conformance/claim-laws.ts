/** Laws of claiming: who gets which tasks, how many, and that nobody gets one that is held. */
import assert from "node:assert/strict";

import type { Law } from "./harness.ts";
import {
  applied,
  at,
  claim,
  claimedIds,
  claimOne,
  enqueue,
  law,
  newTask,
  processId,
  register,
  release,
  standing,
  taskIds,
} from "./scene.ts";

const OWNER = processId(1);
const OTHER = processId(2);

/** Exclusion, bounds, types, tokens, and claims whose answer was lost. */
export const claimLaws: readonly Law[] = [
  law("a claim writes its token and hands it over", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("held")]);
    const { generation } = await standing(harness, "held");
    const claimed = await claimOne(harness, OWNER, 41, at(0));
    assert.deepEqual(claimed.token, { owner: OWNER, claim: 41, generation });
    assert.deepEqual([claimed.failedAttempts, claimed.lostAttempts, claimed.deferredAttempts], [0, 0, 0]);
    const task = await standing(harness, "held");
    assert.deepEqual([task.state, task.owner], ["pending", OWNER]);
  }),

  law("a task held by a live process is claimed by nobody else", async (harness) => {
    await register(harness, OWNER, OTHER);
    await enqueue(harness, [newTask("held")]);
    await claimOne(harness, OWNER, 1, at(0));
    assert.deepEqual(await claimedIds(harness, OTHER, 1, at(3_600_000)), []);
    assert.equal((await standing(harness, "held")).owner, OWNER);
  }),

  law("a task under a live claim of its own process is not claimed again", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("held")]);
    await claimOne(harness, OWNER, 1, at(0));
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(60_000), { liveClaims: [1] }), []);
  }),

  law("a claim whose answer was lost is claimed anew without cost", async (harness) => {
    await register(harness, OWNER, OTHER);
    await enqueue(harness, [newTask("unanswered")]);
    await claimOne(harness, OWNER, 1, at(0));
    assert.deepEqual(await claimedIds(harness, OTHER, 1, at(10)), []);
    const again = await claimOne(harness, OWNER, 2, at(20), { liveClaims: [] });
    assert.deepEqual([again.token.claim, again.lostAttempts, again.failedAttempts], [2, 0, 0]);
    assert.deepEqual((await standing(harness, "unanswered")).attempts, []);
  }),

  law("claims at the same time share the tasks out, none twice", async (harness) => {
    const owners = [processId(1), processId(2), processId(3), processId(4)];
    await register(harness, ...owners);
    await enqueue(
      harness,
      Array.from({ length: 60 }, (_, index) => newTask(`task-${index}`)),
    );
    const answers = await Promise.all(owners.map((owner) => claim(harness, owner, 1, at(0), { limit: 20 })));
    const ids = answers.flatMap(({ tasks }) => taskIds(tasks));
    assert.equal(new Set(ids).size, ids.length, "no task is claimed twice");
    for (const { tasks } of answers) assert.ok(tasks.length <= 20, "no claim exceeds its limit");
    const rest = await claim(harness, processId(1), 2, at(10), { liveClaims: [1] });
    assert.equal(new Set([...ids, ...taskIds(rest.tasks)]).size, 60, "none is left behind");
  }),

  law("a claim takes no more than its limit, the longest due over all types", async (harness) => {
    await register(harness, OWNER);
    for (const [index, type] of ["a", "b", "a", "b", "a"].entries()) {
      await enqueue(harness, [newTask(`task-${index}`, { type, delayMs: index })]);
    }
    const types = [
      { type: "b", limit: 10 },
      { type: "a", limit: 10 },
    ];
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(10), { types, limit: 3 }), [
      "task-0",
      "task-1",
      "task-2",
    ]);
  }),

  law("a claim takes no more of a type than that type's limit", async (harness) => {
    await register(harness, OWNER);
    for (let index = 0; index < 6; index += 1) {
      await enqueue(harness, [newTask(`busy-${index}`, { type: "busy", delayMs: index })]);
    }
    await enqueue(harness, [newTask("calm", { type: "calm", delayMs: 9 })]);
    await enqueue(harness, [newTask("full", { type: "full" })]);
    const types = [
      { type: "busy", limit: 2 },
      { type: "calm", limit: 2 },
      { type: "full", limit: 0 },
    ];
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(10), { types }), ["busy-0", "busy-1", "calm"]);
  }),

  law("the backlog of one type does not hide another type", async (harness) => {
    await register(harness, OWNER);
    await enqueue(
      harness,
      Array.from({ length: 300 }, (_, index) => newTask(`backlog-${index}`, { type: "backlog" })),
    );
    await enqueue(harness, [newTask("urgent", { type: "urgent" })], at(1_000));
    const types = [
      { type: "backlog", limit: 5 },
      { type: "urgent", limit: 5 },
    ];
    const ids = await claimedIds(harness, OWNER, 1, at(1_000), { types, limit: 10 });
    assert.equal(ids.length, 6);
    assert.ok(ids.includes("urgent"));
  }),

  law("a task of a type that was not asked for is never claimed", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("known", { type: "known" }), newTask("unknown", { type: "unknown" })]);
    const types = [{ type: "known", limit: 10 }];
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(0), { types }), ["known"]);
    const later = { types, liveClaims: [1] };
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(86_400_000), later), []);
    assert.deepEqual(await claimedIds(harness, OWNER, 3, at(86_400_000), { ...later, types: [] }), []);
    assert.equal((await standing(harness, "unknown")).owner, null);
  }),

  law("a claim of all types takes every type", async (harness) => {
    await register(harness, OWNER);
    for (const type of ["a", "b", "c"]) await enqueue(harness, [newTask(`of-${type}`, { type })]);
    const ids = await claimedIds(harness, OWNER, 1, at(0), { types: "all" });
    assert.deepEqual(ids.sort(), ["of-a", "of-b", "of-c"]);
  }),

  law("a claim hands over no more bytes than asked for", async (harness) => {
    await register(harness, OWNER);
    for (let index = 0; index < 5; index += 1) {
      await enqueue(harness, [newTask(`task-${index}`, { data: new Uint8Array(100), delayMs: index })]);
    }
    const first = await claimedIds(harness, OWNER, 1, at(10), { maxBytes: 250 });
    assert.deepEqual(first, ["task-0", "task-1"]);
    const second = await claimedIds(harness, OWNER, 2, at(10), { maxBytes: 300, liveClaims: [1] });
    assert.deepEqual(second, ["task-2", "task-3", "task-4"]);
  }),

  law("the first task is handed over whatever its size", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("huge", { data: new Uint8Array(5_000) })]);
    await enqueue(harness, [newTask("small", { data: new Uint8Array(1), delayMs: 1 })]);
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(10), { maxBytes: 10 }), ["huge"]);
    const later = { maxBytes: 10, liveClaims: [1] };
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(10), later), ["small"]);
  }),

  law("a task left out of a claim is not held by it", async (harness) => {
    await register(harness, OWNER, OTHER);
    for (let index = 0; index < 3; index += 1) {
      await enqueue(harness, [newTask(`task-${index}`, { data: new Uint8Array(100), delayMs: index })]);
    }
    await claim(harness, OWNER, 1, at(10), { maxBytes: 120 });
    assert.deepEqual(await claimedIds(harness, OTHER, 1, at(10), { limit: 1 }), ["task-1"]);
    assert.equal((await standing(harness, "task-2")).owner, null);
  }),

  law("nothing due is an empty answer", async (harness) => {
    await register(harness, OWNER);
    assert.deepEqual(await claim(harness, OWNER, 1, at(0)), { tasks: [], aloneDue: false });
  }),

  law("a released task is claimed by another without cost", async (harness) => {
    await register(harness, OWNER, OTHER);
    await enqueue(harness, [newTask("given-back")]);
    await applied(harness, release(await claimOne(harness, OWNER, 1, at(0))), at(10));
    assert.equal((await standing(harness, "given-back", at(10))).owner, null);
    const claimed = await claimOne(harness, OTHER, 1, at(10));
    assert.deepEqual([claimed.failedAttempts, claimed.lostAttempts, claimed.deferredAttempts], [0, 0, 0]);
  }),
];
