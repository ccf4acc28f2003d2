/** Laws of a database that went back: it can be told from a heartbeat, and what came back under ended claims is freed. */
import assert from "node:assert/strict";

import type { EndedClaimsAnswer, StoreCall } from "../store/contract.ts";
import type { ConformanceHarness, Law } from "./harness.ts";
import {
  at,
  claimedIds,
  claimOne,
  enqueue,
  law,
  newTask,
  processId,
  processRecord,
  register,
  standing,
} from "./scene.ts";

const OWNER = processId(1);
const OTHER = processId(2);

/** Five tasks: under the claims 1 to 3 of one process, under claim 1 of another, and free. */
async function holdSome(harness: ConformanceHarness): Promise<void> {
  await register(harness, OWNER, OTHER);
  for (const claim of [1, 2, 3]) {
    await enqueue(harness, [newTask(`own-${claim}`)]);
    await claimOne(harness, OWNER, claim, at(0), { liveClaims: [1, 2, 3] });
  }
  await enqueue(harness, [newTask("others")]);
  await claimOne(harness, OTHER, 1, at(0));
  await enqueue(harness, [newTask("free")]);
}

/** All pages, none of whose rows is locked. */
async function freeEnded(
  harness: ConformanceHarness,
  which: { readonly claim: number; readonly liveClaims: readonly number[] },
  call: StoreCall,
): Promise<void> {
  let after: string | null = null;
  do {
    const request = { owner: OWNER, ...which, after };
    const answer: EndedClaimsAnswer = await harness.store.freeEndedClaims(request, call);
    assert.equal(answer.left, 0);
    after = answer.next;
  } while (after !== null);
}

/** Eras, heartbeats that go back, and freeing. */
export const endedClaimsLaws: readonly Law[] = [
  law("heartbeats of a process only go up, and the era stays while the database does", async (harness) => {
    const { era } = await harness.store.register(processRecord(OWNER), at(0));
    let last = 0;
    for (let count = 0; count < 3; count += 1) {
      // The same instant each time: a count must not depend on a clock that moves.
      const answer = await harness.store.beat(OWNER, [], at(0));
      assert.ok(answer.beats > last, "each heartbeat counts more than the last");
      assert.equal(answer.era, era);
      last = answer.beats;
    }
  }),

  law("what a process holds under ended claims is freed, and nothing else", async (harness) => {
    await holdSome(harness);
    await freeEnded(harness, { claim: 3, liveClaims: [2] }, at(10));
    const owners: unknown[] = [];
    for (const taskId of ["own-1", "own-2", "own-3", "others", "free"]) {
      owners.push((await standing(harness, taskId)).owner);
    }
    assert.deepEqual(owners, [null, OWNER, OWNER, OTHER, null]);
  }),

  law("freeing ended claims costs a task nothing, and it is due at once", async (harness) => {
    await holdSome(harness);
    const before = await standing(harness, "own-1");
    await freeEnded(harness, { claim: 2, liveClaims: [] }, at(60_000));
    const after = await standing(harness, "own-1", at(60_000));
    assert.deepEqual(
      [after.failedAttempts, after.lostAttempts, after.deferredAttempts, after.generation, after.attempts],
      [0, 0, 0, before.generation, []],
    );
    assert.deepEqual(await claimedIds(harness, OTHER, 2, at(60_000), { liveClaims: [1] }), ["free", "own-1"]);
  }),

  law("nothing is freed where no claim has ended", async (harness) => {
    await holdSome(harness);
    await freeEnded(harness, { claim: 4, liveClaims: [1, 2, 3] }, at(10));
    assert.deepEqual(await claimedIds(harness, OTHER, 2, at(20), { liveClaims: [1] }), ["free"]);
  }),
];
