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

  const onSqlite = (run: Scenario["run"]): Scenario => ({
    ...scenario(run),
    onSqlite: true,
    needs: ["sqlite"],
  });

  test("the same is told of a SQLite file, and a run on it without a breach holds", async (context) => {
    const run = async (breach: string) =>
      await runScenario(
        rig,
        onSqlite(async (stage) => {
          const [client, worker] = await Promise.all([
            stage.client("client", { poolSize: null }),
            stage.worker("worker"),
          ]);
          await stage.enqueue(client, [order("works", { end: "fail", times: 1 }), order("left")]);
          await stage.enqueue(client, [{ ...order("vanished", {}, "strict"), delayMs: 60_000 }]);
          stage.judged.mayStayPending = ["strict"];
          await until("two are done", async () => (await stage.sqlite.counts()).pending === 1);
          stage.sqlite.sql(breach);
          await stage.terminate(worker);
          stage.quiet();
        }),
      );
    const held = await run("update owed_task set reference_id = 'none of the business of an audit'");
    if (held.outcome === "skipped") context.skip(held.reason ?? "no reason was given");
    expect([held.outcome, held.reason]).toEqual(["passed", null]);
    expect(held.counts).toMatchObject({ tasks: 3, executions: 3, lost: 0 });
    const { outcome, violations } = await run("delete from owed_pending");
    expect(outcome).toBe("failed");
    const found = violations.find(({ guarantee, taskId }) => guarantee === "G2" && taskId === "vanished");
    expect(found?.law).toBe("no unfinished task is ever deleted");
    expect(found?.telling.join("\n")).toContain("pending.delete");
  });

  test("on SQLite what one transaction would have to write is told when two have written it", async (context) => {
    const { outcome, reason, violations } = await runScenario(
      rig,
      onSqlite(async (stage) => {
        const client = await stage.client("client", { poolSize: null });
        await stage.enqueue(client, [{ ...order("halves"), delayMs: 60_000 }]);
        stage.nemesis.note({ kind: "operator", operation: "cancel", taskId: "halves" });
        stage.sqlite.sql(`insert into owed_settled (
            id, state, settled_at, generation, failed_attempts, lost_attempts, deferred_attempts
          )
          select id, 'cancelled', 0, generation, 0, 0, 0 from owed_pending`);
        stage.sqlite.sql("delete from owed_pending");
        stage.quiet();
      }),
    );
    if (outcome === "skipped") context.skip(reason ?? "no reason was given");
    expect(violations.map(({ law }) => law)).toContain("a task that has ended is not pending any more");
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
