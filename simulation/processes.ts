// Plays seeds in processes of their own, a portion at a time, so that a long run uses the cores and can be followed.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { emptyReport, merge, type RangeReport } from "./report.ts";
import { countOf, cut, missingOf, type SeedRange } from "./seed-ranges.ts";

/** How to play seeds in several processes. */
export interface ProcessesOptions {
  readonly from: number;
  readonly seeds: number;
  /** Processes at once. */
  readonly jobs: number;
  /** Told each portion as it is done. */
  readonly onPortion?: (report: RangeReport) => void;
  /** Seeds that were played before, and are not played again. */
  readonly without?: readonly SeedRange[];
}

/** Least and most seeds of one portion, which one process plays and reports. */
const LEAST_PORTION = 250;
const MOST_PORTION = 1_000;

/** Plays the seeds and adds their reports up. */
export async function playInProcesses(options: ProcessesOptions): Promise<RangeReport> {
  const { from, seeds, jobs, onPortion = () => undefined, without = [] } = options;
  const even = Math.ceil(seeds / (4 * Math.max(jobs, 1)));
  const most = Math.min(Math.max(even, LEAST_PORTION), MOST_PORTION);
  const portions = cut(missingOf({ from, to: from + seeds - 1 }, without), most).values();
  let total = emptyReport;
  const work = async (): Promise<void> => {
    for (const portion of portions) {
      const report = await playPortion(portion);
      onPortion(report);
      total = merge(total, report);
    }
  };
  await Promise.all(Array.from({ length: Math.max(jobs, 1) }, work));
  return total;
}

async function playPortion(portion: SeedRange): Promise<RangeReport> {
  const { from } = portion;
  const main = fileURLToPath(new URL("./main.ts", import.meta.url));
  const flags = [
    "--import",
    "tsx",
    main,
    "--child",
    "--from",
    String(from),
    "--seeds",
    String(countOf(portion)),
  ];
  const child = spawn(process.execPath, flags, {
    cwd: fileURLToPath(new URL("..", import.meta.url)),
    stdio: ["ignore", "pipe", "inherit"],
  });
  let report: RangeReport | null = null;
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith("{")) report = JSON.parse(line) as RangeReport; // the child writes one report
  }
  if (report === null) throw new Error(`the process that played seeds from ${from} ended without a report`);
  return report;
}
