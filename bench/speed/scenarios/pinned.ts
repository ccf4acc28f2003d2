// Two minutes under a snapshot that no vacuum may pass, as a long report or a forgotten transaction holds one.
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import type { Contestant } from "../contestants.ts";
import { type Course, inRounds, type Scenario } from "../scenario.ts";
import { Sustained } from "../sustaining.ts";

const WAITING = 10_000;
const WARM_UP_MS = 2_000;
const variant = "under a pinned snapshot";

/** Holds a snapshot of the database until it is let go. */
async function pin(connectionString: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString });
  client.on("error", () => undefined);
  await client.connect();
  await client.query("begin isolation level repeatable read");
  await client.query("select count(*) from business");
  return () => client.end();
}

async function pinned({ arena, sizes }: Course, contestant: Contestant) {
  const { pinnedMs, pinnedWindowMs } = sizes;
  const place = await arena.filled(contestant, WAITING);
  try {
    await using sustained = await Sustained.begin(arena, contestant, place, WAITING);
    await delay(WARM_UP_MS);
    const letGo = await pin(place.connectionString);
    try {
      const atStart = await sustained.rate(pinnedWindowMs);
      const between = await sustained.rate(pinnedMs - 2 * pinnedWindowMs);
      const atEnd = await sustained.rate(pinnedWindowMs);
      return { kept: atEnd / atStart, atStart, between, atEnd };
    } finally {
      await letGo();
    }
  } finally {
    await arena.drop(place);
  }
}

/** The scenario. */
export const pinnedScenario: Scenario = {
  name: "pinned",
  number: 6,
  title: "Under a pinned snapshot",
  says: ({ pinnedMs, pinnedWindowMs }) =>
    `One process executes, another keeps ${WAITING.toLocaleString("en")} tasks waiting, and a transaction holds a snapshot for ${pinnedMs / 1_000} s, so that dead rows and their index entries stay. Tasks a second, enqueued and executed on the same cores, over the first and the last ${pinnedWindowMs / 1_000} s of it.`,
  figures: [
    { key: "kept", title: "last, of first", digits: 2 },
    { key: "atStart", title: "first, tasks/s", digits: 0 },
    { key: "between", title: "between, tasks/s", digits: 0 },
    { key: "atEnd", title: "last, tasks/s", digits: 0 },
  ],
  isMoreBetter: true,
  references: [],
  async run(course) {
    await inRounds(1, course.contestants, async (contestant, round) => {
      const figures = await pinned(course, contestant);
      course.report({ contestant: contestant.name, variant, round, figures });
    });
  },
};
