// Many tasks at once.
import { against, inRounds, type Scenario } from "../scenario.ts";

/** The only variant. */
export const inOneCall = "in bulk";

/** The scenario. */
export const bulkScenario: Scenario = {
  name: "bulk",
  number: 3,
  title: "Enqueue in bulk",
  says: ({ bulk }) =>
    `${bulk.toLocaleString("en")} tasks into empty tables, in the quickest way each documents: owed by one enqueueAll in one transaction, raw SQL by inserts of 1,000 in one transaction, graphile-worker by one addJobs, pg-boss by inserts of 10,000, BullMQ by addBulk of 1,000. Those of owed and raw SQL get an id that deduplicates; those of the others do not.`,
  figures: [
    { key: "perSecond", title: "tasks/s", digits: 0 },
    { key: "nodeUs", title: "CPU of Node, µs a task", digits: 1 },
    { key: "serverUs", title: "CPU of the server, µs a task", digits: 1 },
  ],
  isMoreBetter: true,
  references: [against("raw SQL")],
  async run({ arena, contestants, sizes, report }) {
    const count = sizes.bulk;
    await inRounds(sizes.rounds, contestants, async (contestant, round) => {
      const place = await arena.fresh(contestant);
      try {
        await using member = arena.member(contestant.system);
        const before = await member.usage();
        if (contestant.home === "postgres") await arena.sql("checkpoint");
        const serverBefore = arena.serverCpuMs(contestant);
        const elapsedMs = Number(await member.ask({ do: "fill", place, count, piece: count }));
        const server = await arena.serverCpuMsAfterwards(contestant);
        const nodeMs = (await member.usage()).cpuMs - before.cpuMs;
        const figures = {
          perSecond: (count * 1_000) / elapsedMs,
          nodeUs: (nodeMs * 1_000) / count,
          serverUs:
            server === null || serverBefore === null ? null : ((server - serverBefore) * 1_000) / count,
        };
        report({ contestant: contestant.name, variant: inOneCall, round, figures });
      } finally {
        await arena.drop(place);
      }
    });
  },
};
