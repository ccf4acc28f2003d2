// The judge of the rig judges: what is done behind its back to rows, processes and histories is found and named.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Rig } from "../../chaos/rig.ts";
import { runScenario } from "../../chaos/run-scenario.ts";
import { type Scenario, Skipped } from "../../chaos/scenario.ts";
import { order } from "../../chaos/scenarios/orders.ts";
import { until } from "../../chaos/until.ts";

// skipped: without databases there is nothing to be judged
describe.skipIf(process.env["OWED_TEST_POSTGRES"] === "none")("a breach behind the rig's back", () => {
  let rig: Rig;
  beforeAll(async () => {
    rig = new Rig();
    await rig.sharedServer();
  });
  afterAll(async () => {
    await rig[Symbol.asyncDispose]();
  });

  const scenario = (run: Scenario["run"]): Scenario => ({
    id: "X1",
    title: "planted",
    expects: "to be found",
    run,
  });

  test("a pending row that vanishes is told as a breach of durability, with its story", async () => {
    const { outcome, violations } = await runScenario(
      rig,
      scenario(async (stage) => {
        const client = await stage.client("client");
        await stage.enqueue(client, [{ ...order("vanished"), delayMs: 60_000 }]);
        await stage.postgres.sql("delete from owed.pending");
        stage.quiet();
      }),
    );
    expect(outcome).toBe("failed");
    expect(violations.map(({ guarantee, taskId }) => [guarantee, taskId])).toContainEqual(["G2", "vanished"]);
    expect(violations.flatMap(({ telling }) => telling).join("\n")).toContain("pending.delete");
  });

  test("a confirmation that no executor earned is told, and so is a task that somebody took", async () => {
    const { outcome, violations } = await runScenario(
      rig,
      scenario(async (stage) => {
        const [client, worker] = await Promise.all([stage.client("client"), stage.worker("worker")]);
        await stage.enqueue(client, [order("taken", { gate: "never" })]);
        await until("it runs", () => stage.hasStarted("taken"));
        await stage.postgres.sql(`with gone as (delete from owed.pending returning id, owner)
          insert into owed.confirmed (bucket, settled_at, owner, ids)
          select id / 1024, clock_timestamp(), owner, array[id] from gone`);
        stage.quiet();
        await stage.kill(worker);
      }),
    );
    expect(outcome).toBe("failed");
    expect(violations.map(({ guarantee }) => guarantee)).toContain("G5");
  });

  test("an expectation that is not met fails the scenario, and a machine that cannot skips it", async () => {
    const failed = await runScenario(
      rig,
      scenario(() => Promise.reject(new Error("not as expected"))),
    );
    expect([failed.outcome, failed.reason?.split("\n")[0]]).toEqual(["failed", "not as expected"]);
    const skipped = await runScenario(
      rig,
      scenario(() => Promise.reject(new Skipped("no such disk"))),
    );
    expect([skipped.outcome, skipped.reason]).toEqual(["skipped", "no such disk"]);
  });
});
