/** Laws of claiming by id: the fast path gets what an ordinary claim could get, and nothing else. */
import assert from "node:assert/strict";

import type { StoreCall } from "../store/contract.ts";
import type { ClaimedTask } from "../task/task.ts";
import type { ConformanceHarness, Law } from "./harness.ts";
import {
  applied,
  at,
  claimOne,
  confirmation,
  die,
  enqueue,
  law,
  newTask,
  only,
  processId,
  register,
  standing,
  TYPE,
  taskIds,
} from "./scene.ts";

const OWNER = processId(1);
const OTHER = processId(2);

function claimById(
  harness: ConformanceHarness,
  claim: number,
  ids: readonly string[],
  call: StoreCall,
  unusual: { readonly types?: readonly string[]; readonly liveClaims?: readonly number[] } = {},
): Promise<readonly ClaimedTask[]> {
  const request = { owner: OWNER, claim, liveClaims: [], taskIds: ids, types: "all" as const, ...unusual };
  return harness.store.claimById(request, call);
}

/** Committed, due, free, of a type asked for. */
export const claimByIdLaws: readonly Law[] = [
  law("the named tasks are claimed and no others", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("a"), newTask("b"), newTask("c")]);
    const claimed = await claimById(harness, 7, ["c", "a", "never-enqueued"], at(0));
    assert.deepEqual(taskIds(claimed).sort(), ["a", "c"]);
    const { generation } = await standing(harness, "a");
    for (const { token } of claimed) assert.deepEqual(token, { owner: OWNER, claim: 7, generation });
    assert.equal((await standing(harness, "b")).owner, null);
  }),

  law("a named task that is not due is not claimed", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("later", { delayMs: 100 })]);
    assert.deepEqual(await claimById(harness, 1, ["later"], at(99)), []);
    assert.deepEqual(taskIds(await claimById(harness, 2, ["later"], at(100))), ["later"]);
  }),

  law("a named task that another live process holds is not claimed", async (harness) => {
    await register(harness, OWNER, OTHER);
    await enqueue(harness, [newTask("held")]);
    await claimOne(harness, OTHER, 1, at(0));
    assert.deepEqual(await claimById(harness, 1, ["held"], at(60_000)), []);
  }),

  law("a named task under a live claim of its own process is not claimed again", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("held")]);
    await claimById(harness, 1, ["held"], at(0));
    assert.deepEqual(await claimById(harness, 2, ["held"], at(0), { liveClaims: [1] }), []);
    const again = only(await claimById(harness, 3, ["held"], at(0), { liveClaims: [2] }));
    assert.deepEqual([again.token.claim, again.lostAttempts], [3, 0]);
  }),

  law("a named task of another type is not claimed", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("typed")]);
    assert.deepEqual(await claimById(harness, 1, ["typed"], at(0), { types: ["other"] }), []);
    assert.deepEqual(await claimById(harness, 2, ["typed"], at(0), { types: [] }), []);
    const claimed = await claimById(harness, 3, ["typed"], at(0), { types: ["other", TYPE] });
    assert.deepEqual(taskIds(claimed), ["typed"]);
  }),

  law("a named task that is settled is not claimed", async (harness) => {
    await register(harness, OWNER);
    await enqueue(harness, [newTask("confirmed"), newTask("cancelled")]);
    const claimed = only(await claimById(harness, 1, ["confirmed"], at(0)));
    await applied(harness, confirmation(claimed), at(0));
    await harness.store.cancel("cancelled", at(0));
    assert.deepEqual(await claimById(harness, 2, ["confirmed", "cancelled"], at(10)), []);
  }),

  law("a named task whose process died is counted lost and claimed", async (harness) => {
    await register(harness, OWNER, OTHER);
    await enqueue(harness, [newTask("orphan")]);
    await claimOne(harness, OTHER, 1, at(0));
    await die(harness, OTHER, at(10));
    const claimed = only(await claimById(harness, 1, ["orphan"], at(20)));
    assert.equal(claimed.lostAttempts, 1);
    const task = await standing(harness, "orphan", at(20));
    assert.deepEqual(
      task.attempts.map(({ outcome, owner }) => [outcome, owner]),
      [["lost", OTHER]],
    );
  }),

  law("a named task that was lost twice is left alone", async (harness) => {
    const third = processId(3);
    await register(harness, OWNER, OTHER, third);
    await enqueue(harness, [newTask("poison")]);
    await claimOne(harness, OTHER, 1, at(0));
    await die(harness, OTHER, at(10));
    await claimOne(harness, third, 1, at(20));
    await die(harness, third, at(30));
    assert.deepEqual(await claimById(harness, 1, ["poison"], at(40)), []);
    assert.deepEqual(await claimById(harness, 2, ["poison"], at(3_600_000)), []);
  }),
];
