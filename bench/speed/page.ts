// The page about a run: the machine, who was measured and what each promises, tables, charts, budgets, and where owed is behind.
import { type Budget, budgets } from "./budgets.ts";
import type { Result, Row, ScenarioResult } from "./result.ts";
import { cells, markdownTable, shown } from "./tables.ts";

/** Rows of other libraries (raw SQL aside, which is the limit) that did better than every row of owed in the same variant. */
export function behind({
  rows,
  isMoreBetter,
}: Pick<ScenarioResult, "rows" | "isMoreBetter">): readonly Row[] {
  const isOurs = ({ contestant }: Row): boolean => contestant.startsWith("owed");
  const isLimit = ({ contestant }: Row): boolean =>
    contestant.startsWith("raw") || contestant === "the transaction without any";
  const valueOf = (row: Row): number | null => row.figures[0]?.median ?? null;
  return rows.filter((row) => {
    const value = valueOf(row);
    if (isOurs(row) || isLimit(row) || value === null) return false;
    const ours = rows.filter((own) => isOurs(own) && own.variant === row.variant).map(valueOf);
    const known = ours.filter((own) => own !== null);
    if (known.length === 0) return false;
    return isMoreBetter ? value > Math.max(...known) : value < Math.min(...known);
  });
}

function budgetLine({ what, wanted, measured, digits, isMet }: Budget): string[] {
  if (measured === null) return [what, wanted, "not measured", ""];
  const spread =
    measured.count > 1 ? ` (${shown(measured.least, digits)} to ${shown(measured.most, digits)})` : "";
  return [what, wanted, `${shown(measured.median, digits)}${spread}`, isMet === true ? "met" : "**missed**"];
}

function losses({ scenarios }: Result): string[] {
  const lines = scenarios.flatMap((scenario) => {
    const [{ title, digits }] = scenario.figures;
    return behind(scenario).map((row) => {
      const value = row.figures[0]?.median ?? 0;
      const ours = scenario.rows
        .filter(({ contestant, variant }) => contestant.startsWith("owed") && variant === row.variant)
        .map(({ contestant, figures }) => `${contestant} ${shown(figures[0]?.median ?? 0, digits)}`);
      return `- ${scenario.title}, ${row.variant}: ${row.contestant} ${shown(value, digits)} ${title}; ${ours.join(", ")}.`;
    });
  });
  return lines.length === 0
    ? ["In this run no other library was ahead of owed in the charted figures."]
    : lines;
}

function section(scenario: ScenarioResult, chartFolder: string): string[] {
  const { name, number, title, says, rows } = scenario;
  return [
    `## ${number}. ${title}`,
    "",
    says,
    "",
    `![${title}](${chartFolder}/${name}.svg)`,
    "",
    markdownTable(cells(scenario)),
    ...(rows.some(({ isCutOff }) => isCutOff) ? ["", "\\* cut off before it was done."] : []),
    "",
  ];
}

/** The page in Markdown. */
export function page(result: Result, chartFolder: string): string {
  const { machine, versions, settings, date, isQuick, sizes, absent, contestants, scenarios } = result;
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const changed = Object.entries(settings).map(([name, value]) => `${name} ${value}`);
  const loads = scenarios.map(({ loadAverage }) => loadAverage);
  return [
    "# Performance",
    "",
    "<!-- Written by `npm run bench -- --markdown docs/performance.md`; edit bench/speed/page.ts instead. -->",
    "",
    `Measured on ${date} by \`npm run bench${isQuick ? " -- --quick" : ""}\` on ${machine}, on which clients, workers and servers share the cores; load average ${shown(Math.min(...loads), 1)} to ${shown(Math.max(...loads), 1)}. Such a machine is noisy: believe the ratios, which compare rounds of the same run, and not the times.${isQuick ? " **A smoke run: small, one round, best configurations only.**" : ""}`,
    "",
    `${packages.join(", ")}. Postgres with fsync on and its defaults but ${changed.join(", ")}.`,
    "",
    `Contestants take turns, ${sizes.rounds === 1 ? "one round" : `${sizes.rounds} rounds (costs that do not vary: one)`}; each measurement has processes and a database of its own. Figures are medians; in parentheses the least and the most. A ratio is taken round by round. CPU is that of the operating system's own account: of the processes of Node that are measured, and of the server.`,
    "",
    ...absent.map((problem) => `Left out: ${problem}.\n`),
    "## Budgets",
    "",
    markdownTable([["what", "wanted", "measured", ""], ...budgets(scenarios).map(budgetLine)]),
    "",
    "## Where owed is behind",
    "",
    ...losses(result),
    "",
    ...scenarios.flatMap((scenario) => section(scenario, chartFolder)),
    "## Who was measured",
    "",
    "What is promised differs, and costs accordingly: compare with this table at hand.",
    "",
    markdownTable([
      ["system", "configuration", "what it keeps and promises in it"],
      ...contestants.map(({ name, configuration, keeps }) => [name, configuration, keeps]),
    ]),
    "",
  ].join("\n");
}
