/** Laws of the process registry: who is alive, and who may say that another is not. */
import assert from "node:assert/strict";

import type { Law } from "./harness.ts";
import {
  at,
  claimedIds,
  claimOne,
  enqueue,
  law,
  newTask,
  only,
  processId,
  processRecord,
  register,
  START_MS,
  standing,
  TYPE,
} from "./scene.ts";

const OWNER = processId(1);
const OTHER = processId(2);
const THIRD = processId(3);

/** Register, beat, observe, declare dead, remove. */
export const processLaws: readonly Law[] = [
  law("a heartbeat lists all others and not itself", async (harness) => {
    await harness.store.register(processRecord(OWNER), at(0));
    await harness.store.register(processRecord(OTHER, { leaseMs: 20_000, types: ["a", "b"] }), at(0));
    await harness.store.register(processRecord(THIRD, { leaseMs: 30_000, types: [] }), at(0));
    const answer = await harness.store.beat(OWNER, [], at(10));
    assert.deepEqual([answer.alive, answer.declaredDead], [true, []]);
    const leases = new Map(answer.others.map(({ owner, leaseMs }) => [owner, leaseMs]));
    assert.deepEqual(
      leases,
      new Map([
        [OTHER, 20_000],
        [THIRD, 30_000],
      ]),
    );
  }),

  law("every heartbeat of a process is seen by the others as a change", async (harness) => {
    await register(harness, OWNER, OTHER);
    const seen = new Set<number>();
    seen.add(only((await harness.store.beat(OWNER, [], at(0))).others).beats);
    for (let count = 0; count < 3; count += 1) {
      // The same instant each time: a change must not depend on a clock that moves.
      await harness.store.beat(OTHER, [], at(0));
      seen.add(only((await harness.store.beat(OWNER, [], at(0))).others).beats);
    }
    assert.equal(seen.size, 4);
  }),

  law("a process whose heartbeat stands still is removed when it is declared dead", async (harness) => {
    await register(harness, OWNER, OTHER, THIRD);
    const { others } = await harness.store.beat(OWNER, [], at(0));
    const dead = others.filter(({ owner }) => owner === OTHER);
    const answer = await harness.store.beat(OWNER, dead, at(15_000));
    assert.deepEqual(answer.declaredDead, [OTHER]);
    assert.deepEqual(
      answer.others.map(({ owner }) => owner),
      [THIRD],
    );
    assert.equal((await harness.store.beat(OTHER, [], at(15_001))).alive, false);
  }),

  law("a process whose heartbeat has changed is not declared dead", async (harness) => {
    await register(harness, OWNER, OTHER);
    const { others } = await harness.store.beat(OWNER, [], at(0));
    await harness.store.beat(OTHER, [], at(14_999));
    const answer = await harness.store.beat(OWNER, others, at(15_000));
    assert.deepEqual(answer.declaredDead, []);
    assert.deepEqual(
      answer.others.map(({ owner }) => owner),
      [OTHER],
    );
    assert.equal((await harness.store.beat(OTHER, [], at(15_001))).alive, true);
  }),

  law("of several accused only those that stand still are declared dead", async (harness) => {
    await register(harness, OWNER, OTHER, THIRD);
    const { others } = await harness.store.beat(OWNER, [], at(0));
    await harness.store.beat(THIRD, [], at(10_000));
    const accused = [...others, { owner: processId(99), beats: 0 }];
    const answer = await harness.store.beat(OWNER, accused, at(15_000));
    assert.deepEqual(answer.declaredDead, [OTHER]);
  }),

  law("a process that is not registered any more learns it and removes nobody", async (harness) => {
    await register(harness, OWNER, OTHER);
    const { others } = await harness.store.beat(OWNER, [], at(0));
    await harness.store.removeProcess(OWNER, at(10));
    const answer = await harness.store.beat(OWNER, others, at(15_000));
    assert.deepEqual([answer.alive, answer.declaredDead], [false, []]);
    assert.equal((await harness.store.beat(OTHER, [], at(15_000))).alive, true);
  }),

  law("a heartbeat does not bring a removed process back", async (harness) => {
    await register(harness, OWNER, OTHER);
    await harness.store.removeProcess(OTHER, at(10));
    assert.equal((await harness.store.beat(OTHER, [], at(20))).alive, false);
    assert.deepEqual((await harness.store.beat(OWNER, [], at(30))).others, []);
  }),

  law(
    "the registered processes are shown with their last heartbeat, longest registered first",
    async (harness) => {
      const record = processRecord(OTHER, {
        types: ["a", "b"],
        host: "h2",
        pid: 7,
        slots: 3,
        leaseMs: 20_000,
      });
      await harness.store.register(record, at(5));
      await harness.store.register(processRecord(OWNER), at(10));
      await harness.store.register(processRecord(THIRD), at(20));
      await harness.store.beat(OTHER, [], at(1_000));
      await harness.store.removeProcess(THIRD, at(1_000));
      const shown = (now: number) => harness.store.processes(at(now));
      const [first, second, ...more] = await shown(1_500);
      assert.deepEqual(more, []);
      const instant = (offsetMs: number) => new Date(START_MS + offsetMs);
      assert.deepEqual(
        { ...first, types: Array.from(first?.types ?? []) },
        { ...record, registeredAt: instant(5), beatAt: instant(1_000), silentForMs: 500 },
      );
      assert.deepEqual([second?.owner, second?.types, second?.silentForMs], [OWNER, "all", 1_490]);
      await harness.store.register(record, at(2_000));
      const again = (await shown(2_000))[0];
      assert.deepEqual([again?.owner, again?.registeredAt, again?.silentForMs], [OTHER, instant(5), 0]);
    },
  ),

  law("removing a process that is not there does nothing", async (harness) => {
    await register(harness, OWNER);
    await harness.store.removeProcess(OTHER, at(10));
    assert.equal((await harness.store.beat(OWNER, [], at(20))).alive, true);
  }),

  law("the tasks of a process are free once it is declared dead, and not before", async (harness) => {
    await register(harness, OWNER, OTHER);
    await enqueue(harness, [newTask("held")]);
    await claimOne(harness, OTHER, 1, at(0));
    const { others } = await harness.store.beat(OWNER, [], at(10));
    assert.deepEqual(await claimedIds(harness, OWNER, 1, at(60_000)), []);
    await harness.store.beat(OWNER, others, at(60_000));
    assert.equal((await standing(harness, "held")).owner, OTHER, "nobody rewrites the row before a claim");
    const claimed = await claimOne(harness, OWNER, 2, at(60_000));
    assert.deepEqual([claimed.taskId, claimed.lostAttempts], ["held", 1]);
  }),

  law("a process that is not registered claims nothing", async (harness) => {
    await register(harness, OTHER);
    await enqueue(harness, [newTask("due")]);
    await harness.store.removeProcess(OTHER, at(10));
    const byType = { types: [{ type: TYPE, limit: 10 }] };
    assert.deepEqual(await claimedIds(harness, OTHER, 1, at(20)), []);
    assert.deepEqual(await claimedIds(harness, OTHER, 2, at(20), byType), []);
    assert.deepEqual(await claimedIds(harness, OTHER, 3, at(20), { alone: true }), []);
    const byId = { owner: OTHER, claim: 4, liveClaims: [], taskIds: ["due"], types: "all" as const };
    assert.deepEqual(await harness.store.claimById(byId, at(20)), []);
    assert.equal((await standing(harness, "due")).owner, null);
  }),

  law("a process registered after another died does not inherit its claims", async (harness) => {
    await register(harness, OTHER);
    await enqueue(harness, [newTask("held")]);
    await claimOne(harness, OTHER, 1, at(0));
    await harness.store.removeProcess(OTHER, at(10));
    await register(harness, THIRD);
    const claimed = await claimOne(harness, THIRD, 1, at(20), { liveClaims: [1] });
    assert.deepEqual([claimed.token.owner, claimed.lostAttempts], [THIRD, 1]);
  }),
];
