// What a mix has shown, in figures that can be added up over several runs: of each time all samples are kept.
import type { Counts } from "../../checker/check.ts";
import { type Fault, overlaps } from "../../checker/faults.ts";
import { type Percentiles, percentilesOf } from "../../checker/percentiles.ts";
import { type Recovery, recoveriesOf } from "../../checker/rules/recovery.ts";
import { attemptOf, type Timeline } from "../../checker/timeline.ts";
import type { Restart } from "../run-postgres.ts";

/** Times of one kind. */
export interface Times extends Percentiles {
  /** All of them, in whole milliseconds, in ascending order. */
  readonly samplesMs: readonly number[];
}

/** Times after kills. */
export interface KillTimes extends Times {
  /** How many kills the samples come from: those of one kill are much alike. */
  readonly kills: number;
}

/** How long the restarts of a server were felt; one sample each. Both are counted from when the server took connections. */
export interface RestartTimes {
  /** To the first claim that led to an execution. */
  readonly firstExecution: Times;
  /**
   * Until every task that was pending when the server went down, and due when it came back, had ended or had been sent
   * into a backoff.
   */
  readonly drained: Times;
}

/** The figures. */
export interface Figures {
  /** Tasks that stand, or stood: that were in a commit. */
  readonly tasks: number;
  /** Calls of executors. */
  readonly executions: number;
  /** Tasks whose commit was acknowledged, and which the database does not know. */
  readonly lost: number;
  /** Tasks that the database knows although their transaction was certainly rolled back. */
  readonly phantom: number;
  /** Tasks of commits that were not answered, and that stand. Neither lost nor phantom. */
  readonly recovered: number;
  /** Executions beyond those needed, before which a fault touched the holder, or left it without an answer. */
  readonly withAlibi: number;
  /** Those of which nothing explains why they were needed. */
  readonly withoutAlibi: number;
  /** `withAlibi` by what explains them. */
  readonly alibis: Readonly<Record<string, number>>;
  /** What was really done, by kind, as the checker is told: also what makes good again. */
  readonly faults: Readonly<Record<string, number>>;
  /** From SIGKILL, or a claim under way at it, to the next claim: one sample for each task that the victim held. */
  readonly afterKill: KillTimes;
  /** Those of them whose kill was alone: within a lease and 5 s no server was down, and nobody stood still or was cut off. */
  readonly afterKillAlone: KillTimes;
  readonly afterRestart: RestartTimes;
  /** Restarts that were alone: no other fault from 5 s before to a lease and 5 s after, and no kill in two leases before. */
  readonly afterRestartAlone: RestartTimes;
  /** Processes that ended although nobody ended them. */
  readonly processExits: number;
  /** Slots still taken, by running attempts or by executors beyond their timeout, when no task was pending any more. */
  readonly slotsLost: number;
  /** As the checker counts them. */
  readonly silentDeaths: number;
  readonly wrongDeaths: number;
  readonly wrongFailures: number;
}

/** What only the driver of the run knows. */
export interface DriverFigures {
  readonly restarts: readonly Restart[];
  readonly processExits: number;
  readonly slotsLost: number;
}

/** A recovery may take a lease and this; a fault beyond does not excuse it. */
const MARGIN_MS = 5_000;

/** The figures of a run. */
export function figuresOf(timeline: Timeline, counts: Counts, driver: DriverFigures): Figures {
  const { tasks, executions, lost, phantom, recovered, withAlibi, withoutAlibi, alibis, faults } = counts;
  const { silentDeaths, wrongDeaths, wrongFailures } = counts;
  const { restarts, processExits, slotsLost } = driver;
  const recoveries = recoveriesOf(timeline);
  return {
    tasks,
    executions,
    lost,
    phantom,
    recovered,
    withAlibi,
    withoutAlibi,
    alibis,
    faults,
    afterKill: killTimes(recoveries),
    afterKillAlone: killTimes(recoveries.filter(({ fromMs }) => isKillAlone(timeline, fromMs))),
    afterRestart: restartTimes(timeline, restarts),
    afterRestartAlone: restartTimes(
      timeline,
      restarts.filter((restart) => isRestartAlone(timeline, restart)),
    ),
    processExits,
    slotsLost,
    silentDeaths,
    wrongDeaths,
    wrongFailures,
  };
}

function killTimes(recoveries: readonly Recovery[]): KillTimes {
  const times = timesOf(recoveries.map(({ fromMs, toMs }) => toMs - fromMs));
  return { kills: new Set(recoveries.map(({ kill }) => kill)).size, ...times };
}

/** The span does not depend on how long the recovery took: slow ones are not sorted out. */
function isKillAlone({ faults, settings }: Timeline, fromMs: number): boolean {
  const toMs = fromMs + settings.leaseMs + MARGIN_MS;
  const disturbs = ({ kind }: Fault): boolean => kind === "outage" || kind === "pause" || kind === "cut";
  return !faults.all.some((fault) => disturbs(fault) && overlaps(fault, fromMs, toMs));
}

function isRestartAlone({ faults, settings }: Timeline, { downMs, upMs }: Restart): boolean {
  const fromMs = ({ kind }: Fault): number => downMs - (kind === "kill" ? 2 * settings.leaseMs : MARGIN_MS);
  const toMs = upMs + settings.leaseMs + MARGIN_MS;
  const isItself = ({ kind, fromMs: beganMs }: Fault): boolean => kind === "outage" && beganMs === downMs;
  return !faults.all.some(
    (fault) => fault.kind !== "clock jump" && !isItself(fault) && overlaps(fault, fromMs(fault), toMs),
  );
}

function restartTimes(timeline: Timeline, restarts: readonly Restart[]): RestartTimes {
  const samples = (endMsOf: (restart: Restart) => number | null): Times =>
    timesOf(
      restarts.flatMap((restart) => {
        const endMs = endMsOf(restart);
        return endMs === null ? [] : [Math.max(endMs - restart.upMs, 0)];
      }),
    );
  return {
    firstExecution: samples((restart) => firstExecutionMs(timeline, restart)),
    drained: samples((restart) => drainedMs(timeline, restart)),
  };
}

function firstExecutionMs(timeline: Timeline, { goneMs }: Restart): number | null {
  let firstMs: number | null = null;
  for (const { taskId, token, begin } of timeline.tenures.values()) {
    if (begin.atMs < goneMs || (firstMs !== null && begin.atMs >= firstMs)) continue;
    if ((attemptOf(timeline, taskId, token)?.starts.length ?? 0) > 0) firstMs = begin.atMs;
  }
  return firstMs;
}

const ends: ReadonlySet<string> = new Set(["confirmed", "failed", "cancelled", "retried", "deferred"]);

/** Null when no task was due. One that never ends counts as ending with the run, which the checker does not let pass. */
function drainedMs({ stories, endMs }: Timeline, { goneMs, upMs }: Restart): number | null {
  let lastMs: number | null = null;
  for (const { steps } of stories.values()) {
    const place = steps.findLastIndex(({ at }) => at.atMs < goneMs);
    const standing = steps[place]?.after ?? null;
    if (standing === null || standing.dueAtMs > upMs) continue;
    const end = steps.find(({ kind }, index) => index > place && ends.has(kind));
    lastMs = Math.max(lastMs ?? 0, end?.at.atMs ?? endMs);
  }
  return lastMs;
}

/** Times out of samples in any order. */
export function timesOf(samplesMs: readonly number[]): Times {
  const sorted = samplesMs.map(Math.round).sort((left, right) => left - right);
  return { ...percentilesOf(sorted), samplesMs: sorted };
}

/** Adds two runs up; percentiles are those of all samples. */
export function mergedFigures(left: Figures, right: Figures): Figures {
  const sum = (name: keyof Figures & NumberName): number => left[name] + right[name];
  return {
    tasks: sum("tasks"),
    executions: sum("executions"),
    lost: sum("lost"),
    phantom: sum("phantom"),
    recovered: sum("recovered"),
    withAlibi: sum("withAlibi"),
    withoutAlibi: sum("withoutAlibi"),
    alibis: mergedCounts(left.alibis, right.alibis),
    faults: mergedCounts(left.faults, right.faults),
    afterKill: mergedKills(left.afterKill, right.afterKill),
    afterKillAlone: mergedKills(left.afterKillAlone, right.afterKillAlone),
    afterRestart: mergedRestarts(left.afterRestart, right.afterRestart),
    afterRestartAlone: mergedRestarts(left.afterRestartAlone, right.afterRestartAlone),
    processExits: sum("processExits"),
    slotsLost: sum("slotsLost"),
    silentDeaths: sum("silentDeaths"),
    wrongDeaths: sum("wrongDeaths"),
    wrongFailures: sum("wrongFailures"),
  };
}

/** Names of the figures that are plain numbers. */
type NumberName = {
  [Name in keyof Figures]: Figures[Name] extends number ? Name : never;
}[keyof Figures];

/** Adds counts up, name by name. */
export function mergedCounts(
  left: Readonly<Record<string, number>>,
  right: Readonly<Record<string, number>>,
): Record<string, number> {
  const sum: Record<string, number> = { ...left };
  for (const [name, count] of Object.entries(right)) sum[name] = (sum[name] ?? 0) + count;
  return sum;
}

function mergedTimes(left: Times, right: Times): Times {
  return timesOf([...left.samplesMs, ...right.samplesMs]);
}

function mergedKills(left: KillTimes, right: KillTimes): KillTimes {
  return { kills: left.kills + right.kills, ...mergedTimes(left, right) };
}

function mergedRestarts(left: RestartTimes, right: RestartTimes): RestartTimes {
  return {
    firstExecution: mergedTimes(left.firstExecution, right.firstExecution),
    drained: mergedTimes(left.drained, right.drained),
  };
}
