// The figures of a mix are what their definitions say, and reports of several runs add up to one.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DriverFigures, type Figures, figuresOf, timesOf } from "../../chaos/mix/figures.ts";
import { breaches, holds, type MixReport, mergedReports, reportLines } from "../../chaos/mix/mix-report.ts";
import { check } from "../../checker/check.ts";
import { timelineOf } from "../../checker/timeline.ts";
import { dies, live, type Scene } from "../checker/scene.ts";
import { start } from "../checker/scripted-process.ts";
import { ScriptedRun } from "../checker/scripted-run.ts";

let folder = "";
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "owed-mix-"))));
afterAll(() => rmSync(folder, { recursive: true }));

const quietDriver: DriverFigures = { restarts: [], processExits: 0, slotsLost: 0 };

function scene(): Scene {
  const run = new ScriptedRun();
  return { run, a: start(run, "a"), b: start(run, "b") };
}

function reportOf({ run }: Scene, seed: number, driver: Partial<DriverFigures> = {}): MixReport {
  const history = run.history({ endedAtRest: false });
  const { counts, verdicts, violations } = check(history);
  const figures = figuresOf(timelineOf(history), counts, { ...quietDriver, ...driver });
  const shape = { clients: 1, workers: 1, restMs: 0, skipped: null, endedByThemselves: {} };
  return { runs: [{ seed, minutes: 1, ...shape }], deeds: { F1: 1 }, figures, verdicts, violations };
}

/** A process is killed with tasks in its hands; another claims them `afterMs` after it was declared dead. */
function killed(tasks: number, afterMs: number): Scene {
  const made = scene();
  const { run, a, b } = made;
  const taskIds = Array.from({ length: tasks }, (_, index) => `t${index}`);
  b.enqueue(taskIds);
  a.claim(taskIds);
  for (const taskId of taskIds) a.begin(taskId);
  dies(made, a);
  run.pass(afterMs);
  for (const taskId of taskIds) b.complete(taskId, 0);
  return made;
}

test("recovery after a kill has a sample for each task that the victim held, up to its next claim", () => {
  const { figures } = reportOf(killed(3, 100), 1);
  expect(figures.afterKill).toEqual({
    kills: 1,
    count: 3,
    p50: 3_600,
    p99: 3_600,
    max: 3_600,
    samplesMs: [3_600, 3_600, 3_600],
  });
  expect(figures.afterKillAlone).toEqual(figures.afterKill);
  expect([figures.executions, figures.withAlibi, figures.withoutAlibi]).toEqual([6, 3, 0]);
});

test("a kill with a pause or an outage near by is not alone, however quick the recovery was", () => {
  const paused = killed(1, 0);
  paused.run.disturb({ kind: "pause", process: "b", boot: 1 });
  const { afterKill, afterKillAlone } = reportOf(paused, 1).figures;
  expect([afterKill.count, afterKillAlone.count]).toEqual([1, 0]);
  const later = killed(1, 0);
  live(later.run, 30_000, later.b);
  later.run.disturb({ kind: "database.down" });
  expect(reportOf(later, 1).figures.afterKillAlone.count).toBe(1);
});

test("a restart is over when every task that was due has ended or waits for a backoff", () => {
  const made = scene();
  const { run, a, b } = made;
  live(run, 60_000, a, b);
  a.enqueue(["due", "held"]).enqueue(["later"], { delayMs: 3_600_000 });
  b.claim(["held"]);
  b.begin("held");
  run.pass(10);
  const downMs = run.nowMs;
  run.disturb({ kind: "database.down" }).pass(1_000).disturb({ kind: "database.up" });
  const upMs = run.nowMs;
  run.pass(200);
  a.complete("due", 50);
  run.pass(100);
  b.finish("held", "failed").settle("held", "retry");
  run.pass(5_000);
  b.complete("held");
  const restarts = [{ downMs, goneMs: downMs + 1, upMs }];
  const { figures } = reportOf(made, 1, { restarts });
  expect(figures.afterRestartAlone).toEqual(figures.afterRestart);
  expect(figures.afterRestart.firstExecution.samplesMs).toEqual([200]);
  expect(figures.afterRestart.drained.samplesMs).toEqual([350]);
  run.disturb({ kind: "kill", process: "a", boot: 1 });
  const disturbed = reportOf(made, 1, { restarts }).figures;
  expect([disturbed.afterRestart.drained.count, disturbed.afterRestartAlone.drained.count]).toEqual([1, 0]);
});

test("reports of several runs add up, percentiles over all samples, and again", () => {
  const files = [killed(1, 0), killed(3, 400), killed(2, 800)].map((made, index) => {
    const file = join(folder, `run-${index}.json`);
    writeFileSync(file, JSON.stringify(reportOf(made, index, { processExits: index })));
    return file;
  });
  const both = join(folder, "both.json");
  writeFileSync(both, JSON.stringify(mergedReports(files.slice(0, 2))));
  const all = mergedReports([both, ...files.slice(2)]);
  expect(all.runs.map(({ seed }) => seed)).toEqual([0, 1, 2]);
  expect(all.deeds).toEqual({ F1: 3 });
  expect(all.figures.afterKill.samplesMs).toEqual([3_500, 3_900, 3_900, 3_900, 4_300, 4_300]);
  expect(all.figures.afterKill).toMatchObject({ kills: 3, count: 6, p50: 3_900, p99: 4_300, max: 4_300 });
  const { tasks, executions, faults, alibis, processExits } = all.figures;
  expect({ tasks, executions, faults, alibis, processExits }).toEqual({
    tasks: 6,
    executions: 12,
    faults: { kill: 3 },
    alibis: { kill: 6 },
    processExits: 3,
  });
  expect(all.verdicts.find(({ guarantee }) => guarantee === "G8")).toMatchObject({
    outcome: "held",
    broken: 0,
  });
  expect([all.violations.length, holds(all)]).toEqual([0, false]);
  expect(reportLines(all)).toContain("p50 3.90 s, p99 4.30 s, max 4.30 s (6 samples), of 3 kills");
});

/** A report of a run in which nothing happened, but for these figures. */
function madeUp(figures: Partial<Figures>): MixReport {
  const report = reportOf(scene(), 1);
  return { ...report, figures: { ...report.figures, ...figures } };
}

const recovery = (...samplesMs: readonly number[]) => ({
  afterKillAlone: { kills: 1, ...timesOf(samplesMs) },
});
const drained = (...samplesMs: readonly number[]) => ({
  afterRestartAlone: { firstExecution: timesOf([]), drained: timesOf(samplesMs) },
});
const quick = Array.from({ length: 19 }, () => 14_000);

test.each<readonly [string, Partial<Figures>]>([
  ["without a sample", {}],
  ["every sample within its bound", { ...recovery(...quick, 19_999), ...drained(10, 14_999) }],
  ["too few kills for a percentile", recovery(...quick.slice(1), 40_000)],
  ["slow only beside other faults", { afterKill: { kills: 9, ...timesOf([...quick, 90_000]) } }],
])("a mix holds: %s", (_, figures) => {
  expect(breaches(madeUp(figures))).toEqual([]);
  expect(holds(madeUp(figures))).toBe(true);
  expect(reportLines(madeUp(figures))).toContain("no violation, every bound held");
});

test.each<readonly [string, Partial<Figures>]>([
  ["1 processes ended by themselves", { processExits: 1 }],
  ["2 slots were lost", { slotsLost: 2 }],
  ["1 processes were declared dead wrongly", { wrongDeaths: 1 }],
  ["3 attempts were counted wrongly", { wrongFailures: 3 }],
  ["recovery after SIGKILL: p99 20.00 s, the bound is 20.00 s", recovery(...quick, 20_000)],
  ["due tasks after a restart of the server: 15.00 s, the bound is 15.00 s", drained(10, 15_000)],
])("a mix does not hold, and its report says why: %s", (breach, figures) => {
  expect(breaches(madeUp(figures))).toEqual([breach]);
  expect(holds(madeUp(figures))).toBe(false);
  expect(reportLines(madeUp(figures))).toContain(`NOT HELD: ${breach}`);
});

test("a living process that is declared dead is counted, and so is an attempt that no executor failed", () => {
  const made = scene();
  const { run, a, b } = made;
  live(run, 5_000, a, b);
  b.beat(a.owner);
  for (let polls = 0; polls < 20; polls += 1) {
    run.pass(250);
    a.claim([]);
  }
  b.enqueue(["outage"]).claim(["outage"]);
  b.begin("outage").settle("outage", "retry");
  const report = reportOf(made, 1);
  const { wrongDeaths, wrongFailures, silentDeaths } = report.figures;
  expect({ wrongDeaths, wrongFailures, silentDeaths }).toEqual({
    wrongDeaths: 1,
    wrongFailures: 1,
    silentDeaths: 0,
  });
  // Each is a law of the checker too.
  expect(report.violations.map(({ guarantee }) => guarantee)).toEqual(expect.arrayContaining(["G12", "G13"]));
});
