// The comparison under faults: npm run peers -- [--fault kill,...] [--system owed,...] [--quick] [--patience SECONDS]
// [--json FILE] [--markdown FILE]
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { parseArgs } from "node:util";
import { endWithSignals, Rig } from "../../chaos/rig.ts";
import { chosen } from "../chosen.ts";
import { versions } from "../versions.ts";
import { Arena } from "./arena.ts";
import { faults } from "./catalogue.ts";
import { CONCURRENCY, type Contestant, contestants, faultNames } from "./contestants.ts";
import { systems } from "./driver.ts";
import { monotonicMs } from "./evidence.ts";
import { type Fault, quickRun, type Sizes, wholeRun } from "./fault.ts";
import { findRedis } from "./redis-server.ts";
import { type FaultResult, markdown, type Result, type Row, terminalTable } from "./tables.ts";
import { Team } from "./team.ts";
import { judge } from "./verdict.ts";

const { values } = parseArgs({
  options: {
    fault: { type: "string" },
    system: { type: "string" },
    quick: { type: "boolean", default: false },
    patience: { type: "string" },
    json: { type: "string" },
    markdown: { type: "string" },
  },
});

async function runFault(
  arena: Arena,
  fault: Fault,
  compared: readonly Contestant[],
  sizes: Sizes,
): Promise<FaultResult> {
  const startMs = monotonicMs();
  const those = compared.filter((one) => one.faults.includes(fault.name));
  const teams = await Promise.all(those.map((one) => Team.start(arena, one, fault.workers, fault.isProxied)));
  try {
    const stories = await fault.run(arena, teams, sizes);
    const rows: Row[] = [];
    for (const [team, { owed, findings, measuredMs }] of stories) {
      const { contestant, endedByThemselves } = team;
      const verdict = judge(owed, team.executions(), await team.surelyStanding());
      rows.push({ contestant: contestant.name, verdict, endedByThemselves, findings, measuredMs });
    }
    const { name, title, says } = fault;
    return {
      fault: name,
      title,
      says: says(sizes),
      rows,
      tookMs: monotonicMs() - startMs,
      loadAverage: loadavg()[0] ?? 0,
    };
  } finally {
    await Promise.all(teams.map((team) => team.dispose()));
  }
}

async function compare(rig: Rig): Promise<Result> {
  const wanted = chosen(values.system, systems);
  const named = chosen(values.fault, faultNames);
  const redis = wanted.includes("bullmq") ? findRedis() : null;
  const hasRedis = redis !== null && "program" in redis;
  const absent: Record<string, string> =
    redis !== null && "problem" in redis ? { bullmq: redis.problem } : {};
  for (const [system, reason] of Object.entries(absent)) console.log(`without ${system}: ${reason}`);
  const compared = contestants.filter(
    ({ system, isDefault }) => wanted.includes(system) && !(system in absent) && (isDefault || !values.quick),
  );
  const sizes = values.quick ? quickRun : wholeRun;
  const patienceMs = values.patience === undefined ? sizes.patienceMs : Number(values.patience) * 1_000;
  const arena = await Arena.open(rig, hasRedis ? redis.program : null);
  const results: FaultResult[] = [];
  try {
    for (const fault of faults.filter(({ name }) => named.includes(name))) {
      const result = await runFault(arena, fault, compared, { ...sizes, patienceMs });
      results.push(result);
      console.log(`${terminalTable(result, patienceMs)}\n`);
    }
  } finally {
    await arena.redis?.down();
  }
  return {
    versions: versions(
      systems.filter((name) => name !== "owed"),
      { Postgres: await arena.postgresVersion(), Redis: hasRedis ? redis.version : null },
    ),
    machine: `${availableParallelism()} cores (${cpus()[0]?.model.trim() ?? "unknown"}), ${Math.round(totalmem() / 2 ** 30)} GB; ${CONCURRENCY} executions at once in each worker process, unless said otherwise; all systems side by side, each in a database of its own on the same server`,
    isQuick: values.quick,
    patienceMs,
    absent,
    contestants: compared,
    faults: results,
  };
}

const rig = new Rig();
endWithSignals(rig);
try {
  const result = await compare(rig);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(result, null, 2)}\n`);
  if (values.markdown !== undefined) writeFileSync(values.markdown, markdown(result));
} finally {
  await rig[Symbol.asyncDispose]();
}
