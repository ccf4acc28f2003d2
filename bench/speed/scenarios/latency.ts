// From the commit to the start of the executor, at a pace that every worker can keep.
import type { Contestant } from "../contestants.ts";
import { Team } from "../executing.ts";
import type { Moments } from "../messages.ts";
import { type Course, inRounds, type Scenario } from "../scenario.ts";
import { quantile } from "../statistics.ts";

const EVERY_MS = 20;
/** What has not started so long after the last commit is not waited for. */
const PATIENCE_MS = 5_000;
const elsewhere = "worker in another process";

const ways: Readonly<Record<string, string>> = {
  owed: "enqueue(tx), tryExecuteNow",
  "graphile-worker": "add_job",
  "pg-boss": "send",
  bullmq: "add after commit",
};

const fastPaths = ["transaction()", "tryExecuteNow"];

function figuresOf(latencies: readonly number[], count: number): Record<string, number | null> {
  return {
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    most: quantile(latencies, 1),
    missing: count - latencies.length,
  };
}

async function inAnotherProcess({ arena, sizes }: Course, contestant: Contestant) {
  const place = await arena.fresh(contestant);
  const way = ways[contestant.system] ?? "";
  const count = sizes.paced;
  try {
    await using team = await Team.gather(arena, contestant, place, 1);
    await team.listen();
    await using enqueuing = arena.member(contestant.system);
    const pace = { do: "pace", place, way, count, everyMs: EVERY_MS } as const;
    const commits = new Map((await enqueuing.ask(pace)) as Moments); // as messages.ts says
    await team.until("all has started", () => team.executed >= count, PATIENCE_MS);
    const starts = await team.starts();
    const latencies = starts.flatMap(([n, atNs]) => {
      const committedNs = commits.get(n);
      return committedNs === undefined ? [] : [Number(BigInt(atNs) - BigInt(committedNs)) / 1e6];
    });
    return figuresOf(latencies, count);
  } finally {
    await arena.drop(place);
  }
}

async function inTheSameProcess({ arena, sizes }: Course, contestant: Contestant, way: string) {
  const place = await arena.fresh(contestant);
  const count = sizes.paced;
  try {
    await using member = arena.member(contestant.system);
    const answer = await member.ask({ do: "fastPath", place, way, count, everyMs: EVERY_MS });
    return figuresOf(answer as number[], count); // as messages.ts says
  } finally {
    await arena.drop(place);
  }
}

/** The scenario. */
export const latencyScenario: Scenario = {
  name: "latency",
  number: 4,
  title: "From commit to start",
  says: ({ paced }) =>
    `${paced} transactions, one every ${EVERY_MS} ms; from the moment the enqueuing process sees its COMMIT answered (for BullMQ, the commit after which it adds the job) to the start of the executor. A start before that moment counts as negative. Missing: not started ${PATIENCE_MS / 1_000} s after the last commit. The clock is one for all processes of the machine.`,
  figures: [
    { key: "p50", title: "median, ms", digits: 2 },
    { key: "p95", title: "95 %, ms", digits: 2 },
    { key: "most", title: "most, ms", digits: 1 },
    { key: "missing", title: "missing", digits: 0 },
  ],
  isMoreBetter: false,
  references: [],
  async run(course) {
    const { contestants, sizes, report } = course;
    const own = contestants.filter(({ name }) => name === "owed"); // LISTEN has no part in it
    const turns = [
      ...own.flatMap((contestant) =>
        fastPaths.map((way) => ({
          contestant,
          variant: `fast path, ${way}`,
          measure: () => inTheSameProcess(course, contestant, way),
        })),
      ),
      ...contestants.map((contestant) => ({
        contestant,
        variant: elsewhere,
        measure: () => inAnotherProcess(course, contestant),
      })),
    ];
    await inRounds(sizes.rounds, turns, async ({ contestant, variant, measure }, round) => {
      report({ contestant: contestant.name, variant, round, figures: await measure() });
    });
  },
};
