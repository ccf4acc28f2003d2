// The fault rig: npm run chaos -- [--scenario F1,F7 | --minutes 5 [--seed N] | --list] [--report FILE] [--keep FOLDER],
// and npm run chaos -- --merge FILES [--report FILE], which adds the reports of several mixes up.
import { cpSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { scenarios } from "./catalogue.ts";
import { holds, type MixReport, mergedReports, reportLines } from "./mix/mix-report.ts";
import { runMix } from "./mix/run-mix.ts";
import { endWithSignals, Rig } from "./rig.ts";
import { runScenario, type ScenarioResult } from "./run-scenario.ts";
import { waiting } from "./waiting.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    scenario: { type: "string" },
    minutes: { type: "string" },
    seed: { type: "string" },
    list: { type: "boolean", default: false },
    merge: { type: "boolean", default: false },
    report: { type: "string" },
    keep: { type: "string" },
  },
});

function list(): void {
  for (const { id, title, expects } of scenarios)
    console.log(`${id.padEnd(16)} ${title}\n${" ".repeat(17)}-> ${expects}`);
  for (const { id, title, waitsFor } of waiting)
    console.log(`${id.padEnd(16)} ${title}\n${" ".repeat(17)}waits for: ${waitsFor}`);
}

function tell({ id, title, outcome, reason, tookMs, counts, violations }: ScenarioResult): void {
  const tasks = counts === null ? "" : `, ${counts.tasks} tasks`;
  console.log(`${outcome.padEnd(7)} ${id.padEnd(16)} ${title} (${(tookMs / 1_000).toFixed(1)} s${tasks})`);
  if (reason !== null) console.log(reason.replaceAll(/^/gm, "        "));
  for (const { telling } of violations.slice(0, 3))
    console.log(telling.join("\n").replaceAll(/^/gm, "          "));
}

function report(content: unknown): void {
  if (values.report !== undefined) writeFileSync(values.report, `${JSON.stringify(content, null, 2)}\n`);
}

async function runScenarios(rig: Rig): Promise<boolean> {
  const ids = values.scenario?.split(",").map((id) => id.trim()) ?? null;
  const isChosen = ({ id }: { readonly id: string }): boolean => ids === null || ids.includes(id);
  const unknown = ids?.filter((id) => ![...scenarios, ...waiting].some((one) => one.id === id)) ?? [];
  if (unknown.length > 0) throw new Error(`there is no scenario ${unknown.join(", ")}; see --list`);
  const results: ScenarioResult[] = [];
  for (const scenario of scenarios.filter(isChosen)) {
    const result = await runScenario(rig, scenario, values.keep ?? null);
    results.push(result);
    tell(result);
  }
  for (const { id, title, waitsFor } of waiting.filter(isChosen)) {
    const reason = `waits for: ${waitsFor}`;
    results.push({ id, title, outcome: "waits", reason, tookMs: 0, counts: null, violations: [] });
    tell(results.at(-1) as ScenarioResult); // just pushed
  }
  const count = (outcome: ScenarioResult["outcome"]): number =>
    results.filter((one) => one.outcome === outcome).length;
  report(results);
  const rest = `${count("skipped")} skipped, ${count("waits")} waiting`;
  console.log(`${count("passed")} passed, ${count("failed")} failed, ${rest}`);
  return count("failed") === 0;
}

async function mix(rig: Rig, minutes: number): Promise<boolean> {
  if (!(minutes > 0)) throw new Error("--minutes takes a number above 0");
  const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(values.seed);
  const startMs = performance.now();
  const result = await runMix(rig, {
    minutes,
    seed,
    tell: (line) => console.log(`${((performance.now() - startMs) / 1_000).toFixed(1).padStart(7)} ${line}`),
    ...(values.keep === undefined
      ? {}
      : { keep: (folder: string) => cpSync(folder, values.keep as string, { recursive: true }) }), // it is given
  });
  return told(result);
}

function told(result: MixReport): boolean {
  console.log(reportLines(result));
  report(result);
  return holds(result);
}

if (values.list) list();
else if (values.merge) process.exitCode = told(mergedReports(positionals)) ? 0 : 1;
else {
  await using rig = new Rig();
  endWithSignals(rig);
  const holds =
    values.minutes === undefined ? await runScenarios(rig) : await mix(rig, Number(values.minutes));
  process.exitCode = holds ? 0 : 1;
}
