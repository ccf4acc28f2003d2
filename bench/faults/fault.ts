// What a fault of the comparison is, and how large its run is.
import type { Arena } from "./arena.ts";
import type { FaultName } from "./contestants.ts";
import type { Team } from "./team.ts";

/** Sizes of a run. */
export interface Sizes {
  /** Tasks of a load; one is enqueued every 200 ms. */
  readonly tasks: number;
  readonly outageMs: number;
  readonly terminatingMs: number;
  readonly pauseMs: number;
  /** Enqueues of which the COMMIT reply is lost, of each kind. */
  readonly lostReplies: number;
  readonly healthyTasks: number;
  /** How long after the fault a task may take until it counts as not recovered. */
  readonly patienceMs: number;
}

/** The whole run. */
export const wholeRun: Sizes = {
  tasks: 60,
  outageMs: 10_000,
  terminatingMs: 30_000,
  pauseMs: 75_000,
  lostReplies: 10,
  healthyTasks: 20,
  patienceMs: 180_000,
};

/** A smoke run. */
export const quickRun: Sizes = {
  tasks: 25,
  outageMs: 5_000,
  terminatingMs: 5_000,
  pauseMs: 20_000,
  lostReplies: 3,
  healthyTasks: 8,
  patienceMs: 25_000,
};

/** Milliseconds between two enqueues of a load: five a second, which every system can do in its defaults. */
export const EVERY_MS = 200;

/** Figures of one team that only this fault has, under the heading of their column. */
export type Findings = Readonly<Record<string, string>>;

/** What a fault answers of one team. */
export interface Story {
  /** Tasks that are owed and must have been executed: by default those acknowledged. */
  readonly owed: readonly string[];
  readonly findings: Findings;
  /** Single measurements behind the findings, in milliseconds. */
  readonly measuredMs: Readonly<Record<string, readonly number[]>>;
}

/** A fault. */
export interface Fault {
  readonly name: FaultName;
  readonly title: string;
  /** What is done, in a sentence or two. */
  readonly says: (sizes: Sizes) => string;
  /** Worker processes of each team. */
  readonly workers: number;
  /** Whether the application's transactions go through a proxy. */
  readonly isProxied: boolean;
  run(arena: Arena, teams: readonly Team[], sizes: Sizes): Promise<ReadonlyMap<Team, Story>>;
}

/** Runs something for each team at once; answers by team. */
export async function forEach<Value>(
  teams: readonly Team[],
  work: (team: Team) => Promise<Value>,
): Promise<ReadonlyMap<Team, Value>> {
  return new Map(await Promise.all(teams.map(async (team) => [team, await work(team)] as const)));
}

/** Least, median and greatest of some durations, in seconds. */
export function spread(durationsMs: readonly number[]): string {
  const sorted = durationsMs.toSorted((one, other) => one - other);
  const median = sorted[Math.floor((sorted.length - 1) / 2)];
  const some = [sorted[0], median, sorted.at(-1)].filter((durationMs) => durationMs !== undefined);
  return some.length === 0 ? "–" : some.map(seconds).join(" / ");
}

/** A duration in seconds, for people. */
export function seconds(durationMs: number): string {
  return `${(durationMs / 1_000).toFixed(1)} s`;
}
