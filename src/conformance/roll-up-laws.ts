/** Laws of roll-ups: added up by minute and type, folded into hours without loss, forgotten in the end. */
import assert from "node:assert/strict";

import type { RollUp, TimedRollUp } from "../store/contract.ts";
import type { ConformanceHarness, Law } from "./harness.ts";
import { at, law, START_MS } from "./scene.ts";

const byText = (left: unknown, right: unknown): number =>
  JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** From here on the clock of the laws is at the beginning of an hour. */
const TO_NEXT_HOUR_MS = HOUR_MS - (START_MS % HOUR_MS);

function rollUp(type: string, unusual: Partial<RollUp> = {}): RollUp {
  return { type, confirmed: 0, failed: 0, givenUp: 0, waits: [], runs: [], slowest: null, ...unusual };
}

async function read(
  { store }: ConformanceHarness,
  offsetMs: number,
  spanMs = 72 * HOUR_MS,
  type?: string,
): Promise<readonly TimedRollUp[]> {
  const answer = await store.rollUps({ spanMs, type }, at(offsetMs));
  assert.equal(answer.now.getTime(), START_MS + offsetMs, "the database's clock is told");
  return answer.rollUps;
}

/** When each begins, from the first hour on, and what it is about. */
function places(rollUps: readonly TimedRollUp[]): unknown[] {
  return rollUps.map(({ beginsAt, minutes, type, confirmed }) => [
    (beginsAt.getTime() - START_MS - TO_NEXT_HOUR_MS) / MINUTE_MS,
    minutes,
    type,
    confirmed,
  ]);
}

async function foldAll({ store }: ConformanceHarness, offsetMs: number): Promise<void> {
  for (let looks = 0; looks < 100; looks += 1) {
    if ((await store.foldRollUps(at(offsetMs))) === 0) return;
  }
  throw new assert.AssertionError({ message: "the folding does not end" });
}

/** Record, read, fold. */
export const rollUpLaws: readonly Law[] = [
  law("roll-ups of one minute and type are added up, those of several processes too", async (harness) => {
    const { store } = harness;
    const start = TO_NEXT_HOUR_MS;
    const first = {
      confirmed: 3,
      failed: 1,
      waits: [1, 2],
      runs: [0, 0, 4],
      slowest: { taskId: "a", ms: 2.5 },
    };
    await store.recordRollUps([rollUp("mail", first)], at(start));
    const second = { confirmed: 4, givenUp: 2, waits: [0, 1, 5], runs: [1], slowest: { taskId: "b", ms: 1 } };
    const third = { failed: 1, slowest: { taskId: "c", ms: 7 } };
    await Promise.all([
      store.recordRollUps([rollUp("mail", second)], at(start + 59_999)),
      store.recordRollUps([rollUp("mail", third)], at(start + 59_999)),
    ]);
    assert.deepEqual(await read(harness, start + 59_999), [
      {
        type: "mail",
        beginsAt: new Date(START_MS + start),
        minutes: 1,
        confirmed: 7,
        failed: 2,
        givenUp: 2,
        waits: [1, 3, 5],
        runs: [1, 0, 4],
        slowest: { taskId: "c", ms: 7 },
      },
    ]);
  }),

  law(
    "roll-ups stand in the minute of the database's clock, each type by itself, oldest first",
    async (harness) => {
      const { store } = harness;
      const start = TO_NEXT_HOUR_MS;
      await store.recordRollUps(
        [rollUp("b", { confirmed: 1 }), rollUp("a", { confirmed: 2 })],
        at(start + 59_999),
      );
      await store.recordRollUps([rollUp("a", { confirmed: 3 })], at(start + MINUTE_MS));
      await store.recordRollUps([], at(start + MINUTE_MS));
      const found = places(await read(harness, start + MINUTE_MS));
      assert.deepEqual(found.slice(0, 2).sort(byText), [
        [0, 1, "a", 2],
        [0, 1, "b", 1],
      ]);
      assert.deepEqual(found.slice(2), [[1, 1, "a", 3]]);
    },
  ),

  law("roll-ups are read as far back as asked, of one type if asked", async (harness) => {
    const { store } = harness;
    const start = TO_NEXT_HOUR_MS;
    for (const minute of [0, 1, 2]) {
      const both = [rollUp("a", { confirmed: minute }), rollUp("b", { failed: 1 })];
      await store.recordRollUps(both, at(start + minute * MINUTE_MS));
    }
    const end = start + 2 * MINUTE_MS;
    assert.deepEqual(places(await read(harness, end, MINUTE_MS, "a")), [
      [1, 1, "a", 1],
      [2, 1, "a", 2],
    ]);
    assert.equal((await read(harness, end, MINUTE_MS - 1)).length, 2);
    assert.deepEqual(await read(harness, end, HOUR_MS, "c"), []);
  }),

  law("names and long figures are kept as they are", async (harness) => {
    const type = `it's "a" {b,c} \\ ${"\u{10ffff}"}`;
    const cells = Array.from({ length: 47 }, (_, cell) => cell * 1_000);
    const given = rollUp(type, { waits: cells, runs: cells, slowest: { taskId: 'x"{},\\', ms: 300_000 } });
    await harness.store.recordRollUps([given], at(TO_NEXT_HOUR_MS));
    const [found] = await read(harness, TO_NEXT_HOUR_MS);
    assert.deepEqual(found, { ...given, beginsAt: new Date(START_MS + TO_NEXT_HOUR_MS), minutes: 1 });
  }),

  law(
    "the minutes of an hour that has been over for an hour are folded into one, and nothing is lost",
    async (harness) => {
      const { store } = harness;
      const start = TO_NEXT_HOUR_MS;
      const first = {
        confirmed: 3,
        failed: 1,
        givenUp: 1,
        waits: [1, 2],
        runs: [2],
        slowest: { taskId: "a", ms: 9 },
      };
      await store.recordRollUps([rollUp("a", first), rollUp("b", { confirmed: 1 })], at(start));
      const second = { confirmed: 4, failed: 2, waits: [0, 0, 3], slowest: { taskId: "z", ms: 8 } };
      await store.recordRollUps([rollUp("a", second)], at(start + 59 * MINUTE_MS));
      await store.recordRollUps([rollUp("a", { confirmed: 5 })], at(start + HOUR_MS));
      const unfolded = await read(harness, start + 2 * HOUR_MS - 1);
      await foldAll(harness, start + 2 * HOUR_MS - 1);
      assert.deepEqual(await read(harness, start + 2 * HOUR_MS - 1), unfolded);
      await foldAll(harness, start + 2 * HOUR_MS);
      const folded = await read(harness, start + 2 * HOUR_MS);
      assert.deepEqual(places(folded).sort(byText), [
        [0, 60, "a", 7],
        [0, 60, "b", 1],
        [60, 1, "a", 5],
      ]);
      assert.deepEqual(
        folded.find(({ minutes, type }) => minutes === 60 && type === "a"),
        {
          type: "a",
          beginsAt: new Date(START_MS + start),
          minutes: 60,
          confirmed: 7,
          failed: 3,
          givenUp: 1,
          waits: [1, 2, 3],
          runs: [2],
          slowest: { taskId: "a", ms: 9 },
        },
      );
    },
  ),

  law("processes that fold at the same time count nothing twice and lose nothing", async (harness) => {
    const { store } = harness;
    const start = TO_NEXT_HOUR_MS;
    for (let minute = 0; minute < 60; minute += 1) {
      const types = Array.from({ length: 12 }, (_, type) =>
        rollUp(`type-${type}`, { confirmed: 1, waits: [1] }),
      );
      await store.recordRollUps(types, at(start + minute * MINUTE_MS));
    }
    const late = start + 2 * HOUR_MS;
    await Promise.all([1, 2, 3].map(() => foldAll(harness, late)));
    await foldAll(harness, late);
    const hours = await read(harness, late);
    assert.deepEqual([hours.length, new Set(hours.map(({ minutes }) => minutes))], [12, new Set([60])]);
    assert.deepEqual(new Set(hours.map(({ confirmed }) => confirmed)), new Set([60]));
    assert.deepEqual(new Set(hours.map(({ waits }) => waits[0])), new Set([60]));
  }),

  law("hours are forgotten after two days, so that roll-ups do not grow", async (harness) => {
    const { store } = harness;
    const start = TO_NEXT_HOUR_MS;
    await store.recordRollUps([rollUp("a", { confirmed: 1 })], at(start));
    await foldAll(harness, start + 48 * HOUR_MS);
    assert.deepEqual(places(await read(harness, start + 48 * HOUR_MS)), [[0, 60, "a", 1]]);
    await foldAll(harness, start + 49 * HOUR_MS);
    assert.deepEqual(await read(harness, start + 49 * HOUR_MS), []);
  }),
];
