// What a range of seeds showed, as one line of JSON, and how ranges are added up.
import { readFileSync } from "node:fs";
import { joined, type SeedRange, toldRanges } from "./seed-ranges.ts";
import { interesting, LEAST_SEEDS } from "./sometimes.ts";

/** A seed that broke a law. */
export interface Failure {
  readonly seed: number;
  readonly laws: readonly string[];
  readonly details: readonly string[];
}

/** The figures of a range of seeds. */
export interface RangeReport {
  readonly ranges: readonly SeedRange[];
  readonly seeds: number;
  readonly seconds: number;
  readonly events: number;
  readonly virtualMs: number;
  readonly failures: readonly Failure[];
  /** How often each state was reached. */
  readonly seen: Readonly<Record<string, number>>;
}

/** Nothing yet. */
export const emptyReport: RangeReport = Object.freeze({
  ranges: [],
  seeds: 0,
  seconds: 0,
  events: 0,
  virtualMs: 0,
  failures: [],
  seen: {},
});

/** Adds two reports up. Throws where a seed stands in both. */
export function merge(left: RangeReport, right: RangeReport): RangeReport {
  const seen: Record<string, number> = { ...left.seen };
  for (const [tag, count] of Object.entries(right.seen)) seen[tag] = (seen[tag] ?? 0) + count;
  return {
    ranges: joined([...left.ranges, ...right.ranges]),
    seeds: left.seeds + right.seeds,
    seconds: left.seconds + right.seconds,
    events: left.events + right.events,
    virtualMs: left.virtualMs + right.virtualMs,
    failures: [...left.failures, ...right.failures],
    seen,
  };
}

/** Reads the lines of report files and adds them up. Throws where a seed stands in two of them. */
export function readReports(files: readonly string[]): RangeReport {
  return files
    .flatMap((file) => readFileSync(file, "utf8").split("\n"))
    .filter((line) => line.trim() !== "")
    .map((line) => JSON.parse(line) as RangeReport) // a report file holds nothing else
    .reduce(merge, emptyReport);
}

/** Interesting states that were never reached, if there were enough seeds to expect them. */
export function neverReached(report: RangeReport): readonly string[] {
  if (report.seeds < LEAST_SEEDS) return [];
  return interesting.filter((tag) => (report.seen[tag] ?? 0) === 0);
}

/** How much was played, and how fast. */
export function headline({ seeds, seconds, events, virtualMs }: RangeReport): string {
  const perSecond = (seeds / Math.max(seconds, 0.001)).toFixed(1);
  const each = Math.max(seeds, 1);
  return (
    `${seeds} seeds in ${seconds.toFixed(1)} s of work: ${perSecond} seeds a second and process, ` +
    `${Math.round(events / each)} events and ${Math.round(virtualMs / each / 1_000)} virtual seconds a seed`
  );
}

/** The report as people read it. */
export function describe(report: RangeReport): string {
  const { failures, seen } = report;
  const lines = [
    headline(report),
    toldRanges(report.ranges),
    ...Object.keys(seen)
      .sort()
      .map((tag) => `  ${tag}: ${seen[tag]}`),
    ...neverReached(report).map((tag) => `NEVER REACHED: ${tag}`),
    ...failures
      .slice(0, 50)
      .map(({ seed, details }) => `FAILED seed ${seed}: ${details.slice(0, 3).join(" | ")}`),
    `${failures.length} seeds failed`,
  ];
  return lines.join("\n");
}
