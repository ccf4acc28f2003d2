/** Laws of keys: how many of each are claimed, that a full key hides nothing, and that every key has its turn. */
import assert from "node:assert/strict";

import type { ClaimRequest, KeyRooms, NewTask } from "../store/contract.ts";
import type { ConformanceHarness, Law } from "./harness.ts";
import {
  applied,
  at,
  claim,
  claimedIds,
  claimOne,
  die,
  enqueue,
  failure,
  law,
  newTask,
  processId,
  register,
  retry,
  standing,
  TYPE,
  taskIds,
} from "./scene.ts";

const OWNER = processId(1);
const OTHER = processId(2);
const plenty = 1_000;

/** A request that takes so many of each key, but of some keys so many. */
function byKeys(each: number, of: Readonly<Record<string, number>> = {}): Pick<ClaimRequest, "types"> {
  const rooms: KeyRooms = { each, of: Object.entries(of).map(([key, limit]) => ({ key, limit })) };
  return { types: [{ type: TYPE, limit: plenty, keys: rooms }] };
}

/** So many tasks of a key. */
function tasksOf(key: string | null, count: number, unusual: Partial<NewTask> = {}): NewTask[] {
  return Array.from({ length: count }, (_, index) =>
    newTask(`${key ?? "none"}-${String(index).padStart(3, "0")}`, { key, ...unusual }),
  );
}

/** Claims one after the other, each of so many, nothing given back; answers what was claimed in how many claims. */
async function claimOn(
  harness: ConformanceHarness,
  claims: number,
  limit: number,
  request: Pick<ClaimRequest, "types">,
): Promise<string[]> {
  const claimed: string[] = [];
  const numbers = Array.from({ length: claims }, (_, index) => index + 1);
  for (const number of numbers) {
    const answer = await claim(harness, OWNER, number, at(1_000 + number), {
      ...request,
      limit,
      liveClaims: numbers.slice(0, number - 1),
    });
    claimed.push(...taskIds(answer.tasks));
  }
  return claimed;
}

const rooms: readonly Law[] = [
  law("a task keeps its key, hands it over where a claim asks by keys, and shows it", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("keyed", { key: "merchant 1" }), newTask("other", { key: null })]);
    const { tasks } = await claim(harness, OWNER, 1, at(0), byKeys(1));
    assert.deepEqual(Object.fromEntries(tasks.map(({ taskId, key }) => [taskId, key])), {
      keyed: "merchant 1",
      other: null,
    });
    assert.deepEqual(
      [(await standing(harness, "keyed")).key, (await standing(harness, "other")).key],
      ["merchant 1", null],
    );
  }),

  law("a claim takes no more of a key than there is room for, the longest due first", async (harness) => {
    await register(harness, OWNER);
    for (let index = 0; index < 4; index += 1) {
      for (const key of ["a", "b", "c"])
        await enqueue(harness, [newTask(`${key}-${index}`, { key, delayMs: index })]);
    }
    const ids = await claimedIds(harness, OWNER, 1, at(10), byKeys(2, { b: 1, c: 0 }));
    assert.deepEqual(ids.sort(), ["a-0", "a-1", "b-0"]);
  }),

  law("tasks without a key are not limited by the rooms of keys", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [...tasksOf(null, 5), ...tasksOf("a", 5)]);
    const ids = await claimedIds(harness, OWNER, 1, at(0), byKeys(1));
    assert.deepEqual(ids.filter((id) => id.startsWith("none")).length, 5);
    assert.equal(ids.length, 6);
  }),

  law("keys are told apart within their type", async (harness) => {
    await register(harness, OWNER);
    for (const type of ["x", "y"]) await enqueue(harness, [newTask(`of-${type}`, { type, key: "same" })]);
    const of = (limit: number): KeyRooms => ({ each: 1, of: [{ key: "same", limit }] });
    const types = [
      { type: "x", limit: 5, keys: of(0) },
      { type: "y", limit: 5, keys: of(1) },
    ];
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(0), { types }), ["of-y"]);
  }),

  law("types that are asked by keys and types that are not are claimed together", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, tasksOf("a", 3, { type: "keyed" }));
    await enqueue(harness, [newTask("plain-0", { type: "plain" }), newTask("plain-1", { type: "plain" })]);
    const types = [
      { type: "keyed", limit: 5, keys: { each: 1, of: [] } },
      { type: "plain", limit: 5 },
    ];
    const ids = await claimedIds(harness, OWNER, 1, at(0), { types, limit: 10 });
    assert.deepEqual(ids.sort(), ["a-000", "plain-0", "plain-1"]);
    const rest = { types: [{ type: "keyed", limit: 5 }], liveClaims: [1] };
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(0), rest), ["a-001", "a-002"]);
  }),

  law("the bounds of a claim hold over all keys", async (harness) => {
    await register(harness, OWNER);
    const keys = Array.from({ length: 20 }, (_, index) => `key-${index}`);
    await enqueue(
      harness,
      keys.flatMap((key) => tasksOf(key, 2, { data: new Uint8Array(100) })),
    );
    const [type] = byKeys(1).types as Exclude<ClaimRequest["types"], "all">;
    assert.ok(type !== undefined);
    const few = await claim(harness, OWNER, 1, at(0), { types: [{ ...type, limit: 7 }], limit: 50 });
    assert.equal(few.tasks.length, 7);
    const bytes = await claim(harness, OWNER, 2, at(0), { ...byKeys(1), maxBytes: 450, liveClaims: [1] });
    assert.equal(bytes.tasks.length, 4);
  }),

  law("a named task of a key that is left alone is not claimed", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("left", { key: "a" }), newTask("taken", { key: "b" })]);
    const tasks = await harness.store.claimById(
      {
        owner: OWNER,
        claim: 1,
        liveClaims: [],
        taskIds: ["left", "taken"],
        types: "all",
        without: [
          { type: TYPE, key: "a" },
          { type: "another", key: "b" },
        ],
      },
      at(0),
    );
    assert.deepEqual(
      tasks.map(({ taskId, key }) => [taskId, key]),
      [["taken", "b"]],
    );
    assert.equal((await standing(harness, "left")).owner, null);
  }),

  law("a task whose original has vanished is written with its key after all", async (harness) => {
    await register(harness, OWNER);
    for (const [place, resolves] of [true, false].entries()) {
      const task = newTask(`vanished-${place}`, { key: "a", onDuplicate: "compare" });
      const caller = await harness.begin();
      if (resolves) {
        const answer = await harness.store.resolveDuplicates(caller.transaction, [task], null, [], at(0));
        assert.deepEqual(answer[0]?.verdict, "created");
      } else await harness.store.insert(caller.transaction, [task], null, at(0));
      await caller.commit();
      assert.equal((await standing(harness, task.taskId)).key, "a");
    }
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(1), byKeys(1, { a: 0 })), []);
  }),

  law("a task keeps its key through failure, retry and redrive", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("kept", { key: "a" })]);
    await applied(harness, retry(await claimOne(harness, OWNER, 1, at(0), byKeys(1))), at(1));
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(2), byKeys(1, { a: 0 })), []);
    await applied(harness, failure(await claimOne(harness, OWNER, 3, at(3), byKeys(1))), at(4));
    assert.deepEqual(await harness.store.redrive("kept", at(5)), { done: true });
    assert.deepEqual(await claimedIds(harness, OWNER, 4, at(6), byKeys(1, { a: 0 })), []);
    assert.equal((await claimOne(harness, OWNER, 5, at(7), byKeys(1))).key, "a");
  }),
];

const turns: readonly Law[] = [
  law("a key that is full hides no other, whatever its backlog", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, tasksOf("dead", 400));
    await enqueue(harness, [...tasksOf("a", 2), ...tasksOf("b", 1)], at(500));
    const ids = await claimOn(harness, 1, 5, byKeys(1, { dead: 0 }));
    assert.deepEqual(ids.sort(), ["a-000", "b-000"]);
  }),

  law("a key with little room hides no other, whatever its backlog", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, tasksOf("large", 400));
    await enqueue(harness, tasksOf("small", 1), at(500));
    const ids = await claimOn(harness, 1, 5, byKeys(2));
    assert.deepEqual(ids.sort(), ["large-000", "large-001", "small-000"]);
  }),

  law("every key has its turn behind the backlog of a full one", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, tasksOf("dead", 400));
    const keys = Array.from({ length: 350 }, (_, index) => `key-${index}`);
    await enqueue(
      harness,
      keys.flatMap((key) => tasksOf(key, 1)),
      at(500),
    );
    const ids = await claimOn(harness, 60, 10, byKeys(1, { dead: 0 }));
    assert.equal(new Set(ids).size, 350, "all but those of the full key are claimed in 60 claims of 10");
  }),

  law("a claim says when it has not looked at all keys", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, tasksOf("dead", 400));
    const first = await claim(harness, OWNER, 1, at(0), { ...byKeys(1, { dead: 0 }), limit: 10 });
    assert.deepEqual([taskIds(first.tasks), first.moreKeys ?? false], [[], false]);
    const keys = Array.from({ length: 250 }, (_, index) => `key-${index}`);
    await enqueue(
      harness,
      keys.flatMap((key) => tasksOf(key, 1, { delayMs: 5_000 })),
    );
    await enqueue(harness, tasksOf("due", 1));
    for (let number = 2; ; number += 1) {
      const answer = await claim(harness, OWNER, number, at(0), { ...byKeys(1, { dead: 0 }), limit: 10 });
      if (answer.tasks.length > 0) return assert.deepEqual(taskIds(answer.tasks), ["due-000"]);
      assert.equal(answer.moreKeys, true, "whoever has found nothing has looked everywhere, or says so");
      assert.ok(number < 20, "it is found in some claims");
    }
  }),

  law("a task without a key is reached behind the backlog of a full key", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, tasksOf("dead", 400));
    await enqueue(harness, tasksOf(null, 1), at(500));
    assert.deepEqual(await claimOn(harness, 10, 5, byKeys(1, { dead: 0 })), ["none-000"]);
  }),

  law("an old task of a quiet key is not overtaken for ever by the inflow of others", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, tasksOf("dead", 400));
    await enqueue(harness, tasksOf("quiet", 1), at(100));
    const claimed: string[] = [];
    for (let round = 1; !claimed.includes("quiet-000"); round += 1) {
      assert.ok(round <= 20, "it is claimed in 20 claims of 5");
      const inflow = Array.from({ length: 20 }, (_, index) =>
        newTask(`new-${round}-${index}`, { key: `key-${(round * 7 + index) % 150}` }),
      );
      await enqueue(harness, inflow, at(100 + round));
      const { tasks } = await claim(harness, OWNER, round, at(100 + round), {
        ...byKeys(1, { dead: 0 }),
        limit: 5,
        liveClaims: Array.from({ length: round }, (_, index) => index),
      });
      claimed.push(...taskIds(tasks));
    }
  }),

  law("a key whose tasks are due later costs those of others nothing", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, tasksOf("later", 300, { delayMs: 3_600_000 }));
    await enqueue(harness, tasksOf("now", 2), at(500));
    assert.deepEqual(await claimOn(harness, 1, 5, byKeys(5)), ["now-000", "now-001"]);
  }),
];

const losses: readonly Law[] = [
  law("a suspect of a full key is left, and hides no other", async (harness) => {
    await register(harness, OWNER, OTHER);
    await enqueue(harness, [newTask("of-full", { key: "full" }), newTask("of-free", { key: "free" })]);
    await claim(harness, OTHER, 1, at(0), byKeys(1));
    await die(harness, OTHER, at(1));
    const full = byKeys(1, { full: 0 });
    const first = await claim(harness, OWNER, 1, at(2), full);
    assert.deepEqual(
      first.tasks.map(({ taskId, lostAttempts }) => [taskId, lostAttempts]),
      [["of-free", 1]],
    );
    assert.deepEqual(await claimedIds(harness, OWNER, 2, at(3), { ...full, liveClaims: [1] }), []);
    const opened = await claim(harness, OWNER, 3, at(4), { ...byKeys(1), liveClaims: [1] });
    assert.deepEqual(
      opened.tasks.map(({ taskId, lostAttempts }) => [taskId, lostAttempts]),
      [["of-full", 1]],
    );
  }),

  law("suspects count against the room of their key", async (harness) => {
    await register(harness, OWNER, OTHER);
    await enqueue(harness, tasksOf("a", 3));
    await claim(harness, OTHER, 1, at(0), byKeys(2));
    await die(harness, OTHER, at(1));
    for (const number of [1, 2, 3]) {
      const ids = await claimedIds(harness, OWNER, number, at(number + 1), byKeys(1));
      assert.equal(ids.length, 1, "one of the key at a time");
    }
  }),

  law("a task of a full key that must be claimed alone is not, and nobody is told of it", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, tasksOf("a", 1));
    for (const [round, owner] of [processId(3), processId(4)].entries()) {
      await register(harness, owner);
      await claimOne(harness, owner, 1, at(round), byKeys(1));
      await die(harness, owner, at(round));
    }
    await claim(harness, OWNER, 1, at(2), byKeys(1));
    const full = byKeys(1, { a: 0 });
    const later = at(60_000);
    assert.deepEqual((await claim(harness, OWNER, 2, later, full)).aloneDue, false);
    assert.deepEqual(await claimedIds(harness, OWNER, 3, later, { ...full, alone: true }), []);
    assert.deepEqual((await claim(harness, OWNER, 4, later, byKeys(1))).aloneDue, true);
    const claimed = await claimOne(harness, OWNER, 5, later, { ...byKeys(1), alone: true });
    assert.deepEqual([claimed.taskId, claimed.lostAttempts], ["a-000", 2]);
  }),
];

/** Rooms, turns, and losses of keyed tasks. */
export const keyLaws: readonly Law[] = [...rooms, ...turns, ...losses];
