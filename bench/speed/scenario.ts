// What a scenario is, and how large its runs are.
import type { Arena } from "./arena.ts";
import type { Contestant, ScenarioName } from "./contestants.ts";
import type { Sample, Side } from "./statistics.ts";

/** A figure of a sample. */
export interface Figure {
  /** By this it stands in a sample. */
  readonly key: string;
  readonly title: string;
  readonly digits: number;
}

/** How much is measured. */
export interface Sizes {
  readonly rounds: number;
  readonly drained: number;
  readonly workers: readonly number[];
  /** A drain that takes longer is cut off, and its rate is that of this time. */
  readonly drainLimitMs: number;
  readonly enqueueMs: number;
  readonly bulk: number;
  readonly paced: number;
  readonly lifeTasks: number;
  readonly pinnedMs: number;
  /** The first and the last so many milliseconds under the pin are compared. */
  readonly pinnedWindowMs: number;
  readonly backlogs: readonly [small: number, large: number];
  readonly backlogMs: number;
  readonly sqliteTasks: number;
}

/** A whole run. */
export const wholeRun: Sizes = {
  rounds: 5,
  drained: 100_000,
  workers: [1, 2, 4],
  drainLimitMs: 15_000,
  enqueueMs: 3_000,
  bulk: 100_000,
  paced: 500,
  lifeTasks: 2_000,
  pinnedMs: 120_000,
  pinnedWindowMs: 10_000,
  backlogs: [10_000, 1_000_000],
  backlogMs: 10_000,
  sqliteTasks: 100_000,
};

/** A smoke run. */
export const quickRun: Sizes = {
  rounds: 1,
  drained: 10_000,
  workers: [1, 4],
  drainLimitMs: 1_500,
  enqueueMs: 300,
  bulk: 10_000,
  paced: 50,
  lifeTasks: 500,
  pinnedMs: 3_000,
  pinnedWindowMs: 1_000,
  backlogs: [10_000, 20_000],
  backlogMs: 500,
  sqliteTasks: 5_000,
};

/** What a scenario is run with. */
export interface Course {
  readonly arena: Arena;
  readonly contestants: readonly Contestant[];
  readonly sizes: Sizes;
  /** Called with each sample as it comes. */
  readonly report: (sample: Sample) => void;
}

/** One scenario. */
export interface Scenario {
  readonly name: ScenarioName;
  /** As the issue counts them; several may stand under one number. */
  readonly number: number;
  readonly title: string;
  readonly says: (sizes: Sizes) => string;
  /** The first is the one that is charted. */
  readonly figures: readonly [Figure, ...Figure[]];
  /** Whether more of the first figure is better. */
  readonly isMoreBetter: boolean;
  /** What the first figure is divided by, in the same variant and round; a contestant's name. */
  readonly references: readonly Reference[];
  /** Settings of Postgres for this scenario alone; the scenario then has a server of its own. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly run: (course: Course) => Promise<void>;
}

/** Something to be compared with. */
export interface Reference {
  readonly title: string;
  /** What a row is divided by; null where the comparison says nothing. */
  readonly to: (row: Side) => Side | null;
}

/** Each in turn, and every round begins with another, so that no one is always the first or the last. */
export async function inRounds<Turn>(
  rounds: number,
  turns: readonly Turn[],
  take: (turn: Turn, round: number) => Promise<void>,
): Promise<void> {
  for (let round = 1; round <= rounds; round += 1) {
    for (let index = 0; index < turns.length; index += 1) {
      const turn = turns[(index + round - 1) % turns.length];
      if (turn !== undefined) await take(turn, round);
    }
  }
}

/** Compared with one contestant in the same variant. */
export function against(contestant: string, title = contestant): Reference {
  return { title, to: ({ variant }) => ({ contestant, variant }) };
}
