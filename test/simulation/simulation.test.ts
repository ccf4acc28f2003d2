// Seeds of the simulator, with the checker over each: every guarantee, under every fault that the simulator knows.
import { expect, test } from "vitest";
import { playInProcesses } from "../../simulation/processes.ts";
import { headline, neverReached } from "../../simulation/report.ts";

const isFull = process.env["OWED_TEST_FULL"] === "1";
const SEEDS = isFull ? 20_000 : 2_000;
/** A slow machine takes longer, and plays no fewer. */
const LONGEST_MS = isFull ? 7_200_000 : 1_200_000;

test(
  "every guarantee holds under every seed, and the seeds reach every interesting state",
  async () => {
    const report = await playInProcesses({ from: 1, seeds: SEEDS, jobs: 2 });
    console.log(headline(report));
    expect(report.failures.map(({ seed, laws }) => `seed ${seed}: ${laws.join(", ")}`)).toEqual([]);
    expect(neverReached(report)).toEqual([]);
    expect([report.seeds, report.ranges]).toEqual([SEEDS, [{ from: 1, to: SEEDS }]]);
  },
  LONGEST_MS,
);
