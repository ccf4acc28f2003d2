// Runs one scenario from an empty database to the verdict of the checker.
import { cpSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Counts, check, type Report, type Violation } from "../checker/check.ts";
import { unmetNeed } from "./needs.ts";
import type { Rig } from "./rig.ts";
import { RunPostgres } from "./run-postgres.ts";
import { RunSqlite } from "./run-sqlite.ts";
import { type Scenario, Skipped } from "./scenario.ts";
import { Stage, type StageSettings, shortSettings } from "./stage.ts";

/** Longer than any scenario takes, also in the long tier: one that hangs fails, and the others go on. */
const SCENARIO_LIMIT_MS = 360_000;

/** How a scenario came out. */
export interface ScenarioResult {
  readonly id: string;
  readonly title: string;
  readonly outcome: "passed" | "failed" | "skipped" | "waits";
  /** Why it failed, was skipped, or waits. */
  readonly reason: string | null;
  readonly tookMs: number;
  /** What the checker counted; null when it had nothing to judge. */
  readonly counts: Counts | null;
  readonly violations: readonly Violation[];
}

/** Runs it; when it fails, what its processes left is copied to `keepIn`. Never rejects. */
export async function runScenario(
  rig: Rig,
  scenario: Scenario,
  keepIn: string | null = null,
): Promise<ScenarioResult> {
  const fromMs = performance.now();
  const result = (
    outcome: ScenarioResult["outcome"],
    reason: string | null,
    judged: { readonly counts: Counts; readonly violations: readonly Violation[] } | null = null,
  ): ScenarioResult => ({
    id: scenario.id,
    title: scenario.title,
    outcome,
    reason,
    tookMs: performance.now() - fromMs,
    counts: judged?.counts ?? null,
    violations: judged?.violations ?? [],
  });
  const unmet = unmetNeed(scenario.needs ?? []);
  if (unmet !== null) return result("skipped", unmet);
  try {
    const report = await stageIt(rig, scenario, keepIn);
    if (report === null || report.holds) return result("passed", null, report);
    const broken = report.violations.map(({ guarantee, law, detail }) => `${guarantee}: ${law} - ${detail}`);
    return result("failed", broken.join("\n"), report);
  } catch (error) {
    if (error instanceof Skipped) return result("skipped", error.message);
    return result("failed", reasonOf(error));
  }
}

async function stageIt(rig: Rig, scenario: Scenario, keepIn: string | null): Promise<Report | null> {
  const settings: StageSettings = { ...shortSettings, ...scenario.settings };
  if (scenario.onSqlite === true) {
    await using stage = new Stage(
      rig,
      settings,
      (nemesis, folder) => new RunSqlite(join(folder, "tasks.db"), nemesis),
    );
    await stage.sqlite.create(scenario.unmigrated !== true);
    return await playedAndKept(stage, scenario, keepIn);
  }
  const server =
    scenario.ownServer === undefined
      ? await rig.sharedServer()
      : await rig.newServer({ settings: scenario.ownServer });
  try {
    await using stage = new Stage(rig, settings, (nemesis) => new RunPostgres(server, nemesis));
    await stage.postgres.create(scenario.unmigrated !== true);
    return await playedAndKept(stage, scenario, keepIn);
  } finally {
    if (scenario.ownServer !== undefined) await rig.dropServer(server);
  }
}

async function playedAndKept(
  stage: Stage,
  scenario: Scenario,
  keepIn: string | null,
): Promise<Report | null> {
  let report: Report | null = null;
  let isOver = false;
  try {
    report = await played(stage, scenario);
    isOver = true;
  } finally {
    if (!isOver || report?.holds === false) keep(stage, scenario, keepIn);
  }
  return report;
}

async function played(stage: Stage, scenario: Scenario): Promise<Report | null> {
  const isOver = scenario.run(stage).then(() => true);
  const hasEnded = await Promise.race([isOver, delay(SCENARIO_LIMIT_MS, false, { ref: false })]);
  if (!hasEnded) throw new Error(`it was not over within ${SCENARIO_LIMIT_MS / 1_000} s`);
  if (scenario.unmigrated === true) return null;
  await stage.endAll();
  const history = await stage.history();
  stage.keepHistory(history);
  return forgiven(check(history), scenario);
}

function keep(stage: Stage, { id }: Scenario, keepIn: string | null): void {
  if (keepIn !== null) cpSync(stage.folder, join(keepIn, id), { recursive: true });
}

function forgiven(report: Report, { forgives = [] }: Scenario): Report {
  const violations = report.violations.filter(({ guarantee }) => !forgives.includes(guarantee));
  return { ...report, violations, holds: violations.length === 0 };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? ` (${error.cause.message})` : "";
  return `${error.message}${cause}\n${(error.stack ?? "").split("\n").slice(1, 5).join("\n")}`;
}
