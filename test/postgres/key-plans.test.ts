// The claim by keys on Postgres: what it reads is bounded, whatever the backlog of a key.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { at, claim, processId, register, TYPE } from "../../src/conformance/scene.ts";
import { namesIn } from "../../src/store/postgres/identifier.ts";
import { claimByKeys } from "../../src/store/postgres/statements/claim-keys.ts";
import { keyHash, typeHash } from "../../src/task/type-hash.ts";
import { openHarness, type PostgresHarness } from "./harness.ts";

const OWNER = processId(1);
const backlog = 200_000;
const others = 1_000;

let harness: PostgresHarness;

/** Rows as an enqueue leaves them, written in bulk: 200,000 due tasks of one key, and behind them one of each of 1,000 others. */
beforeAll(async () => {
  harness = await openHarness();
  const { pool, schema } = harness;
  await register(harness, OWNER);
  const insert = (count: number, firstId: number): Promise<unknown> =>
    pool.query(
      `with created as (
        insert into ${schema}.task (created_at, task_id, type, data, key)
        select now(), 'task-' || (n + $2), $3, '{}', null
        from generate_series(1, cast($1 as integer)) n
        returning id
      )
      insert into ${schema}.pending (id, type, next_attempt_at, key)
      select id, $4, timestamptz 'epoch' + ($5 + id) * interval '1 millisecond', ($6::bigint[])[1 + id % cardinality($6::bigint[])]
      from created`,
      [
        count,
        firstId,
        TYPE,
        typeHash(TYPE),
        (at(0).now ?? 0) - 1_000_000,
        count === backlog
          ? [keyHash(TYPE, "dead")]
          : Array.from({ length: others }, (_, index) => keyHash(TYPE, `key-${index}`)),
      ],
    );
  await insert(backlog, 0);
  await insert(others, backlog);
}, 120_000);

afterAll(() => harness.close());

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly Plan[];
}

/** The plan of a claim of 50 as the store's own connections make it; rolled back. */
async function planOfClaim(
  named: Readonly<Record<string, number>>,
): Promise<{ buffers: number; scans: string[] }> {
  const { pool, schema } = harness;
  const client = await pool.connect();
  try {
    await client.query("begin");
    for (const name of ["seqscan", "bitmapscan"]) await client.query(`set local enable_${name} = off`);
    await client.query("set local plan_cache_mode = force_generic_plan");
    await client.query(`prepare claim_of_test as ${claimByKeys(namesIn(schema)).text}`);
    const list = (values: readonly unknown[]): string => `{${values.join()}}`;
    const keys = Object.keys(named).map((key) => keyHash(TYPE, key));
    const values = [
      OWNER,
      "1",
      "{1}",
      "50",
      "1000000",
      "12",
      String(at(0).now),
      list([typeHash(TYPE)]),
      "{50}",
      "{null}",
      "{0}",
      "{2}",
      "{null}",
      list(keys),
      list(Object.values(named)),
    ];
    const { rows } = await client.query(
      `explain (analyze, buffers, format json) execute claim_of_test(${values.map((value) => `'${value}'`).join()})`,
    );
    const root = rows[0]["QUERY PLAN"][0].Plan as Plan;
    const scans: string[] = [];
    const walk = (plan: Plan): void => {
      if (plan["Relation Name"])
        scans.push(`${plan["Node Type"]} ${plan["Relation Name"]} ${plan["Index Name"] ?? ""}`.trim());
      for (const child of plan.Plans ?? []) walk(child);
    };
    walk(root);
    return { buffers: root["Shared Hit Blocks"] + root["Shared Read Blocks"], scans };
  } finally {
    await client.query("rollback");
    await client.query("deallocate all");
    client.release();
  }
}

describe("a claim by keys behind 200,000 tasks of one key", () => {
  it.each([
    ["without statistics", false],
    ["with them", true],
  ])("reads indexes alone, and not the backlog, %s", async (_, analysed) => {
    if (analysed) await harness.pool.query(`analyze ${harness.schema}.pending`);
    const { buffers, scans } = await planOfClaim({ dead: 0 });
    expect(scans).toContain("Index Scan pending pending_ready");
    expect(scans.filter((scan) => /^Index (?:Only )?Scan pending pending_keyed$/.test(scan)).length).toBe(3);
    expect(scans.filter((scan) => /Seq Scan (?:pending|task)\b|Bitmap/.test(scan))).toEqual([]);
    expect(buffers).toBeLessThanOrEqual(1_300);
  });

  it("takes what is due of the others, a hundred keys at a time", async () => {
    const seen = new Set<string | null>();
    for (let number = 1; number <= 40; number += 1) {
      const { tasks } = await claim(harness, OWNER, number, at(0), {
        types: [{ type: TYPE, limit: 50, keys: { each: 1, of: [{ key: "dead", limit: 0 }] } }],
        limit: 50,
        liveClaims: Array.from({ length: number }, (_, index) => index),
      });
      for (const { taskId } of tasks) seen.add(taskId);
    }
    expect(seen.size).toBe(others);
  });
});
