// The report as text: a table of verdicts, the numbers, and each violation with what happened around it.
import type { Counts, Report, Verdict, Violation } from "./check.ts";
import type { Percentiles } from "./percentiles.ts";

const words: Readonly<Record<Verdict["outcome"], string>> = {
  held: "held",
  violated: "VIOLATED",
  unseen: "not seen",
  unchecked: "-",
};

/** All of the report, for a terminal. */
export function reportText({ verdicts, violations, counts, holds, endedAtRest }: Report): string {
  const table = verdicts.map(({ guarantee, outcome, looked, broken, title }) => {
    const numbers = broken > 0 ? `${broken} of ${looked}` : `${looked}`;
    return `${guarantee.padEnd(4)}${words[outcome].padEnd(10)}${numbers.padStart(18)}  ${title}`;
  });
  const seen = verdicts.filter(({ outcome }) => outcome === "held" || outcome === "violated").length;
  const closing = holds
    ? `no violation: ${seen} of ${verdicts.length} guarantees were seen, and held`
    : `${violations.length} laws are broken`;
  const unrest = endedAtRest ? [] : ["the run did not end at rest: whether everything ends was not checked"];
  return [
    ...table,
    "",
    ...countLines(counts),
    ...unrest,
    ...violations.flatMap(violationLines),
    "",
    closing,
  ].join("\n");
}

function countLines(counts: Counts): readonly string[] {
  const { tasks, claims, executions, lost, phantom, recovered, withAlibi, withoutAlibi } = counts;
  return [
    `tasks ${tasks}, claims ${claims}, executions ${executions}`,
    `lost ${lost}, phantom ${phantom}, of unknown commits that happened ${recovered}`,
    `duplicates with alibi ${withAlibi} (${listed(counts.alibis)}), without ${withoutAlibi}`,
    `recovery after a kill: ${percentilesText(counts.recoveryMs)}; silent deaths ${counts.silentDeaths}`,
    `faults: ${listed(counts.faults)}`,
  ];
}

function listed(counts: Readonly<Record<string, number>>): string {
  const parts = Object.entries(counts).map(([name, count]) => `${name} ${count}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}

function percentilesText({ count, p50, p99, max }: Percentiles): string {
  if (p50 === null || p99 === null || max === null) return "none";
  return `${count} times, p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms, max ${Math.round(max)} ms`;
}

function violationLines({ guarantee, law, broken, taskId, process, detail, telling }: Violation): string[] {
  const whom = [taskId === null ? null : `task ${taskId}`, process === null ? null : `process ${process}`];
  const where = whom.filter((part) => part !== null).join(", ") || "the whole run";
  return [
    "",
    `${guarantee} is violated ${broken} times: ${law}`,
    `  first: ${where}: ${detail}`,
    ...telling.map((line) => `    ${line}`),
  ];
}
