// One task in a transaction with one row of the application's own, against the same transaction without.
import type { Contestant } from "../contestants.ts";
import type { Committed } from "../messages.ts";
import { against, type Course, inRounds, type Scenario } from "../scenario.ts";

/** Names of rows; a contestant and the way it is asked. */
export const withoutAny = "the transaction without any";
/** The limit: a prepared statement that writes both rows of a task. */
export const oneRowInsert = "raw SQL, one-row insert";

/** The ways of each contestant, by the name of their rows. */
function waysOf({ name, system }: Contestant): readonly (readonly [row: string, way: string])[] {
  switch (system) {
    case "raw":
      return [
        [withoutAny, "without any"],
        [oneRowInsert, "one-row insert"],
      ];
    case "owed":
      return [
        ["owed, enqueue(tx)", "enqueue(tx)"],
        ["owed, transaction()", "transaction()"],
      ];
    case "graphile-worker":
      return [["graphile-worker, add_job", "add_job"]];
    case "pg-boss":
      return [["pg-boss, send", "send"]];
    case "bullmq":
      return [[`${name}: add after the commit`, "add after commit"]];
    default:
      return [];
  }
}

const CONNECTIONS = [1, 16];

/** How a number of connections is called in the tables. */
export const connectionsOf = (count: number): string =>
  count === 1 ? "1 connection" : `${count} connections`;

/** Commits for a time; answers transactions a second. */
export async function commits(
  { arena }: Course,
  contestant: Contestant,
  way: string,
  connections: number,
  forMs: number,
): Promise<Record<string, number | null>> {
  const place = await arena.fresh(contestant);
  try {
    await using member = arena.member(contestant.system);
    const before = await member.usage();
    const serverBefore = arena.serverCpuMs(contestant);
    const answer = await member.ask({ do: "commit", place, way, connections, forMs });
    const { transactions, elapsedMs, counted } = answer as Committed; // as messages.ts says
    const server = await arena.serverCpuMsAfterwards(contestant);
    const nodeMs = (await member.usage()).cpuMs - before.cpuMs;
    return {
      perSecond: (transactions * 1_000) / elapsedMs,
      nodeUs: (nodeMs * 1_000) / counted,
      serverUs: server === null || serverBefore === null ? null : ((server - serverBefore) * 1_000) / counted,
    };
  } finally {
    await arena.drop(place);
  }
}

/** The scenario. */
export const enqueueScenario: Scenario = {
  name: "enqueue",
  number: 2,
  title: "Enqueue in a transaction",
  says: ({ enqueueMs }) =>
    `Transactions that write one row of the application's own and enqueue one task, as many as 1 and 16 connections can commit in ${enqueueMs / 1_000} s; nothing executes meanwhile. enqueue(tx) is on a transaction that the application has opened with its own pg client; transaction() lets owed do it. CPU of the server is that of Postgres, for BullMQ that of Redis alone.`,
  figures: [
    { key: "perSecond", title: "transactions/s", digits: 0 },
    { key: "nodeUs", title: "CPU of Node, µs each", digits: 0 },
    { key: "serverUs", title: "CPU of the server, µs each", digits: 0 },
  ],
  isMoreBetter: true,
  references: [against(withoutAny), against(oneRowInsert)],
  async run(course) {
    const { contestants, sizes, report } = course;
    const turns = CONNECTIONS.flatMap((connections) =>
      contestants.flatMap((contestant) =>
        waysOf(contestant).map(([row, way]) => ({ contestant, connections, row, way })),
      ),
    );
    await inRounds(sizes.rounds, turns, async ({ contestant, connections, row, way }, round) => {
      const figures = await commits(course, contestant, way, connections, sizes.enqueueMs);
      report({ contestant: row, variant: connectionsOf(connections), round, figures });
    });
  },
};
