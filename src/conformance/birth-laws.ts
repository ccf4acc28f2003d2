/** Laws of tasks born under a claim: theirs from the commit on, and never lost with the process that bore them. */
import assert from "node:assert/strict";

import type { BornClaim, BornClaimStanding } from "../store/contract.ts";
import type { ConformanceHarness, ConformanceTransaction, Law } from "./harness.ts";
import {
  applied,
  at,
  claim,
  claimedIds,
  claimOne,
  concurrentLaw,
  confirmation,
  die,
  enqueue,
  law,
  newTask,
  only,
  processId,
  register,
  retry,
  settle,
  standing,
} from "./scene.ts";

const OWNER = processId(1);
const OTHER = processId(2);
const BIRTH = Object.freeze({ owner: OWNER, claim: 5 });

/** Inserts one born-claimed task and answers what its process notes of it. */
async function bear(
  harness: ConformanceHarness,
  caller: ConformanceTransaction,
  taskId: string,
): Promise<BornClaim & { readonly taskId: string }> {
  const tasks = [newTask(taskId, { bornClaimed: true })];
  const answer = await harness.store.insert(caller.transaction, tasks, BIRTH, at(0));
  const { id } = only(answer.created);
  // A first generation has one number in a store; a task that stands tells which.
  const { generation } = await firstGeneration(harness);
  return { id, taskId, token: { ...BIRTH, generation }, transactionMark: answer.transactionMark };
}

async function firstGeneration(harness: ConformanceHarness): Promise<{ readonly generation: number }> {
  return standing(harness, "witness");
}

/** Every law needs a task that stands, of a type and due time that leave it out of the way. */
async function withWitness(harness: ConformanceHarness): Promise<void> {
  await enqueue(harness, [newTask("witness", { delayMs: 86_400_000 })]);
  await register(harness, OWNER, OTHER);
}

/** A store that cannot name transactions cannot tell one that is over from one that is open, and may say either. */
function assertOver(born: BornClaim, standing: BornClaimStanding | undefined): void {
  if (born.transactionMark === null) assert.notEqual(standing, "committed");
  else assert.equal(standing, "gone");
}

/** Born claims before, at and after the commit. */
export const birthLaws: readonly Law[] = [
  law("a task is born under the claim of its call", async (harness) => {
    await withWitness(harness);
    const caller = await harness.begin();
    const born = await bear(harness, caller, "born");
    await caller.commit();
    assert.equal((await standing(harness, "born")).owner, OWNER);
    await applied(harness, confirmation(born), at(10));
    assert.equal((await standing(harness, "born", at(10))).state, "confirmed");
  }),

  law("only the tasks that ask for it are born claimed", async (harness) => {
    await withWitness(harness);
    await enqueue(harness, [newTask("born", { bornClaimed: true }), newTask("free")], at(0), BIRTH);
    assert.equal((await standing(harness, "free")).owner, null);
    assert.deepEqual(await claimedIds(harness, OTHER, 1, at(10)), ["free"]);
  }),

  law("a task inserted while duplicates are resolved is born claimed too", async (harness) => {
    await withWitness(harness);
    const caller = await harness.begin();
    const missing = [newTask("vanished", { bornClaimed: true }), newTask("free")];
    await harness.store.resolveDuplicates(caller.transaction, missing, BIRTH, [], at(0));
    await caller.commit();
    assert.equal((await standing(harness, "vanished")).owner, OWNER);
    assert.deepEqual(await claimedIds(harness, OTHER, 1, at(10)), ["free"]);
  }),

  law("a born-claimed task is claimed by nobody while its process lives", async (harness) => {
    await withWitness(harness);
    await enqueue(harness, [newTask("born", { bornClaimed: true })], at(0), BIRTH);
    assert.deepEqual(await claimedIds(harness, OTHER, 1, at(60_000)), []);
    const live = { liveClaims: [BIRTH.claim] };
    assert.deepEqual(await claimedIds(harness, OWNER, 6, at(60_000), live), []);
  }),

  law(
    "a task born after a claim was asked for is held, although that claim cannot know it",
    async (harness) => {
      await withWitness(harness);
      await enqueue(harness, [newTask("born", { bornClaimed: true })], at(0), BIRTH);
      const earlier = BIRTH.claim - 1;
      assert.deepEqual(await claimedIds(harness, OWNER, earlier, at(10), { liveClaims: [] }), []);
      const request = {
        owner: OWNER,
        claim: earlier,
        liveClaims: [],
        taskIds: ["born"],
        types: "all" as const,
      };
      assert.deepEqual(await harness.store.claimById(request, at(10)), []);
      assert.equal((await standing(harness, "born")).owner, OWNER);
    },
  ),

  law("a born claim its process does not know is claimed anew without cost", async (harness) => {
    await withWitness(harness);
    await enqueue(harness, [newTask("forgotten", { bornClaimed: true })], at(0), BIRTH);
    const claimed = await claimOne(harness, OWNER, 6, at(10), { liveClaims: [] });
    assert.deepEqual([claimed.taskId, claimed.lostAttempts], ["forgotten", 0]);
    assert.deepEqual((await standing(harness, "forgotten")).attempts, []);
  }),

  law("a born claim of an open transaction is open", async (harness) => {
    await withWitness(harness);
    const caller = await harness.begin();
    const born = await bear(harness, caller, "born");
    assert.deepEqual(await harness.store.readCommitted([born], at(0)), ["open"]);
    await caller.rollback();
  }),

  law("a born claim of a committed transaction is committed", async (harness) => {
    await withWitness(harness);
    const caller = await harness.begin();
    const born = await bear(harness, caller, "born");
    await caller.commit();
    assert.deepEqual(await harness.store.readCommitted([born], at(0)), ["committed"]);
  }),

  law("a born claim of a rolled-back transaction is gone", async (harness) => {
    await withWitness(harness);
    const caller = await harness.begin();
    const born = await bear(harness, caller, "born");
    await caller.rollback();
    assertOver(born, only(await harness.store.readCommitted([born], at(0))));
  }),

  law("a born claim of a rolled-back savepoint is gone once its transaction commits", async (harness) => {
    await withWitness(harness);
    const caller = await harness.begin();
    const savepoint = await harness.store.savepoint(caller.transaction);
    const undone = await bear(harness, caller, "undone");
    await savepoint.rollback();
    const kept = await bear(harness, caller, "kept");
    await caller.commit();
    const [first, second] = await harness.store.readCommitted([undone, kept], at(0));
    assertOver(undone, first);
    assert.equal(second, "committed");
  }),

  law("born claims are read in the order given", async (harness) => {
    await withWitness(harness);
    const caller = await harness.begin();
    const second = await bear(harness, caller, "second");
    const first = await bear(harness, caller, "first");
    await caller.commit();
    const wrong: BornClaim = { ...first, token: { ...first.token, claim: 99 } };
    const [one, two, three] = await harness.store.readCommitted([first, wrong, second], at(0));
    assert.deepEqual([one, three], ["committed", "committed"]);
    assert.notEqual(two, "committed");
    assert.deepEqual(await harness.store.readCommitted([], at(0)), []);
  }),

  law("a born claim that was superseded does not read as committed", async (harness) => {
    await withWitness(harness);
    const caller = await harness.begin();
    const born = await bear(harness, caller, "born");
    await caller.commit();
    await applied(harness, retry(born, { delayMs: 10 }), at(0));
    await claimOne(harness, OTHER, 1, at(10));
    assert.notEqual(only(await harness.store.readCommitted([born], at(10))), "committed");
  }),

  law("a born-claimed task whose process dies after the commit is counted lost", async (harness) => {
    await withWitness(harness);
    await enqueue(harness, [newTask("orphan", { bornClaimed: true })], at(0), BIRTH);
    await die(harness, OWNER, at(10));
    const claimed = await claimOne(harness, OTHER, 1, at(20));
    assert.deepEqual([claimed.taskId, claimed.lostAttempts], ["orphan", 1]);
    const { outcome, owner, claim: number } = only((await standing(harness, "orphan", at(20))).attempts);
    assert.deepEqual([outcome, owner, number], ["lost", OWNER, BIRTH.claim]);
  }),

  concurrentLaw(
    "a born-claimed task that commits after its process died is found and counted lost",
    async (harness) => {
      await withWitness(harness);
      const caller = await harness.begin();
      const born = await bear(harness, caller, "late-commit");
      await die(harness, OWNER, at(20_000));
      assert.deepEqual((await claim(harness, OTHER, 1, at(30_000))).tasks, []);
      await caller.commit();
      const claimed = await claimOne(harness, OTHER, 2, at(40_000));
      assert.deepEqual([claimed.taskId, claimed.lostAttempts], ["late-commit", 1]);
      assert.equal((await settle(harness, retry(born), at(40_000))).verdict, "refused");
    },
  ),

  concurrentLaw("a born claim becomes visible at its commit and not before", async (harness) => {
    await withWitness(harness);
    const caller = await harness.begin();
    const born = await bear(harness, caller, "born");
    // Its own process would take a row it does not know, if it could see it.
    assert.deepEqual(await claimedIds(harness, OWNER, 6, at(10), { liveClaims: [] }), []);
    assert.equal((await settle(harness, confirmation(born), at(10))).state, "gone");
    await caller.commit();
    assert.deepEqual(await harness.store.readCommitted([born], at(20)), ["committed"]);
    await applied(harness, confirmation(born), at(20));
  }),
];
