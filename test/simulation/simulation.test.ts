// Seeds of the simulator, with the checker over each: every guarantee, under every fault that the simulator knows.
import { expect, test } from "vitest";
import { playInProcesses } from "../../simulation/processes.ts";
import { headline, neverReached } from "../../simulation/report.ts";

const isFull = process.env["OWED_TEST_FULL"] === "1";
const SEEDS = isFull ? 20_000 : 2_000;
/** No portion is begun after this, so that a slow machine plays fewer seeds and says so. */
const LAST_BEGIN_MS = isFull ? 900_000 : 150_000;

test(
  "every guarantee holds under every seed, and the seeds reach every interesting state",
  async () => {
    const began = performance.now();
    const report = await playInProcesses({
      from: 1,
      seeds: SEEDS,
      jobs: 2,
      goesOn: () => performance.now() - began < LAST_BEGIN_MS,
    });
    console.log(headline(report));
    expect(report.failures.map(({ seed, laws }) => `seed ${seed}: ${laws.join(", ")}`)).toEqual([]);
    expect(neverReached(report)).toEqual([]);
  },
  LAST_BEGIN_MS + 90_000,
);
