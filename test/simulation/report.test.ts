// Reports of the simulator: each seed counts once, gaps are told, and a run that was interrupted goes on.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { describe, emptyReport, merge, type RangeReport, readReports } from "../../simulation/report.ts";
import { cut, joined, missingOf } from "../../simulation/seed-ranges.ts";

const reportOf = (from: number, to: number): RangeReport => ({
  ...emptyReport,
  ranges: [{ from, to }],
  seeds: to - from + 1,
  seen: { outage: 1 },
});

test("neighbouring ranges are told as one, in whatever order they were played, and gaps are counted", () => {
  const whole = [reportOf(501, 1_000), reportOf(1, 500)].reduce(merge);
  expect(whole).toMatchObject({ ranges: [{ from: 1, to: 1_000 }], seeds: 1_000, seen: { outage: 2 } });
  expect(describe(whole).split("\n")).toContain("seeds 1-1000");
  const holed = [whole, reportOf(2_001, 3_000), reportOf(3_002, 3_002)].reduce(merge);
  expect(describe(holed).split("\n")).toContain("seeds 1-1000, 2001-3000, 3002 (1001 missing between)");
  expect(describe(emptyReport).split("\n")).toContain("no seeds");
});

test.each([
  [[1, 1_000], [500, 1_500], "500-1000"],
  [[500, 1_500], [1, 1_000], "500-1000"],
  [[1, 1_000], [1_000, 1_000], "1000"],
  [[1, 1_000], [1, 1_000], "1-1000"],
  [[1, 1_000], [10, 20], "10-20"],
] as const)("seeds that stand in two reports are refused by name: %j and %j", ([a, b], [c, d], twice) => {
  expect(() => merge(reportOf(a, b), reportOf(c, d))).toThrow(`seeds ${twice} stand in two reports`);
});

test("what is missing of a range is all of it but what was played", () => {
  const played = [
    { from: 2_001, to: 3_000 },
    { from: 10, to: 20 },
  ];
  expect(missingOf({ from: 15, to: 2_500 }, played)).toEqual([{ from: 21, to: 2_000 }]);
  expect(missingOf({ from: 1, to: 12 }, played)).toEqual([{ from: 1, to: 9 }]);
  expect(missingOf({ from: 12, to: 18 }, played)).toEqual([]);
  expect(missingOf({ from: 30, to: 40 }, played)).toEqual([{ from: 30, to: 40 }]);
  const pieces = cut(
    [
      { from: 1, to: 7 },
      { from: 9, to: 9 },
    ],
    3,
  );
  expect(pieces.map(({ from, to }) => [from, to])).toEqual([
    [1, 3],
    [4, 6],
    [7, 7],
    [9, 9],
  ]);
  expect(joined(pieces)).toEqual([
    { from: 1, to: 7 },
    { from: 9, to: 9 },
  ]);
});

test("a run that was interrupted goes on where its report ends, and counts what is in it", () => {
  const folder = mkdtempSync(join(tmpdir(), "owed-report-"));
  try {
    const file = join(folder, "seeds.jsonl");
    const simulate = (from: number, seeds: number): string => {
      const flags = ["--from", String(from), "--seeds", String(seeds), "--jobs", "1", "--report", file];
      const { stdout, status } = spawnSync(
        process.execPath,
        ["--import", "tsx", "simulation/main.ts", ...flags],
        {
          cwd: fileURLToPath(new URL("../..", import.meta.url)),
          encoding: "utf8",
        },
      );
      expect(status).toBe(0);
      return stdout;
    };
    simulate(3, 2);
    const told = simulate(1, 6);
    expect(told).toContain("which has seeds 3-4");
    expect(told.split("\n")).toContain("seeds 1-6");
    const ranges = (): unknown[] =>
      readFileSync(file, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).ranges);
    const lines = [[{ from: 3, to: 4 }], [{ from: 1, to: 2 }], [{ from: 5, to: 6 }]];
    expect(ranges()).toEqual(lines);
    expect(readReports([file])).toMatchObject({ ranges: [{ from: 1, to: 6 }], seeds: 6 });
    expect(simulate(1, 6).split("\n")).toContain("seeds 1-6");
    expect(ranges()).toEqual(lines);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
