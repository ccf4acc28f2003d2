// The measurement: npm run bench -- [--scenario 1,life] [--system owed,...] [--quick] [--rounds N] [--json FILE] [--markdown FILE]
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { basename, dirname, extname, join } from "node:path";
import { parseArgs } from "node:util";
import { endWithSignals, Rig } from "../../chaos/rig.ts";
import { chosen } from "../chosen.ts";
import { findRedis } from "../faults/redis-server.ts";
import { versions } from "../versions.ts";
import { Arena, usualSettings } from "./arena.ts";
import { scenarios } from "./catalogue.ts";
import { chart } from "./chart.ts";
import { type Contestant, contestants, scenarioNames } from "./contestants.ts";
import { cpuProblem } from "./cpu.ts";
import { page } from "./page.ts";
import type { SystemName } from "./port.ts";
import { type Result, rowsOf, type ScenarioResult } from "./result.ts";
import { quickRun, type Scenario, type Sizes, wholeRun } from "./scenario.ts";
import type { Sample } from "./statistics.ts";
import { terminalTable } from "./tables.ts";

const { values } = parseArgs({
  options: {
    scenario: { type: "string" },
    system: { type: "string" },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    json: { type: "string" },
    markdown: { type: "string" },
  },
});

/** By its name, or by its number, which several share. */
function isWanted({ name, number }: Scenario): boolean {
  if (values.scenario === undefined) return true;
  const known = [...scenarioNames, ...new Set(scenarios.map((one) => `${one.number}`))];
  const wanted = chosen(values.scenario, known);
  return wanted.includes(name) || wanted.includes(`${number}`);
}

/** On the command line a library is one system, wherever it keeps its tasks. */
const libraryOf = (system: SystemName): string => system.replace("-sqlite", "");

async function runScenario(
  rig: Rig,
  shared: Arena,
  scenario: Scenario,
  compared: readonly Contestant[],
  sizes: Sizes,
): Promise<ScenarioResult> {
  const startMs = performance.now();
  const own = scenario.settings === undefined ? null : await Arena.open(rig, scenario.settings, null);
  const samples: Sample[] = [];
  try {
    await scenario.run({
      arena: own ?? shared,
      contestants: compared.filter((one) => one.scenarios.includes(scenario.name)),
      sizes,
      report: (sample) => samples.push(sample),
    });
  } finally {
    await own?.[Symbol.asyncDispose]();
  }
  const { name, number, title, figures, isMoreBetter, references } = scenario;
  return {
    name,
    number,
    title,
    figures,
    isMoreBetter,
    says: scenario.says(sizes),
    samples,
    rows: rowsOf(figures, references, samples),
    tookMs: performance.now() - startMs,
    loadAverage: loadavg()[0] ?? 0,
  };
}

async function measure(rig: Rig): Promise<Result> {
  const wanted = chosen(values.system, [...new Set(contestants.map(({ system }) => libraryOf(system)))]);
  const named = contestants
    .filter(({ system }) => wanted.includes(libraryOf(system)))
    .map((one) => (values.quick ? { ...one, scenarios: one.quick } : one));
  const asked = scenarios.filter(isWanted);
  const needsRedis = named.some(
    (one) => one.home === "redis" && asked.some(({ name }) => one.scenarios.includes(name)),
  );
  const redis = needsRedis ? findRedis() : null;
  const program = redis !== null && "program" in redis ? redis.program : null;
  const problems = [redis !== null && "problem" in redis ? `BullMQ: ${redis.problem}` : null, cpuProblem()];
  const absent = problems.filter((problem) => problem !== null);
  for (const problem of absent) console.log(`left out: ${problem}`);
  const compared = named.filter(({ home }) => home !== "redis" || program !== null);
  const usual = values.quick ? quickRun : wholeRun;
  const sizes = values.rounds === undefined ? usual : { ...usual, rounds: Number(values.rounds) };
  await using arena = await Arena.open(rig, usualSettings, program);
  const results: ScenarioResult[] = [];
  for (const scenario of asked) {
    const result = await runScenario(rig, arena, scenario, compared, sizes);
    if (result.samples.length === 0) continue;
    results.push(result);
    console.log(`${terminalTable(result)}\n`);
  }
  const [server] = await arena.sql("show server_version");
  return {
    versions: versions(["graphile-worker", "pg-boss", "bullmq", "plainjob", "better-sqlite3", "pg"], {
      Postgres: String(server?.["server_version"]),
      Redis: redis !== null && "version" in redis ? redis.version : null,
      SQLite: process.versions["sqlite"] ?? null,
    }),
    machine: `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GB`,
    settings: usualSettings,
    date: new Date().toISOString().slice(0, 10),
    isQuick: values.quick,
    sizes,
    absent,
    contestants: compared.filter((one) => results.some(({ name }) => one.scenarios.includes(name))),
    scenarios: results,
  };
}

/** The page, and its charts in a folder beside it that is named as it is. */
function writePage(file: string, result: Result): void {
  const folder = basename(file, extname(file));
  mkdirSync(join(dirname(file), folder), { recursive: true });
  for (const scenario of result.scenarios) {
    writeFileSync(join(dirname(file), folder, `${scenario.name}.svg`), chart(scenario));
  }
  writeFileSync(file, page(result, folder));
}

const rig = new Rig();
endWithSignals(rig);
try {
  const result = await measure(rig);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  if (values.markdown !== undefined) writePage(values.markdown, result);
} finally {
  await rig[Symbol.asyncDispose]();
}
