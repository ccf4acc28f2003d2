// The report of a mix, or of several together: what stands in a report file, and how it reads.
import { readFileSync } from "node:fs";
import type { Verdict, Violation } from "../../checker/check.ts";
import type { Percentiles } from "../../checker/percentiles.ts";
import { type Figures, mergedCounts, mergedFigures } from "./figures.ts";

/** One run. */
export interface MixRun {
  readonly seed: number;
  /** How long faults were drawn; measuring and coming to rest are on top of it. */
  readonly minutes: number;
  readonly clients: number;
  readonly workers: number;
  /** From the peace to the end of the last task. */
  readonly restMs: number;
  /** What could not be played here. */
  readonly skipped: string | null;
  /** Processes that ended although nobody ended them, with what they said last. */
  readonly endedByThemselves: Readonly<Record<string, string>>;
}

/** The content of a report file. */
export interface MixReport {
  readonly runs: readonly MixRun[];
  /** Deeds that were done, by their id in the catalogue. */
  readonly deeds: Readonly<Record<string, number>>;
  readonly figures: Figures;
  readonly verdicts: readonly Verdict[];
  readonly violations: readonly Violation[];
}

/** What a task of a killed process may wait for its next claim, at the default settings of a mix: the 99th percentile. */
const RECOVERY_MS = 20_000;
/** With fewer samples a percentile says nothing, and is not judged. */
const LEAST_SAMPLES = 20;
/** What a server that was away may leave undone after its return, but for tasks that wait for a backoff. */
const DRAINED_MS = 15_000;

/** Whether all runs held what is promised. */
export function holds(report: MixReport): boolean {
  return breaches(report).length === 0;
}

/** What did not hold, a line each. Times are judged where no other fault touched them. */
export function breaches({ violations, figures }: MixReport): readonly string[] {
  const { processExits, slotsLost, wrongDeaths, wrongFailures } = figures;
  const { count, p99 } = figures.afterKillAlone;
  const drainedMs = figures.afterRestartAlone.drained.max;
  const isSlow = count >= LEAST_SAMPLES && p99 !== null && p99 >= RECOVERY_MS;
  const isUndone = drainedMs !== null && drainedMs >= DRAINED_MS;
  return [
    ...(violations.length > 0 ? [`${violations.length} laws were broken`] : []),
    ...(processExits > 0 ? [`${processExits} processes ended by themselves`] : []),
    ...(slotsLost > 0 ? [`${slotsLost} slots were lost`] : []),
    ...(wrongDeaths > 0 ? [`${wrongDeaths} processes were declared dead wrongly`] : []),
    ...(wrongFailures > 0 ? [`${wrongFailures} attempts were counted wrongly`] : []),
    ...(isSlow ? [`recovery after SIGKILL: p99 ${seconds(p99)}, the bound is ${seconds(RECOVERY_MS)}`] : []),
    ...(isUndone
      ? [
          `due tasks after a restart of the server: ${seconds(drainedMs)}, the bound is ${seconds(DRAINED_MS)}`,
        ]
      : []),
  ];
}

/** Reads report files and adds them up; a file may hold several runs already. */
export function mergedReports(files: readonly string[]): MixReport {
  const [first, ...rest] = files.map((file) => JSON.parse(readFileSync(file, "utf8")) as MixReport); // written by a mix
  if (first === undefined) throw new Error("--merge takes the report files of mixes");
  return rest.reduce(merged, first);
}

/** Adds two reports up. */
export function merged(left: MixReport, right: MixReport): MixReport {
  return {
    runs: [...left.runs, ...right.runs],
    deeds: mergedCounts(left.deeds, right.deeds),
    figures: mergedFigures(left.figures, right.figures),
    verdicts: left.verdicts.map((verdict) => {
      const other = right.verdicts.find(({ guarantee }) => guarantee === verdict.guarantee);
      return other === undefined ? verdict : mergedVerdicts(verdict, other);
    }),
    violations: [...left.violations, ...right.violations],
  };
}

/** The outcome that says most. */
function mergedVerdicts(left: Verdict, right: Verdict): Verdict {
  const outcomes = ["violated", "held", "unseen", "unchecked"] as const;
  const outcome = outcomes.find((one) => left.outcome === one || right.outcome === one) ?? left.outcome;
  return {
    ...left,
    outcome,
    looked: left.looked + right.looked,
    broken: left.broken + right.broken,
  };
}

/** The report as people read it. */
export function reportLines(report: MixReport): string {
  const { runs, deeds, figures, violations } = report;
  return [
    ...runs.map(
      ({ seed, minutes, clients, workers, restMs, skipped }) =>
        `seed ${seed}: ${minutes} minutes, ${clients} clients, ${workers} workers, at rest ${seconds(restMs)} after the peace${skipped === null ? "" : `; ${skipped}`}`,
    ),
    `deeds: ${listed(deeds)}`,
    `faults: ${listed(figures.faults)}`,
    ...figureLines(figures),
    ...runs.flatMap(({ endedByThemselves }) =>
      Object.entries(endedByThemselves).map(([name, output]) => `${name} ended by itself:\n${output}`),
    ),
    ...violations.flatMap(violationLines),
    holds(report) ? "no violation, every bound held" : `NOT HELD: ${breaches(report).join("; ")}`,
  ].join("\n");
}

function figureLines(figures: Figures): readonly string[] {
  const { tasks, executions, lost, phantom, recovered, withAlibi, withoutAlibi, alibis } = figures;
  const { afterKill, afterKillAlone, afterRestart, afterRestartAlone } = figures;
  return [
    `tasks ${tasks}, executions ${executions}, lost ${lost}, phantom ${phantom}, unknown enqueues that stand ${recovered}`,
    `duplicates with an alibi ${withAlibi} (${listed(alibis)}), without ${withoutAlibi}`,
    `recovery after SIGKILL, no other fault: ${times(afterKillAlone)}, of ${afterKillAlone.kills} kills`,
    `recovery after SIGKILL, outages and pauses included: ${times(afterKill)}, of ${afterKill.kills} kills`,
    `first execution after a restart of the server, no other fault: ${times(afterRestartAlone.firstExecution)}`,
    `first execution after a restart of the server, others included: ${times(afterRestart.firstExecution)}`,
    `all due tasks done after a restart of the server, no other fault: ${times(afterRestartAlone.drained)}`,
    `all due tasks done after a restart of the server, others included: ${times(afterRestart.drained)}`,
    `processes that ended by themselves ${figures.processExits}, slots lost ${figures.slotsLost}`,
    `processes declared dead wrongly ${figures.wrongDeaths}, silent deaths ${figures.silentDeaths}, attempts counted wrongly ${figures.wrongFailures}`,
  ];
}

function times({ count, p50, p99, max }: Percentiles): string {
  if (p50 === null || p99 === null || max === null) return "no sample";
  return `p50 ${seconds(p50)}, p99 ${seconds(p99)}, max ${seconds(max)} (${count} samples)`;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}

function listed(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  return parts.join(", ") || "none";
}

function violationLines({ guarantee, law, detail, broken, telling }: Violation): readonly string[] {
  return [
    `VIOLATED ${guarantee}: ${law}`,
    `  ${detail} (${broken} places)`,
    ...telling.map((line) => `    ${line}`),
  ];
}
