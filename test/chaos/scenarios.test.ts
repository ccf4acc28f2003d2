// The fault rig in the test run: real processes, a real server, and the checker as the judge.
import { afterAll, beforeAll, expect, test } from "vitest";
import { scenarios } from "../../chaos/catalogue.ts";
import { Rig } from "../../chaos/rig.ts";
import { runScenario } from "../../chaos/run-scenario.ts";
import { waiting } from "../../chaos/waiting.ts";

const isFull = process.env["OWED_TEST_FULL"] === "1";
const hasDatabases = process.env["OWED_TEST_POSTGRES"] !== "none";

let rig: Rig;

beforeAll(async () => {
  rig = new Rig();
  if (hasDatabases) await rig.sharedServer();
});

afterAll(async () => {
  await rig[Symbol.asyncDispose]();
});

const chosen = scenarios.filter(({ isShort }) => isFull || isShort === true);

test.for(chosen.map((scenario) => [`${scenario.id}: ${scenario.title}`, scenario] as const))(
  "%s",
  { timeout: 400_000 },
  async ([, scenario], context) => {
    const { outcome, reason, violations } = await runScenario(
      rig,
      scenario,
      process.env["OWED_CHAOS_KEEP"] ?? null,
    );
    if (outcome === "skipped") {
      // A matter of the machine and not of the library; it must not look like a pass.
      console.log(`skipped ${scenario.id}: ${reason}`);
      context.skip(reason ?? "no reason was given");
    }
    expect(outcome, `${reason}\n${violations.flatMap(({ telling }) => telling).join("\n")}`).toBe("passed");
  },
);

test("what cannot run yet says what it waits for, and is not among what runs", () => {
  for (const { id, waitsFor } of waiting) {
    expect(waitsFor.length).toBeGreaterThan(3);
    expect(scenarios.some((scenario) => scenario.id === id)).toBe(false);
  }
  const ids = scenarios.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
});
