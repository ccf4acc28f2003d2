// Section F of the fault catalogue: clocks that jump, and machines that sleep.
import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { FakeClock } from "../fake-clock.ts";
import type { Scenario } from "../scenario.ts";
import { until } from "../until.ts";
import { order, ordersOver } from "./orders.ts";

const skewed: Scenario = {
  id: "F75",
  title: "clocks of workers an hour apart, and jumping back and forth while they work",
  expects: "schedule and leases are untouched: nobody is declared dead, nothing runs early or twice",
  needs: ["faketime"],
  async run(stage) {
    const clocks = [new FakeClock(stage, "ahead"), new FakeClock(stage, "behind")] as const;
    const client = await stage.client("client");
    const [ahead, behind] = await Promise.all([
      stage.worker("ahead", { environment: clocks[0].environment }),
      stage.worker("behind", { environment: clocks[1].environment }),
    ]);
    clocks[0].jumpTo("ahead", 3_600);
    clocks[1].jumpTo("behind", -3_600);
    await stage.enqueue(client, ordersOver("task", 40, 150, { runMs: 100 }), "transaction");
    await stage.enqueue(
      client,
      [1, 2, 3, 4, 5].map((number) => order(`retried-${number}`, { end: "fail", times: 2 })),
    );
    for (const seconds of [-3_600, 3_600, 60, -60, 0]) {
      await delay(1_000);
      clocks[0].jumpTo("ahead", seconds);
      clocks[1].jumpTo("behind", -seconds);
    }
    stage.quiet();
    await stage.rest();
    const lost = stage.events().filter(({ event }) => event.kind === "process.lost");
    assert.equal(lost.length, 0);
    for (const taskId of ["task-1", "task-40", "retried-1"]) {
      assert.equal(stage.starts(taskId), taskId === "retried-1" ? 3 : 1);
    }
    assert.ok(ahead.isAlive && behind.isAlive);
  },
};

const suspended: Scenario = {
  id: "F77",
  title: "the whole system is suspended: workers, clients and the server stand still together",
  expects: "as F11: what is void is void, nothing is lost, and work goes on",
  ownServer: {},
  async run(stage) {
    const { server } = stage.postgres;
    const [client, ...workers] = await Promise.all([
      stage.client("client"),
      stage.worker("first"),
      stage.worker("second"),
    ]);
    await stage.enqueue(client, ordersOver("task", 40, 150, { runMs: 300 }), "transaction");
    await delay(1_500);
    const all = [client, ...workers];
    stage.nemesis.note({ kind: "database.down" });
    for (const child of all) stage.pause(child);
    await server.kill("SIGSTOP");
    await delay(process.env["OWED_TEST_FULL"] === "1" ? 60_000 : 6_000);
    await server.kill("SIGCONT");
    for (const child of all) stage.resume(child);
    stage.nemesis.note({ kind: "database.up" });
    await until("it goes on", () => stage.hasStarted("task-40"));
    stage.quiet();
    await stage.rest();
  },
};

/** Section F. */
export const timeScenarios: readonly Scenario[] = [skewed, suspended];
