// The tables of the comparison: for the terminal and, the same, in Markdown.
import type { Contestant } from "./contestants.ts";
import type { Findings } from "./fault.ts";
import type { Verdict } from "./verdict.ts";

/** One contestant under one fault. */
export interface Row {
  readonly contestant: string;
  readonly verdict: Verdict;
  /** Worker processes that ended by themselves. */
  readonly endedByThemselves: number;
  readonly findings: Findings;
  readonly measuredMs: Readonly<Record<string, readonly number[]>>;
}

/** One fault. */
export interface FaultResult {
  readonly fault: string;
  readonly title: string;
  readonly says: string;
  readonly rows: readonly Row[];
  readonly tookMs: number;
  /** Of the machine at its end, over a minute: what else ran there shows in it. */
  readonly loadAverage: number;
}

/** A whole run. */
export interface Result {
  readonly versions: Readonly<Record<string, string>>;
  readonly machine: string;
  readonly isQuick: boolean;
  readonly patienceMs: number;
  /** Systems that were left out, and why. */
  readonly absent: Readonly<Record<string, string>>;
  readonly contestants: readonly Contestant[];
  readonly faults: readonly FaultResult[];
}

function cells({ rows }: FaultResult, patienceMs: number): string[][] {
  const heads = [
    "system",
    "tasks",
    "lost",
    `not done ${patienceMs / 1_000} s after`,
    "given up",
    "completed more than once",
    "started more than once",
    "done, not recorded",
    "processes that ended",
  ];
  const special = Object.keys(rows[0]?.findings ?? {});
  const lines = rows.map(({ contestant, verdict, endedByThemselves, findings }) => [
    contestant,
    ...[
      verdict.owed,
      verdict.lost,
      verdict.late,
      verdict.givenUp,
      verdict.completedAgain,
      verdict.startedAgain,
      verdict.unrecorded,
      endedByThemselves,
    ].map(String),
    ...special.map((name) => findings[name] ?? ""),
  ]);
  return [[...heads, ...special], ...lines];
}

/** For the terminal: one contestant a block would be long, so the columns stand below each other. */
export function terminalTable(result: FaultResult, patienceMs: number): string {
  const columns = transposed(cells(result, patienceMs));
  const widths = (columns[0] ?? []).map((_, index) =>
    Math.max(...columns.map((line) => line[index]?.length ?? 0)),
  );
  const lines = columns.map((line) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  return [
    `${result.title} (${(result.tookMs / 1_000).toFixed(0)} s, load average ${result.loadAverage.toFixed(1)})`,
    ...lines.map((line) => `  ${line}`),
  ].join("\n");
}

/** What the counts mean; they come from a file that the executions write, and from what the system itself still holds. */
function legend(patienceMs: number): string {
  const wait = patienceMs / 1_000;
  return [
    "Tasks: enqueues that were acknowledged (of the lost replies: that committed).",
    "Lost: never executed to the end, and unknown to the system.",
    `Not done ${wait} s after: neither, but the system still holds it and may execute it later; the configuration says when.`,
    "Given up: never executed to the end, and kept as failed.",
    "Done, not recorded: executed to the end, yet held as if it were not, so it may be executed again later.",
    "Processes that ended: worker processes that ended by themselves; a supervisor starts each anew after a second.",
  ].join("\n");
}

function transposed(lines: readonly (readonly string[])[]): string[][] {
  return (lines[0] ?? []).map((_, index) => lines.map((line) => line[index] ?? ""));
}

function markdownTable(lines: readonly (readonly string[])[]): string[] {
  const text = lines.map((line) => `| ${line.join(" | ")} |`);
  const [head = "", ...rest] = text;
  return [head, `|${"---|".repeat(lines[0]?.length ?? 0)}`, ...rest];
}

/** The whole run in Markdown. */
export function markdown({
  versions,
  machine,
  isQuick,
  patienceMs,
  absent,
  contestants,
  faults,
}: Result): string {
  const inUse = contestants.map(({ name, configuration }) => [name, configuration]);
  return [
    `${Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(", ")}; ${machine}.${isQuick ? " A smoke run: small, defaults only." : ""}`,
    "",
    ...Object.entries(absent).map(([system, reason]) => `Not run: ${system}, because ${reason}.\n`),
    ...markdownTable([["system", "configuration"], ...inUse]),
    "",
    legend(patienceMs),
    ...faults.flatMap((fault) => [
      "",
      `### ${fault.title}`,
      "",
      fault.says,
      "",
      ...markdownTable(transposed(cells(fault, patienceMs))),
    ]),
    "",
  ].join("\n");
}
