// A backlog of tasks that do nothing, executed and written down by one, two and four processes.
import type { Contestant } from "../contestants.ts";
import { Team } from "../executing.ts";
import { nowNs } from "../port.ts";
import { against, type Course, inRounds, type Scenario } from "../scenario.ts";

/** How a number of worker processes is called in the tables. */
export const processes = (count: number): string => (count === 1 ? "1 process" : `${count} processes`);

/** Executes what waits; answers tasks a second, from the first execution until nothing is owed, or until time is up. */
export async function drain(
  { arena }: Course,
  contestant: Contestant,
  workers: number,
  count: number,
  limitMs: number,
): Promise<Record<string, number | null>> {
  const place = await arena.filled(contestant, count);
  try {
    await using team = await Team.gather(arena, contestant, place, workers);
    const startNs = await team.begin();
    const startMs = performance.now();
    const all = await team.until("all is executed", () => team.executed >= count, limitMs);
    const restMs = Math.max(0, limitMs - (performance.now() - startMs));
    const isDone = all && (await team.until("all is written down", () => team.isDone(), restMs));
    const seconds = Number(nowNs() - startNs) / 1e9;
    const { executed } = team;
    return { perSecond: executed / seconds, ...(await team.used(executed)), done: isDone ? 1 : 0, executed };
  } finally {
    await arena.drop(place);
  }
}

/** The scenario. */
export const drainScenario: Scenario = {
  name: "drain",
  number: 1,
  title: "Drain a backlog",
  says: ({ drained, drainLimitMs }) =>
    `${drained.toLocaleString("en")} tasks that do nothing wait; worker processes start together. Tasks a second, from the first execution until the system owes nothing any more, so with all outcomes written. What takes longer than ${drainLimitMs / 1_000} s is cut off, and its rate is that of this time.`,
  figures: [
    { key: "perSecond", title: "tasks/s", digits: 0 },
    { key: "nodeUs", title: "CPU of Node, µs a task", digits: 1 },
    { key: "serverUs", title: "CPU of the server, µs a task", digits: 1 },
  ],
  isMoreBetter: true,
  references: [
    against("raw SQL"),
    {
      title: "its own 1 process",
      to: ({ contestant, variant }) =>
        variant === processes(1) ? null : { contestant, variant: processes(1) },
    },
  ],
  async run(course) {
    const { contestants, sizes, report } = course;
    const turns = sizes.workers.flatMap((workers) =>
      contestants.map((contestant) => ({ workers, contestant })),
    );
    await inRounds(sizes.rounds, turns, async ({ workers, contestant }, round) => {
      const figures = await drain(course, contestant, workers, sizes.drained, sizes.drainLimitMs);
      report({ contestant: contestant.name, variant: processes(workers), round, figures });
    });
  },
};
