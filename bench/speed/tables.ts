// The tables of a run: for the terminal and, the same, in Markdown.
import type { Row, ScenarioResult } from "./result.ts";
import type { Summary } from "./statistics.ts";

/** A number as a reader wants it. */
export function shown(value: number, digits: number): string {
  // No minus before a zero.
  const rounded = Number(value.toFixed(digits)) + 0;
  return rounded.toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** Median and spread of the charted figure; one sample has none. */
function withSpread(summary: Summary | null, digits: number): string {
  if (summary === null) return "not available";
  const { median, least, most, count } = summary;
  const spread = count > 1 ? ` (${shown(least, digits)} to ${shown(most, digits)})` : "";
  return `${shown(median, digits)}${spread}`;
}

function median(summary: Summary | null, digits: number): string {
  return summary === null ? "not available" : shown(summary.median, digits);
}

function cellsOf(row: Row, { figures }: ScenarioResult, references: readonly string[]): string[] {
  return [
    row.variant,
    `${row.contestant}${row.isCutOff ? " *" : ""}`,
    ...figures.map(({ digits }, index) => {
      const summary = row.figures[index] ?? null;
      return index === 0 ? withSpread(summary, digits) : median(summary, digits);
    }),
    ...references.map((title) => {
      const ratio = row.ratios[title] ?? null;
      return ratio === null ? "" : withSpread(ratio, 2);
    }),
  ];
}

/** Heads and lines of a scenario's table. */
export function cells(result: ScenarioResult): readonly (readonly string[])[] {
  const references = Object.keys(result.rows[0]?.ratios ?? {}).filter((title) =>
    result.rows.some((row) => (row.ratios[title] ?? null) !== null),
  );
  const heads = ["", "system", ...result.figures.map(({ title }) => title)];
  const lines = result.rows.map((row) => cellsOf(row, result, references));
  return [[...heads, ...references.map((title) => `of ${title}`)], ...lines];
}

/** For the terminal. */
export function terminalTable(result: ScenarioResult): string {
  const lines = cells(result);
  const widths = (lines[0] ?? []).map((_, index) =>
    Math.max(...lines.map((line) => line[index]?.length ?? 0)),
  );
  const text = lines.map((line) =>
    line
      .map((cell, index) => cell.padEnd(widths[index] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const took = (result.tookMs / 1_000).toFixed(0);
  return [
    `${result.number}. ${result.title} (${took} s, load average ${result.loadAverage.toFixed(1)})`,
    ...text.map((line) => `  ${line}`),
  ].join("\n");
}

/** In Markdown. */
export function markdownTable(lines: readonly (readonly string[])[]): string {
  const text = lines.map((line) => `| ${line.join(" | ")} |`);
  const [head = "", ...rest] = text;
  return [head, `|${"---|".repeat(lines[0]?.length ?? 0)}`, ...rest].join("\n");
}
