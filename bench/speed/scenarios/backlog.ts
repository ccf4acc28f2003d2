// Whether a long queue is slower than a short one.
import { setTimeout as delay } from "node:timers/promises";
import type { Contestant } from "../contestants.ts";
import { against, type Course, inRounds, type Scenario } from "../scenario.ts";
import { Sustained } from "../sustaining.ts";

const WARM_UP_MS = 1_000;

/** How a number of waiting tasks is called in the tables. */
export const waitingOf = (count: number): string => `${count.toLocaleString("en")} waiting`;

async function sustain({ arena, sizes }: Course, contestant: Contestant, waiting: number) {
  const place = await arena.filled(contestant, waiting);
  try {
    await using sustained = await Sustained.begin(arena, contestant, place, waiting);
    await delay(WARM_UP_MS);
    const perSecond = await sustained.rate(sizes.backlogMs);
    const { team } = sustained;
    return { perSecond, ...(await team.used(team.executed)) };
  } finally {
    await arena.drop(place);
  }
}

/** The scenario. */
export const backlogScenario: Scenario = {
  name: "backlog",
  number: 6,
  title: "A long queue",
  says: ({ backlogs, backlogMs }) =>
    `One process executes, another enqueues as many as were executed, so that the queue stays as long as it is: ${backlogs.map((count) => count.toLocaleString("en")).join(" or ")} tasks. Tasks a second over ${backlogMs / 1_000} s. CPU of the server includes enqueueing; memory is the largest of the process that executes.`,
  figures: [
    { key: "perSecond", title: "tasks/s", digits: 0 },
    { key: "nodeUs", title: "CPU of the worker, µs a task", digits: 1 },
    { key: "serverUs", title: "CPU of the server, µs a task", digits: 1 },
    { key: "megabytes", title: "memory, MB", digits: 0 },
  ],
  isMoreBetter: true,
  references: [
    against("raw SQL"),
    {
      title: "its own shorter queue",
      to: ({ contestant }) => ({ contestant, variant: waitingOf(10_000) }),
    },
  ],
  async run(course) {
    const { contestants, sizes, report } = course;
    const turns = sizes.backlogs.flatMap((waiting) =>
      contestants.map((contestant) => ({ waiting, contestant })),
    );
    await inRounds(Math.min(sizes.rounds, 3), turns, async ({ waiting, contestant }, round) => {
      const figures = await sustain(course, contestant, waiting);
      report({ contestant: contestant.name, variant: waitingOf(waiting), round, figures });
    });
  },
};
