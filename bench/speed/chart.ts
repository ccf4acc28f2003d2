// The chart of a scenario: a bar for the median of each row, a line for the spread, as one SVG without scripts or fonts.
import type { ScenarioResult } from "./result.ts";
import type { Summary } from "./statistics.ts";
import { shown } from "./tables.ts";

const LABELS = 240;
const BARS = 420;
const VALUES = 130;
const LINE = 22;
const HEAD = 44;
/** Where there is more between two bars than this, the bars stand on a logarithmic scale. */
const LARGE_SPAN = 50;

const colours: Readonly<Record<string, string>> = { owed: "#2f6f4f", raw: "#8a8a8a" };
const OTHERS = "#5b7db1";

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

function text(x: number, y: number, content: string, options = ""): string {
  return `<text x="${x}" y="${y}" ${options}>${escaped(content)}</text>`;
}

function colourOf(contestant: string): string {
  const [first = ""] = contestant.split(/[ ,]/);
  return colours[first] ?? OTHERS;
}

/** From a value to a length. */
function scaleOf(values: readonly number[]): {
  readonly isLogarithmic: boolean;
  readonly length: (value: number) => number;
} {
  const most = Math.max(...values, Number.MIN_VALUE);
  const positive = values.filter((value) => value > 0);
  const least = Math.min(...positive, most);
  const isLogarithmic = most / least > LARGE_SPAN;
  const from = Math.log(least / 2);
  const length = (value: number): number => {
    if (value <= 0) return 0;
    return isLogarithmic
      ? ((Math.log(value) - from) / (Math.log(most) - from)) * BARS
      : (value / most) * BARS;
  };
  return { isLogarithmic, length };
}

/** The chart of the first figure. */
export function chart({ title, figures, rows, isMoreBetter }: ScenarioResult): string {
  const [{ title: unit, digits }] = figures;
  const drawn = rows.flatMap((row) => {
    const summary: Summary | null = row.figures[0] ?? null;
    return summary === null ? [] : [{ ...row, summary }];
  });
  const { isLogarithmic, length } = scaleOf(drawn.flatMap(({ summary }) => [summary.median, summary.most]));
  const parts: string[] = [];
  let y = HEAD;
  let variant = "";
  for (const row of drawn) {
    if (row.variant !== variant) {
      variant = row.variant;
      parts.push(text(8, y + 15, variant, 'font-weight="bold"'));
      y += LINE;
    }
    const { median, least, most } = row.summary;
    const middle = y + LINE / 2;
    const [from, to] = [LABELS + length(Math.max(0, least)), LABELS + length(most)];
    parts.push(
      text(LABELS - 8, y + 15, row.contestant, 'text-anchor="end"'),
      `<rect x="${LABELS}" y="${y + 4}" width="${length(median).toFixed(1)}" height="${LINE - 8}" fill="${colourOf(row.contestant)}"/>`,
      `<path d="M${from.toFixed(1)} ${middle}H${to.toFixed(1)}" stroke="#222" stroke-width="1.5"/>`,
      text(LABELS + BARS + 10, y + 15, shown(median, digits)),
    );
    y += LINE;
  }
  const width = LABELS + BARS + VALUES;
  const hint = `${unit}, ${isMoreBetter ? "more is better" : "less is better"}${isLogarithmic ? ", logarithmic" : ""}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + 8}" viewBox="0 0 ${width} ${y + 8}" font-family="sans-serif" font-size="12" fill="#222">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(8, 18, title, 'font-size="15" font-weight="bold"'),
    text(8, 34, hint, 'fill="#666"'),
    ...parts,
    "</svg>",
    "",
  ].join("\n");
}
