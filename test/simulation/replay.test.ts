// The simulator repeats itself: the same plan gives the same run, whatever was run before it.
import { expect, test } from "vitest";
import { drawPlan } from "../../simulation/draw-plan.ts";
import type { Plan } from "../../simulation/plan.ts";
import { play } from "../../simulation/scenario.ts";

test("one seed gives one run, event for event", async () => {
  for (const seed of [3, 17, 90, 204, 383]) {
    const first = await play(drawPlan(seed));
    const second = await play(drawPlan(seed));
    expect(second.hash).toBe(first.hash);
    expect(second.history.audit).toEqual(first.history.audit);
    expect(second.history.processes).toEqual(first.history.processes);
  }
});

test("a plan that was written to a file and read again gives the same run", async () => {
  const plan = drawPlan(41);
  const copy = JSON.parse(JSON.stringify(plan)) as Plan;
  expect((await play(copy)).hash).toBe((await play(plan)).hash);
});

test("a plan whose fates are listed call by call gives the same run as the one they were drawn for", async () => {
  const plan = { ...drawPlan(9), network: { ...drawPlan(9).network, odds: { reset: 0.05, late: 0.03 } } };
  const drawn = await play(plan);
  expect(Object.keys(drawn.fated).length).toBeGreaterThan(0);
  const listed = await play({ ...plan, network: { ...plan.network, only: drawn.fated } });
  expect(listed.hash).toBe(drawn.hash);
});

test("different seeds give different runs", async () => {
  const hashes = new Set<number>();
  for (let seed = 1; seed <= 20; seed += 1) hashes.add((await play(drawPlan(seed))).hash);
  expect(hashes.size).toBe(20);
});
