// The measurement says what its samples say, and runs from end to end.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { budgets } from "../../bench/speed/budgets.ts";
import { chart } from "../../bench/speed/chart.ts";
import { behind, page } from "../../bench/speed/page.ts";
import { type Result, rowsOf, type ScenarioResult } from "../../bench/speed/result.ts";
import { against, type Figure, inRounds, quickRun } from "../../bench/speed/scenario.ts";
import { quantile, ratioOf, type Sample, summarise } from "../../bench/speed/statistics.ts";
import { cells, shown } from "../../bench/speed/tables.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const perSecond: Figure = { key: "perSecond", title: "tasks/s", digits: 0 };

/** One sample a round. */
const rounds = (contestant: string, values: readonly number[], variant = "1 process"): Sample[] =>
  values.map((value, index) => ({
    contestant,
    variant,
    round: index + 1,
    figures: { perSecond: value, serverUs: null },
  }));

function drained(samples: readonly Sample[]): ScenarioResult {
  const figures = [perSecond, { key: "serverUs", title: "CPU, µs", digits: 1 }] as const;
  return {
    name: "drain",
    number: 1,
    title: "Drain <a> & b",
    says: "Says what it does.",
    figures: [...figures],
    isMoreBetter: true,
    samples,
    rows: rowsOf(figures, [against("raw SQL")], samples),
    tookMs: 1_000,
    loadAverage: 0.5,
  };
}

it("a median lies in the middle, and a quantile between its neighbours, in whatever order the samples came", () => {
  expect(summarise([30, 10, 20])).toEqual({ median: 20, least: 10, most: 30, count: 3 });
  expect(summarise([40, 10, 20, 30])?.median).toBe(25);
  expect(quantile([4, 0, 1, 3, 2], 0.95)).toBeCloseTo(3.8);
  expect(quantile([7], 0.95)).toBe(7);
  expect(summarise([])).toBeNull();
});

it("a ratio compares rounds, so that a slow moment of the machine falls on both sides", () => {
  const samples = [...rounds("owed", [50, 5, 60]), ...rounds("raw SQL", [100, 10, 100])];
  const side = (contestant: string) => ({ contestant, variant: "1 process" });
  expect(ratioOf(samples, side("owed"), side("raw SQL"), "perSecond")).toEqual({
    median: 0.5,
    least: 0.5,
    most: 0.6,
    count: 3,
  });
  expect(ratioOf(samples, side("owed"), side("nobody"), "perSecond")).toBeNull();
  expect(ratioOf(rounds("owed", [1]), side("owed"), side("raw SQL"), "perSecond")).toBeNull();
});

it("a round without its counterpart is left out of a ratio", () => {
  const samples = [...rounds("owed", [50, 80]), ...rounds("raw SQL", [100])];
  const one = { contestant: "owed", variant: "1 process" };
  expect(ratioOf(samples, one, { ...one, contestant: "raw SQL" }, "perSecond")).toMatchObject({
    median: 0.5,
    count: 1,
  });
});

it("a table has a row for each contestant and variant, and says where a figure is not available", () => {
  const result = drained([
    ...rounds("raw SQL", [1_000, 3_000, 2_000]),
    ...rounds("owed", [900, 1_500, 2_000]),
  ]);
  expect(cells(result)).toEqual([
    ["", "system", "tasks/s", "CPU, µs", "of raw SQL"],
    ["1 process", "raw SQL", "2,000 (1,000 to 3,000)", "not available", ""],
    ["1 process", "owed", "1,500 (900 to 2,000)", "not available", "0.90 (0.50 to 1.00)"],
  ]);
});

it("a run that was cut off is marked", () => {
  const [sample] = rounds("pg-boss", [1]);
  const result = drained([{ ...(sample as Sample), figures: { perSecond: 1, serverUs: 2, done: 0 } }]);
  expect(cells(result)[1]?.[1]).toBe("pg-boss *");
});

it("numbers are shown with the digits asked for, and zero without a sign", () => {
  expect([shown(12_345.678, 0), shown(0.125, 2), shown(-0.001, 2)]).toEqual(["12,346", "0.13", "0.00"]);
});

it("a budget is met or missed by what is shown, and not judged where nothing was measured", () => {
  const judged = (owed: number) => {
    const samples = [...rounds("owed", [owed]), ...rounds("raw SQL", [1_000])];
    return budgets([drained(samples)])[0];
  };
  expect(judged(899)).toMatchObject({ wanted: "at least 0.9", isMet: true }); // shown as 0.90
  expect(judged(894)).toMatchObject({ isMet: false });
  expect(budgets([]).every(({ measured, isMet }) => measured === null && isMet === null)).toBe(true);
});

it("the best configuration of a peer is the one that is compared", () => {
  const samples = [
    ...rounds("owed", [3_000]),
    ...rounds("graphile-worker", [10]),
    ...rounds("graphile-worker, batches", [1_500]),
  ];
  const budget = budgets([drained(samples)]).find(({ what }) => what.includes("graphile"));
  expect(budget).toMatchObject({ measured: { median: 2 }, isMet: true });
});

it("whoever is ahead of owed is named, but not the limit", () => {
  const samples = [
    ...rounds("raw SQL", [9_000]),
    ...rounds("owed", [1_000]),
    ...rounds("quicker", [2_000]),
    ...rounds("slower", [500]),
  ];
  const result = drained(samples);
  expect(behind(result).map(({ contestant }) => contestant)).toEqual(["quicker"]);
  expect(behind({ ...result, isMoreBetter: false }).map(({ contestant }) => contestant)).toEqual(["slower"]);
});

it("a chart is well-formed: names are escaped, and the longest bar is that of the most", () => {
  const svg = chart(drained([...rounds("raw SQL", [200]), ...rounds("owed", [100])]));
  expect(svg).toContain("Drain &lt;a&gt; &amp; b");
  const widths = [...svg.matchAll(/<rect x="\d+" y="\d+" width="([\d.]+)"/g)].map((match) =>
    Number(match[1]),
  );
  expect(widths).toEqual([420, 210]);
});

it("the page holds the machine, the budgets, the losses and the tables of its run", () => {
  const scenario = drained([
    ...rounds("raw SQL", [100]),
    ...rounds("owed", [50]),
    ...rounds("quicker", [60]),
  ]);
  const result: Result = {
    versions: { owed: "0.1.0" },
    machine: "2 cores (some), 24 GB",
    settings: { shared_buffers: "1GB" },
    date: "2026-11-24",
    isQuick: true,
    sizes: quickRun,
    absent: ["BullMQ: no Redis"],
    contestants: [],
    scenarios: [scenario],
  };
  const text = page(result, "charts");
  for (const part of [
    "2 cores (some), 24 GB",
    "A smoke run",
    "Left out: BullMQ: no Redis.",
    "| at least 0.9 | 0.50 | **missed** |",
    "quicker 60 tasks/s; owed 50.",
    "![Drain <a> & b](charts/drain.svg)",
  ]) {
    expect(text).toContain(part);
  }
});

it("contestants take turns, and each round begins with another", async () => {
  const taken: string[] = [];
  await inRounds(2, ["a", "b", "c"], async (turn, round) => void taken.push(`${turn}${round}`));
  expect(taken).toEqual(["a1", "b1", "c1", "b2", "c2", "a2"]);
});

// skipped: no server may be started here
it.skipIf(process.env["OWED_TEST_POSTGRES"] !== undefined)(
  "enqueueing in bulk is measured from end to end, on the library as it is built",
  () => {
    if (!existsSync(join(root, "dist", "index.js"))) {
      spawnSync(process.execPath, ["scripts/build.mjs"], { cwd: root });
    }
    const folder = mkdtempSync(join(tmpdir(), "owed-measured-"));
    try {
      const file = join(folder, "result.json");
      const options = ["--quick", "--scenario", "3", "--system", "owed,raw", "--json", file];
      const { status, stderr } = spawnSync(
        process.execPath,
        ["--import", "tsx", "bench/speed/main.ts", ...options],
        { cwd: root, encoding: "utf8" },
      );
      expect(stderr).toBe("");
      expect(status).toBe(0);
      const { scenarios } = JSON.parse(readFileSync(file, "utf8")) as Result; // as the measurement writes it
      expect(scenarios.map(({ name }) => name)).toEqual(["bulk"]);
      const samples = scenarios[0]?.samples ?? [];
      expect(samples.map(({ contestant }) => contestant).toSorted()).toEqual(["owed", "raw SQL"]);
      for (const { figures } of samples) {
        expect(figures["perSecond"]).toBeGreaterThan(100);
        expect(figures["nodeUs"]).toBeGreaterThan(0);
        expect(figures["serverUs"]).toBeGreaterThan(0);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
