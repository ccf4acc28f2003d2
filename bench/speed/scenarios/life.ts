// What a task writes from its enqueue to its confirmation: quantities that do not depend on the machine.
import { setTimeout as delay } from "node:timers/promises";
import type { Arena } from "../arena.ts";
import type { Contestant } from "../contestants.ts";
import { Team } from "../executing.ts";
import type { Place } from "../port.ts";
import { type Course, inRounds, type Scenario } from "../scenario.ts";

/** How a task comes in, and how it is executed. */
type Path =
  | { readonly kind: "alone"; readonly way: string; readonly isExecuted: boolean }
  | { readonly kind: "bulk" }
  | { readonly kind: "fast"; readonly way: string };

const fastPath = "one a transaction, fast path";
const alone = "one a transaction, then a worker";
const inBulk = "in bulk, then a worker";
const businessOnly = "the row of the application alone";

function pathsOf({ system }: Contestant): readonly (readonly [variant: string, path: Path])[] {
  const bulk = [inBulk, { kind: "bulk" }] as const;
  const single = (way: string) => [alone, { kind: "alone", way, isExecuted: true }] as const;
  switch (system) {
    case "raw":
      return [
        [businessOnly, { kind: "alone", way: "without any", isExecuted: false }],
        single("one-row insert"),
        bulk,
      ];
    case "owed":
      return [[fastPath, { kind: "fast", way: "transaction()" }], single("enqueue(tx)"), bulk];
    case "graphile-worker":
      return [single("add_job"), bulk];
    case "pg-boss":
      return [single("send"), bulk];
    default:
      return [];
  }
}

/** What the server has counted so far. */
interface Counts {
  readonly walBytes: number;
  readonly statements: number;
}

async function countsOf(arena: Arena, database: string): Promise<Counts> {
  const [row] = await arena.sql(`select
    pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as wal,
    (select coalesce(sum(s.calls), 0)::float8
      from pg_stat_statements s
      join pg_database d on d.oid = s.dbid
      where d.datname = '${database}') as statements`);
  return { walBytes: Number(row?.["wal"]), statements: Number(row?.["statements"]) };
}

/** Each connection tells its counts when it ends, or a second after its last statement. */
async function rowsWritten(arena: Arena, place: Place, database: string): Promise<Record<string, number>> {
  for (;;) {
    const open = await arena.sql(`select from pg_stat_activity where datname = '${database}'`);
    if (open.length === 0) break;
    await delay(50);
  }
  const [row] = await arena.sql(
    `select
      sum(n_tup_ins)::float8 as inserted,
      sum(n_tup_upd)::float8 as updated,
      sum(n_tup_hot_upd)::float8 as hot,
      sum(n_tup_upd + n_tup_del)::float8 as dead
    from pg_stat_user_tables`,
    place.connectionString,
  );
  return Object.fromEntries(Object.entries(row ?? {}).map(([name, value]) => [name, Number(value ?? 0)]));
}

async function execute(arena: Arena, contestant: Contestant, place: Place, count: number): Promise<void> {
  await using team = await Team.gather(arena, contestant, place, 1);
  await team.begin();
  await team.until("all is executed", () => team.executed >= count, 120_000);
  const isDone = await team.until("all is written down", () => team.isDone(), 30_000);
  if (!isDone) throw new Error(`${contestant.name} did not execute ${count} tasks`);
}

async function live({ arena, sizes }: Course, contestant: Contestant, path: Path) {
  const count = sizes.lifeTasks;
  const place = await arena.fresh(contestant);
  const database = new URL(place.connectionString).pathname.slice(1);
  const rowsBefore = await rowsWritten(arena, place, database);
  try {
    await arena.sql("checkpoint");
    const before = await countsOf(arena, database);
    {
      await using member = arena.member(contestant.system);
      if (path.kind === "bulk") await member.ask({ do: "fill", place, count, piece: count });
      else {
        const { way } = path;
        await member.ask({ do: path.kind === "fast" ? "fastPath" : "pace", place, way, count, everyMs: 0 });
      }
    }
    const between = await countsOf(arena, database);
    if (path.kind === "bulk" || (path.kind === "alone" && path.isExecuted)) {
      await execute(arena, contestant, place, count);
    }
    const after = await countsOf(arena, database);
    const rows = await rowsWritten(arena, place, database);
    const each = (name: string): number => ((rows[name] ?? 0) - (rowsBefore[name] ?? 0)) / count;
    return {
      wal: (after.walBytes - before.walBytes) / count,
      walEnqueue: path.kind === "fast" ? null : (between.walBytes - before.walBytes) / count,
      walExecute: path.kind === "fast" ? null : (after.walBytes - between.walBytes) / count,
      statements: (after.statements - before.statements) / count,
      inserted: each("inserted"),
      updated: each("updated"),
      hot: each("hot"),
      dead: each("dead"),
    };
  } finally {
    await arena.drop(place);
  }
}

/** The scenario. */
export const lifeScenario: Scenario = {
  name: "life",
  number: 5,
  title: "The life of a task",
  says: ({ lifeTasks }) =>
    `What one task of 180 bytes costs the server from its enqueue to its confirmation, over ${lifeTasks.toLocaleString("en")} tasks: no times, so these figures are the same on any machine. full_page_writes and autovacuum are off. A task that comes alone comes in a transaction with a row of the application's own, whose WAL and statements (three with begin and commit) are counted too, and shown for themselves. The statements of a worker include those of its start. Dead: rows that were updated or deleted, which a vacuum must remove.`,
  figures: [
    { key: "wal", title: "WAL, bytes", digits: 0 },
    { key: "walEnqueue", title: "of it to enqueue", digits: 0 },
    { key: "walExecute", title: "of it to execute", digits: 0 },
    { key: "statements", title: "statements", digits: 2 },
    { key: "inserted", title: "rows inserted", digits: 2 },
    { key: "updated", title: "rows updated", digits: 2 },
    { key: "hot", title: "of them HOT", digits: 2 },
    { key: "dead", title: "rows left dead", digits: 2 },
  ],
  isMoreBetter: false,
  references: [],
  settings: {
    autovacuum: "off",
    full_page_writes: "off",
    checkpoint_timeout: "1h",
    shared_preload_libraries: "pg_stat_statements",
  },
  async run(course) {
    await course.arena.sql("create extension if not exists pg_stat_statements");
    const turns = course.contestants.flatMap((contestant) =>
      pathsOf(contestant).map(([variant, path]) => ({ contestant, variant, path })),
    );
    await inRounds(1, turns, async ({ contestant, variant, path }, round) => {
      const figures = await live(course, contestant, path);
      course.report({ contestant: contestant.name, variant, round, figures });
    });
  },
};
