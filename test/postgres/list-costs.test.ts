// What a page of tasks costs on Postgres, whatever is asked for: an index, and a bounded number of rows.
import type pg from "pg";
import { describe, expect, it } from "vitest";
import type { ListRequest } from "../../src/store/contract.ts";
import type { OwnConnections, Row } from "../../src/store/postgres/connections.ts";
import { namesIn } from "../../src/store/postgres/identifier.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import { Operating } from "../../src/store/postgres/operating.ts";
import type { Parameter } from "../../src/store/postgres/parameters.ts";
import { Recording } from "../../src/store/postgres/recording.ts";
import type { Statement } from "../../src/store/postgres/statements/statement.ts";
import { taskStates } from "../../src/task/task.ts";
import { typeHash } from "../../src/task/type-hash.ts";
import { freshSchema, sharedMajors, testPool } from "../support/database.ts";

/** Tasks of each state; one in the middle is of a rare type. */
const EACH = 20_000;
/** Buffers that one page may touch: some 5,000 rows, each with a look at its task. */
const MOST_BUFFERS = 20_000;
const MOST_ROWS = 5_000;

async function fill(pool: pg.Pool, schema: string): Promise<void> {
  const common = typeHash("common");
  const rare = typeHash("rare");
  await pool.query(`insert into ${schema}.task (created_at, task_id, type, data)
    select timestamptz '2026-11-24' + n * interval '1 second', 'task:' || n,
      case when n % ${EACH} = ${EACH / 2} then 'rare' else 'common' end, '{}'
    from generate_series(1, ${4 * EACH}) n`);
  const type = `case when t.type = 'rare' then ${rare} else ${common} end`;
  await pool.query(`insert into ${schema}.pending (id, type, next_attempt_at, since)
    select t.id, ${type}, t.created_at, t.created_at from ${schema}.task t where t.id <= ${EACH}`);
  await pool.query(`insert into ${schema}.settled (id, type, state, settled_at, generation, failed_attempts, lost_attempts, deferred_attempts, reason)
    select t.id, ${type}, case when t.id <= ${2 * EACH} then 'failed' else 'cancelled' end, t.created_at, 1, 1, 0, 0,
      case when t.id <= ${2 * EACH} then 'permanent-error' end
    from ${schema}.task t where t.id between ${EACH + 1} and ${3 * EACH}`);
  await pool.query(`insert into ${schema}.confirmed (bucket, settled_at, owner, ids)
    select t.id / 1024, now(), 1, array_agg(t.id order by t.id)
    from ${schema}.task t where t.id > ${3 * EACH} group by t.id / 1024, t.id / 100`);
  await pool.query(
    `vacuum analyze ${schema}.task, ${schema}.pending, ${schema}.settled, ${schema}.confirmed`,
  );
}

interface Plan {
  readonly "Node Type": string;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly "Actual Rows": number;
  readonly "Actual Loops": number;
  readonly Plans?: readonly Plan[];
}

function nodesOf(plan: Plan): Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

/** A connection as the store's own are pinned, which notes the plan of what it sends. */
class ExplainingConnection {
  readonly #client: pg.PoolClient;
  plan: Plan | null = null;

  private constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  static async open(pool: pg.Pool): Promise<ExplainingConnection> {
    const client = await pool.connect();
    await client.query(
      "set enable_seqscan = off; set enable_bitmapscan = off; set plan_cache_mode = force_generic_plan; set jit = off",
    );
    return new ExplainingConnection(client);
  }

  async rows({ text }: Statement, values: readonly Parameter[] = []): Promise<readonly Row[]> {
    const given = values.map((value) => (value === null ? "null" : `'${value}'`)).join();
    await this.#client.query(`prepare page as ${text}`);
    const { rows } = await this.#client.query(
      `explain (analyze, buffers, format json) execute page(${given})`,
    );
    this.plan = rows[0]["QUERY PLAN"][0].Plan;
    const answer = await this.#client.query(`execute page(${given})`);
    await this.#client.query("deallocate page");
    return answer.rows;
  }

  close(): void {
    this.#client.release(true);
  }
}

const combinations: ListRequest[] = taskStates.flatMap((state) =>
  ([undefined, "common", "rare"] as const).flatMap((type) =>
    (["ascending", "descending"] as const).flatMap((order) =>
      [false, true].flatMap((isBetween) =>
        (state === "pending" ? [false, true] : [false]).map((ready) => ({
          state,
          type,
          order,
          ready,
          limit: 50,
          // Half an hour in the middle of the tasks of that state.
          ...(isBetween ? between(taskStates.indexOf(state)) : {}),
        })),
      ),
    ),
  ),
);

function between(place: number): Pick<ListRequest, "enqueuedFrom" | "enqueuedBefore"> {
  // The tasks stand in the order pending, failed, cancelled, confirmed.
  const middle = Date.UTC(2026, 10, 24) + ([0, 3, 1, 2][place] ?? 0) * EACH * 1_000 + (EACH / 2) * 1_000;
  return { enqueuedFrom: new Date(middle - 900_000), enqueuedBefore: new Date(middle + 900_000) };
}

describe.each(sharedMajors())("lists on Postgres %i", (major) => {
  it("read a bounded number of rows through an index, for every combination of filters, and find all", async () => {
    await using pool = testPool({ major });
    const schema = freshSchema();
    const store = postgresStore({ pool, schema });
    await store.migrate();
    await fill(pool, schema);
    await store.close();
    const connection = await ExplainingConnection.open(pool);
    const own = connection as unknown as OwnConnections; // of which the lists ask for rows alone
    const names = namesIn(schema);
    const operating = new Operating(own, names, new Recording(own, names));
    try {
      for (const request of combinations) {
        const wanted = request.type === "rare" ? 1 : 120;
        let found = 0;
        let cursor: string | undefined;
        for (let pages = 0; pages < 20 && found < wanted; pages += 1) {
          const page = await operating.list({ ...request, cursor }, {});
          assertBounded(connection.plan, JSON.stringify([request, pages]));
          found += page.tasks.length;
          if (page.nextCursor === null) break;
          cursor = page.nextCursor;
        }
        expect(found, JSON.stringify(request)).toBeGreaterThanOrEqual(wanted);
      }
    } finally {
      connection.close();
    }
  }, 240_000);
});

function assertBounded(plan: Plan | null, what: string): void {
  if (plan === null) throw new Error(`no plan was read for ${what}`);
  expect(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], what).toBeLessThanOrEqual(MOST_BUFFERS);
  const nodes = nodesOf(plan);
  expect(
    nodes.map((node) => node["Node Type"]),
    what,
  ).not.toContain("Seq Scan");
  const sorted = nodes
    .filter((node) => node["Node Type"].endsWith("Sort"))
    .map((node) => node["Actual Rows"]);
  expect(Math.max(0, ...sorted), what).toBeLessThanOrEqual(MOST_ROWS);
}
