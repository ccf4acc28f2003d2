// The claim on Postgres: exact under every plan, and cheap under the usual one.
import { describe, expect, it } from "vitest";
import {
  at,
  claim,
  confirmation,
  enqueue,
  newTask,
  processId,
  processRecord,
  register,
  TYPE,
} from "../../src/conformance/scene.ts";
import { lostDelayMs } from "../../src/store/contract.ts";
import { namesIn } from "../../src/store/postgres/identifier.ts";
import { claimNamedTypes } from "../../src/store/postgres/statements/claim.ts";
import { claimReadyNamedTypes } from "../../src/store/postgres/statements/claim-ready.ts";
import { typeHash } from "../../src/task/type-hash.ts";
import { sharedMajors } from "../support/database.ts";
import { openHarness, type PostgresHarness } from "./harness.ts";

const ONE = processId(1);
const TWO = processId(2);
const named = (limit: number, type = TYPE) => [{ type, limit }];

const switches = [
  "hashjoin",
  "nestloop",
  "mergejoin",
  "seqscan",
  "indexscan",
  "bitmapscan",
  "hashagg",
  "material",
  "sort",
];
const combinations = [
  ...switches.map((name) => [name]),
  ["hashjoin", "mergejoin"],
  ["nestloop", "mergejoin"],
  ["nestloop", "hashjoin"],
  ["indexscan", "bitmapscan"],
];

describe.each(sharedMajors())("a claim on Postgres %i", (major) => {
  it.each(combinations)("claims and settles exactly without %s %s (V9)", async (...off) => {
    // The store pins two of them off; a pooler takes its pins away, so that every switch is in turn on and off.
    for (const pooler of [false, true]) {
      const options = off
        .filter(Boolean)
        .map((name) => `-c enable_${name}=off`)
        .join(" ");
      await using harness = await openHarness({ major, options });
      await using store = await openHarness({
        major,
        options,
        schema: harness.schema,
        migrate: false,
        pooler,
      });
      await register(harness, ONE, TWO);
      await enqueue(
        harness,
        Array.from({ length: 60 }, (_, index) => newTask(`task-${index}`)),
      );
      await harness.pool.query(`analyze ${harness.schema}.pending`);
      for (const types of [named(5), "all"] as const) {
        const { tasks } = await claim(store, ONE, types === "all" ? 2 : 1, at(0), {
          types,
          limit: 5,
          liveClaims: [1],
        });
        expect(tasks).toHaveLength(5);
      }
      const { rows } = await harness.pool.query(
        `select count(*)::int as held from ${harness.schema}.pending where owner is not null`,
      );
      expect(rows).toEqual([{ held: 10 }]);
      await store.store.removeProcess(ONE);
      const { tasks } = await claim(store, TWO, 1, at(1), { limit: 7, suspectLimit: 2 });
      expect(tasks).toHaveLength(7);
      expect(tasks.filter(({ lostAttempts }) => lostAttempts === 1)).toHaveLength(2);
      const answers = await store.store.settle(tasks.map(confirmation), at(2));
      expect(answers.every(({ verdict }) => verdict === "applied")).toBe(true);
      expect(await store.store.balance()).toMatchObject({ enqueued: 60, pending: 53, confirmed: 7 });
    }
  });

  it("of one process at a time: claimers that come together never share a task and leave none", async () => {
    await using harness = await openHarness({ major });
    const owners = [1, 2, 3, 4].map(processId);
    await register(harness, ...owners);
    await enqueue(
      harness,
      Array.from({ length: 400 }, (_, index) => newTask(`task-${index}`)),
    );
    const seen: string[] = [];
    await Promise.all(
      owners.map(async (owner) => {
        for (let number = 1, idle = 0; idle < 3; number += 1) {
          const { tasks } = await claim(harness, owner, number, at(0), {
            types: named(10),
            limit: 10,
            liveClaims: [number],
          });
          idle = tasks.length === 0 ? idle + 1 : 0;
          seen.push(...tasks.map(({ taskId }) => taskId));
          await harness.store.settle(tasks.map(confirmation), at(0));
        }
      }),
    );
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toHaveLength(400);
  });

  it("passes over a task that somebody has locked, and leaves it to whoever it went to meanwhile", async () => {
    await using harness = await openHarness({ major });
    const { store, pool, schema } = harness;
    await register(harness, TWO);
    await enqueue(harness, [newTask("contested")]);
    const client = await pool.connect();
    await client.query("begin");
    await client.query(`select from ${schema}.pending for update`);
    const passed = await claim(harness, TWO, 1, at(0), { types: named(5) });
    expect(passed.tasks).toEqual([]);
    await store.register(processRecord(ONE), at(0));
    await client.query(`update ${schema}.pending set owner = $1, claim = 1`, [ONE]);
    await client.query("commit");
    client.release();
    expect((await claim(harness, TWO, 2, at(0), { types: named(5) })).tasks).toEqual([]);
  });

  it("waits between losses as long as the contract says", async () => {
    await using harness = await openHarness({ major });
    const { store, pool, schema } = harness;
    await register(harness, TWO);
    await enqueue(harness, [newTask("poison")]);
    for (const lost of [1, 2, 3, 9, 10, 11, 40]) {
      await pool.query(
        `update ${schema}.pending set owner = 99, claim = 1, lost_attempts = $1, next_attempt_at = '2030-01-01'`,
        [lost],
      );
      await claim(harness, TWO, lost, at(0));
      const due = (await store.get("poison"))?.nextAttemptAt?.getTime();
      expect(due).toBe((at(0).now ?? 0) + lostDelayMs(lost + 1));
    }
  });
});

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Shared Hit Blocks": number;
  readonly "Shared Read Blocks": number;
  readonly Plans?: readonly Plan[];
}

/** The plan of a claim of 50 as the store's own connections make it: once, whatever the parameters. */
async function planOfClaim(
  { pool, schema }: PostgresHarness,
  statement: typeof claimNamedTypes,
): Promise<{ buffers: number; scans: string[] }> {
  const client = await pool.connect();
  // Committed, since rolled-back claims would leave more dead rows on one page than a claim ever meets.
  await client.query("begin");
  for (const name of ["seqscan", "bitmapscan"]) await client.query(`set local enable_${name} = off`);
  await client.query("set local plan_cache_mode = force_generic_plan");
  await client.query(`prepare claim_of_test as ${statement(namesIn(schema)).text}`);
  const values = [
    ONE,
    "1",
    "{1}",
    "50",
    "1000000",
    "12",
    String(at(0).now),
    `{${typeHash(TYPE)}}`,
    "{50}",
    "{null}",
  ];
  const { rows } = await client.query(
    `explain (analyze, buffers, format json) execute claim_of_test(${values.map((value) => `'${value}'`).join()})`,
  );
  await client.query("commit");
  await client.query("deallocate claim_of_test");
  client.release();
  const root = rows[0]["QUERY PLAN"][0].Plan as Plan;
  const scans: string[] = [];
  const walk = (plan: Plan): void => {
    if (plan["Relation Name"])
      scans.push(`${plan["Node Type"]} ${plan["Relation Name"]} ${plan["Index Name"] ?? ""}`.trim());
    for (const child of plan.Plans ?? []) walk(child);
  };
  walk(root);
  return { buffers: root["Shared Hit Blocks"] + root["Shared Read Blocks"], scans };
}

describe.each([
  ["of ready tasks", claimReadyNamedTypes],
  ["that weighs losses", claimNamedTypes],
])("the plan of a claim %s", (_, statement) => {
  it("reads the ready index and no table as a whole, with statistics and without", async () => {
    await using harness = await openHarness();
    await register(harness, ONE);
    const buffers: number[] = [];
    for (const round of [1, 2]) {
      const tasks = Array.from({ length: 5_000 * round ** 3 }, (_, index) =>
        newTask(`task-${round}-${index}`),
      );
      await enqueue(harness, tasks);
      const plan = await planOfClaim(harness, statement);
      expect(plan.scans).toContain("Index Scan pending pending_ready");
      expect(plan.scans).toContain("Index Scan pending pending_suspect");
      expect(plan.scans.filter((scan) => /Seq Scan (?:pending|task)\b|Bitmap/.test(scan))).toEqual([]);
      buffers.push(plan.buffers);
      await harness.pool.query(`analyze ${harness.schema}.pending`);
      expect((await planOfClaim(harness, statement)).buffers).toBeLessThanOrEqual(450);
    }
    expect(Math.max(...buffers)).toBeLessThanOrEqual(450);
  });

  it("costs no more with a backlog that is due in the future, or of types nobody asked for", async () => {
    await using harness = await openHarness();
    await register(harness, ONE);
    // As many as make the trees as high as they are afterwards: height alone costs a page for each task that is read.
    await enqueue(
      harness,
      Array.from({ length: 2_000 }, (_, index) => newTask(`due-${index}`)),
    );
    const before = await planOfClaim(harness, statement);
    await enqueue(
      harness,
      Array.from({ length: 20_000 }, (_, index) => newTask(`later-${index}`, { delayMs: 86_400_000 })),
    );
    await enqueue(
      harness,
      Array.from({ length: 20_000 }, (_, index) => newTask(`other-${index}`, { type: "other" })),
    );
    const after = await planOfClaim(harness, statement);
    expect(after.buffers).toBeLessThanOrEqual(before.buffers * 1.1);
  });
});

describe("a claim that meets a suspect", () => {
  it("locks nothing before the statement that decides does", async () => {
    await using harness = await openHarness();
    const { pool, schema } = harness;
    await register(harness, ONE);
    await enqueue(
      harness,
      Array.from({ length: 100 }, (_, index) => newTask(`task-${index}`)),
    );
    await pool.query(
      `update ${schema}.pending set lost_attempts = 1 where id = (select min(id) from ${schema}.pending)`,
    );
    await pool.query(`vacuum ${schema}.pending`);
    const plan = await planOfClaim(harness, claimReadyNamedTypes);
    expect(plan.scans).toContain("Index Scan pending pending_ready");
    const { rows } = await pool.query(
      `select count(*)::int as locked from ${schema}.pending where xmax <> 0`,
    );
    expect(rows).toEqual([{ locked: 0 }]);
  });
});

describe("freeing ended claims", () => {
  it("goes page by page through a backlog, and leaves what somebody keeps locked for later", async () => {
    await using harness = await openHarness();
    const { store, pool, schema } = harness;
    await register(harness, ONE);
    const ids = Array.from({ length: 20_001 }, (_, index) => `task-${String(index).padStart(5, "0")}`);
    for (let from = 0; from < ids.length; from += 1_000) {
      await enqueue(
        harness,
        ids.slice(from, from + 1_000).map((id) => newTask(id)),
      );
    }
    const held = [ids[0], ids[10_000], ids[20_000]];
    await pool.query(
      `update ${schema}.pending p set owner = $1, claim = 1 from ${schema}.task t where t.id = p.id and t.task_id = any ($2)`,
      [ONE, held],
    );
    const client = await pool.connect();
    await client.query("begin");
    await client.query(
      `select from ${schema}.pending p join ${schema}.task t on t.id = p.id where t.task_id = $1 for update of p`,
      [ids[10_000]],
    );
    const all = async (): Promise<readonly number[]> => {
      const left: number[] = [];
      for (let after: string | null = null; ; ) {
        const answer = await store.freeEndedClaims({ owner: ONE, claim: 2, liveClaims: [], after }, at(0));
        left.push(answer.left);
        after = answer.next;
        if (after === null) return left;
      }
    };
    expect(await all()).toEqual([0, 1, 0, 0]);
    await client.query("rollback");
    client.release();
    expect(await all()).toEqual([0, 0, 0, 0]);
    const { rows } = await pool.query(
      `select count(*)::int as held from ${schema}.pending where owner is not null`,
    );
    expect(rows).toEqual([{ held: 0 }]);
  });
});
