// A process that others took for dead: its claims are void, it takes a new id, and what it did still counts if it succeeded.
import { describe, expect, it } from "vitest";

import { everyMethod, unavailable } from "./faulty-store.ts";
import { gate, ids, job, type Run, World } from "./world.ts";

async function ownerOf(world: World): Promise<string> {
  const [record] = world.callsOf("register").at(-1)?.call ?? [];
  return (record as { readonly owner: string }).owner;
}

describe("a process that was declared dead", () => {
  it("takes a new id with its next heartbeat, and never uses the old one again (H40, G7)", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.ports.advance(1_000);
    const old = await ownerOf(world);
    await world.inner.removeProcess(old);
    await world.ports.advance(5_000);
    const anew = await ownerOf(world);
    expect([anew === old, world.callsOf("register").length]).toEqual([false, 2]);
    const before = world.calls.length;
    await world.leave(["a"]);
    await world.enqueue(scheduler, { taskId: "b" });
    await world.ports.advance(10_000);
    const owners = world.calls.slice(before).flatMap(({ method, call }) => {
      if (method === "claim") return [(call[0] as { readonly owner: string }).owner];
      return method === "beat" ? [call[0] as string] : [];
    });
    expect([...new Set(owners)]).toEqual([anew]);
    expect([await world.stateOf("a"), await world.stateOf("b")]).toEqual(["confirmed", "confirmed"]);
  });

  it("never uses a claim number twice, also under its new id (H40)", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    scheduler.startWorker();
    for (let round = 0; round < 5; round += 1) {
      await world.ports.advance(6_000);
      await world.inner.removeProcess(await ownerOf(world));
      await world.leave([`left-${round}`]);
      void scheduler.executeAndAdvance(`left-${round}`);
    }
    await world.ports.advance(6_000);
    const numbers = world.calls
      .filter(({ method }) => method === "claim" || method === "claimById")
      .map(({ call }) => (call[0] as { readonly claim: number }).claim);
    expect(numbers.length).toBeGreaterThan(20);
    expect(numbers).toEqual(numbers.toSorted((left, right) => left - right));
    expect(new Set(numbers).size).toBe(numbers.length);
  });

  it("aborts what runs; a late success still confirms, and what the others do changes nothing (H16, F11, G5)", async () => {
    const world = new World();
    const executors = [world.executor(job, () => world.sleep(10_000))];
    world.scheduler({ executors, maxFailedAttempts: 1 }).startWorker();
    await world.leave(["a"]);
    await world.ports.advance(1_000);
    const old = await ownerOf(world);
    world.scheduler({ executors, maxFailedAttempts: 1 }).startWorker();
    await world.ports.advance(1_000);
    await world.inner.removeProcess(old);
    await world.ports.advance(5_000);
    const [mine, theirs] = world.runs as [Run, Run];
    expect([mine.signal.aborted, theirs.signal.aborted]).toEqual([true, false]);
    expect(mine.signal.reason).toMatchObject({ code: "OWED_ATTEMPT_ABORTED" });
    await world.ports.advance(20_000);
    const task = await world.inner.get("a");
    expect(task).toMatchObject({ state: "confirmed", lostAttempts: 1, failedAttempts: 0 });
    expect(task?.attempts.map(({ outcome, accepted }) => [outcome, accepted])).toEqual([
      ["lost", true],
      ["late-success", true],
      ["late-success", false],
    ]);
    expect(world.runs.length).toBe(2);
  });

  it("and whose attempt then fails changes nothing: the failure of a superseded claim is refused (H2, G7)", async () => {
    const world = new World();
    const stuck = gate();
    const slow = world.executor(job, () => stuck.opened.then(() => Promise.reject(new Error("late"))));
    world.scheduler({ executors: [slow], maxFailedAttempts: 1 }).startWorker();
    await world.leave(["a"]);
    await world.ports.advance(1_000);
    await world.inner.removeProcess(await ownerOf(world));
    const other = world.wire();
    const ends = gate();
    const executors = [world.executor(job, () => ends.opened)];
    world.scheduler({ executors, store: other.store, maxFailedAttempts: 1 }).startWorker();
    await world.ports.advance(2_000);
    stuck.open();
    await world.ports.advance(1_000);
    expect(await world.inner.get("a")).toMatchObject({
      state: "pending",
      failedAttempts: 0,
      lostAttempts: 1,
    });
    ends.open();
    await world.ports.settle();
    expect(await world.stateOf("a")).toBe("confirmed");
  });

  it("starts nothing under its old id: claims that come in are given back (H15)", async () => {
    const world = new World();
    const scheduler = world.scheduler();
    scheduler.startWorker();
    await world.ports.advance(3_500);
    const old = await ownerOf(world);
    const receipt = await world.enqueue(scheduler, { taskId: "born" });
    await world.leave(["claimed"]);
    world.fault(["claim", "readCommitted"], async (carryOut) => {
      const answer = await carryOut();
      await world.sleep(3_000);
      return answer;
    });
    const answers = scheduler.tryExecuteNow(receipt);
    await world.ports.advance(1_000);
    await world.inner.removeProcess(old);
    world.heal();
    expect(await world.ports.until(answers)).toEqual(["notClaimed"]);
    await world.ports.advance(20_000);
    for (const taskId of ["born", "claimed"]) {
      const task = await world.inner.get(taskId);
      expect(task).toMatchObject({ state: "confirmed", failedAttempts: 0 });
      expect(task?.lostAttempts).toBeLessThanOrEqual(1);
    }
    expect(world.startedIds.toSorted()).toEqual(["born", "claimed"]);
    expect(await world.liveClaims(scheduler)).toBe(0);
  });

  it("forgets the births of its old id, and has all its capacity again", async () => {
    const world = new World();
    const scheduler = await world.started({ executors: [world.executor(job, () => gate().opened)] });
    const transaction = await world.inner.begin();
    for (const taskId of ids("a", 32)) await scheduler.enqueue(transaction, job, {}, { taskId });
    await world.inner.removeProcess(await ownerOf(world));
    await world.ports.advance(6_000);
    expect(await world.liveClaims(scheduler)).toBe(0);
    await transaction.commit();
    await world.leave(["b"]);
    void scheduler.executeAndAdvance("b");
    await world.enqueue(scheduler, { taskId: "c" });
    await world.ports.settle();
    expect((await world.inner.get("c"))?.owner).toBe(await ownerOf(world));
    expect(world.startedIds).toEqual(["b"]);
  });

  it("while the database is away registers as soon as it is back", async () => {
    const world = new World();
    world.scheduler().startWorker();
    await world.ports.advance(4_000);
    await world.inner.removeProcess(await ownerOf(world));
    world.fault("register", unavailable);
    await world.ports.advance(30_000);
    world.heal();
    await world.leave(["a"]);
    await world.ports.advance(6_000);
    expect(await world.stateOf("a")).toBe("confirmed");
  });
});

describe("a process that is cut off alone", () => {
  it("is declared dead after its lease, its task runs elsewhere within 20 s, and it comes back (G12, F1)", async () => {
    const world = new World();
    const wire = world.wire();
    const executors = [world.executor(job, () => world.sleep(60_000))];
    world.scheduler({ executors, store: wire.store }).startWorker();
    await world.leave(["a"]);
    await world.ports.advance(4_000);
    world.scheduler({ executors: [world.executor()] }).startWorker();
    await world.ports.advance(2_000);
    wire.fault(everyMethod, unavailable);
    await world.ports.advance(12_000);
    expect(world.runs.length).toBe(1);
    await world.ports.advance(8_000);
    expect([world.runs.length, await world.stateOf("a")]).toEqual([2, "confirmed"]);
    expect((await world.inner.get("a"))?.attempts.map(({ outcome }) => outcome)).toEqual(["lost"]);
    wire.heal();
    await world.ports.advance(6_000);
    expect([wire.callsOf("register").length, (await world.inner.statistics()).processes]).toEqual([2, 2]);
  });
});
