// A database that went back while its processes lived: rows come back under claims that were ended long ago (G4).
import { describe, expect, it } from "vitest";

import { newTask } from "../../src/conformance/scene.ts";
import type { BeatAnswer } from "../../src/store/contract.ts";
import { gate, job, World } from "./world.ts";

/** A process without worker that has ended its claim 1, and another process with a worker. */
async function twoProcesses(world: World): Promise<{ readonly owner: string }> {
  const web = await world.started();
  const [record] = world.callsOf("register").at(-1)?.call ?? [];
  const { owner } = record as { readonly owner: string };
  await web.tryExecuteNow(await world.enqueue(web, { taskId: "before" }));
  world.scheduler().startWorker();
  await world.ports.advance(6_000);
  return { owner };
}

/** What a restore does: a task stands under a claim again. */
async function comeBack(world: World, taskId: string, owner: string, claim: number): Promise<void> {
  const transaction = await world.inner.begin();
  const row = newTask(taskId, { type: job.type, bornClaimed: true });
  await world.inner.insert(transaction, [row], { owner, claim });
  await transaction.commit();
}

/** Lets each heartbeat from now on tell something else. */
function told(world: World, change: (answer: BeatAnswer) => Partial<BeatAnswer>): void {
  world.fault("beat", async (carryOut) => {
    const answer = (await carryOut()) as BeatAnswer; // what beat answers
    return { ...answer, ...change(answer) };
  });
}

describe("a row that came back under an ended claim of a process without worker", () => {
  it("stays held for as long as nobody knows that the database went back", async () => {
    const world = new World();
    const { owner } = await twoProcesses(world);
    await comeBack(world, "returned", owner, 1);
    await world.ports.advance(60_000);
    expect(await world.stateOf("returned")).toBe("pending");
  });

  for (const [sign, change] of [
    ["another era", () => ({ era: "restored" })],
    ["heartbeats that went back", ({ beats }: BeatAnswer) => ({ beats: beats - 1_000 })],
  ] as const) {
    it(`is freed at no cost after ${sign}, and executed`, async () => {
      const world = new World();
      const { owner } = await twoProcesses(world);
      await comeBack(world, "returned", owner, 1);
      told(world, change);
      await world.ports.advance(10_000);
      expect(await world.inner.get("returned")).toMatchObject({ state: "confirmed", lostAttempts: 0 });
    });
  }

  it("is freed once the claim has ended that was still live when the database went back", async () => {
    const world = new World();
    world.scheduler().startWorker();
    const door = gate();
    const slow = await world.started({ executors: [world.executor(job, () => door.opened)] });
    const [record] = world.callsOf("register").at(-1)?.call ?? [];
    const { owner } = record as { readonly owner: string };
    void slow.tryExecuteNow(await world.enqueue(slow, { taskId: "slow" }));
    await world.ports.advance(6_000);
    await comeBack(world, "returned", owner, 1);
    told(world, () => ({ era: "restored" }));
    await world.ports.advance(20_000);
    expect(await world.stateOf("returned")).toBe("pending");
    door.open();
    await world.ports.advance(10_000);
    expect(await world.stateOf("returned")).toBe("confirmed");
  });

  it("is looked for until the store answers", async () => {
    const world = new World();
    const { owner } = await twoProcesses(world);
    await comeBack(world, "returned", owner, 1);
    world.fault("freeEndedClaims", () => Promise.reject(new Error("the connection was lost")));
    told(world, () => ({ era: "restored" }));
    await world.ports.advance(20_000);
    expect(await world.stateOf("returned")).toBe("pending");
    world.heal("freeEndedClaims");
    await world.ports.advance(10_000);
    expect(await world.stateOf("returned")).toBe("confirmed");
  });

  it("is never asked for while the database stays the same", async () => {
    const world = new World();
    await twoProcesses(world);
    await world.ports.advance(120_000);
    expect(world.callsOf("freeEndedClaims")).toEqual([]);
  });
});
