// On a SQLite file: drain, enqueue in bulk, and enqueue with a row of the application's own.
import type { Contestant } from "../contestants.ts";
import { against, type Course, inRounds, type Scenario, type Sizes } from "../scenario.ts";
import type { Sample } from "../statistics.ts";
import { drain } from "./drain.ts";
import { commits } from "./enqueue.ts";

type Figures = Sample["figures"];

const limit = "raw SQL on SQLite";

/** How each is asked to enqueue one task. */
const ways: Readonly<Record<string, string>> = {
  "raw-sqlite": "insert",
  "owed-sqlite": "transaction()",
  plainjob: "add",
};

async function bulk({ arena, sizes }: Course, contestant: Contestant): Promise<Figures> {
  const count = sizes.sqliteTasks;
  const place = await arena.fresh(contestant);
  try {
    await using member = arena.member(contestant.system);
    const before = await member.usage();
    const elapsedMs = Number(await member.ask({ do: "fill", place, count, piece: count }));
    const nodeMs = (await member.usage()).cpuMs - before.cpuMs;
    return { perSecond: (count * 1_000) / elapsedMs, nodeUs: (nodeMs * 1_000) / count };
  } finally {
    await arena.drop(place);
  }
}

/** What is measured, by the name of the variant. */
const measures: Readonly<Record<string, (course: Course, contestant: Contestant) => Promise<Figures>>> = {
  drain: (course, contestant) =>
    drain(course, contestant, 1, course.sizes.sqliteTasks, course.sizes.drainLimitMs),
  "enqueue in bulk": bulk,
  "enqueue with a row": (course, contestant) =>
    commits(course, contestant, ways[contestant.system] ?? "", 1, course.sizes.enqueueMs),
};

/** The scenario. */
export const sqliteScenario: Scenario = {
  name: "sqlite",
  number: 7,
  title: "SQLite",
  says: ({ sqliteTasks, enqueueMs }: Sizes) =>
    `On one file, in one process: ${sqliteTasks.toLocaleString("en")} tasks that do nothing drained, as many enqueued at once, and transactions with one row of the application's own and one task for ${enqueueMs / 1_000} s. CPU of Node is all there is. liteque 0.8.0 cannot be run beside them: it hands better-sqlite3 an async transaction, which that has refused since 11.10 ("Transaction function cannot return a promise", seen with 13.2.0), so it executes nothing.`,
  figures: [
    { key: "perSecond", title: "a second", digits: 0 },
    { key: "nodeUs", title: "CPU of Node, µs each", digits: 1 },
  ],
  isMoreBetter: true,
  references: [against(limit)],
  async run(course) {
    const { contestants, sizes, report } = course;
    const turns = Object.entries(measures).flatMap(([variant, measure]) =>
      contestants.map((contestant) => ({ contestant, variant, measure })),
    );
    await inRounds(sizes.rounds, turns, async ({ contestant, variant, measure }, round) => {
      const figures = await measure(course, contestant);
      report({ contestant: contestant.name, variant, round, figures });
    });
  },
};
