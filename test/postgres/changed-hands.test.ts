// The claim on Postgres, and a task that changes hands after the claim has seen it and before it is locked.
import type pg from "pg";
import { describe, expect, it } from "vitest";
import {
  at,
  enqueue,
  newTask,
  processId,
  processRecord,
  register,
  TYPE,
} from "../../src/conformance/scene.ts";
import { namesIn } from "../../src/store/postgres/identifier.ts";
import { claimNamedTypes } from "../../src/store/postgres/statements/claim.ts";
import { claimReadyNamedTypes } from "../../src/store/postgres/statements/claim-ready.ts";
import { typeHash } from "../../src/task/type-hash.ts";
import { until } from "../kill/worker-process.ts";
import { sharedMajors } from "../support/database.ts";
import { openHarness, type PostgresHarness } from "./harness.ts";

/** Registered only after the claim began. */
const ONE = processId(1);
/** The process that claims, under claim 5. */
const TWO = processId(2);
/** A process that is dead. */
const DEAD = processId(9);
const MINUTE_MS = 60_000;

/** A pending row, as far as these laws care. */
interface Standing {
  readonly owner: string | null;
  readonly claim: string | null;
  readonly lost: number;
  readonly dueMs: number;
}

const free: Standing = { owner: null, claim: null, lost: 0, dueMs: -MINUTE_MS };

async function write(
  { pool, schema }: PostgresHarness,
  { owner, claim, lost, dueMs }: Standing,
): Promise<void> {
  await pool.query(
    `update ${schema}.pending
    set owner = $1, claim = $2, lost_attempts = $3, next_attempt_at = to_timestamp($4::double precision / 1000)`,
    [owner, claim, lost, dueOf(dueMs)],
  );
}

const dueOf = (offsetMs: number): number => at(offsetMs).now ?? 0;

async function read({ pool, schema }: PostgresHarness): Promise<Standing[]> {
  const { rows } = await pool.query(
    `select owner, claim, lost_attempts as lost, extract(epoch from next_attempt_at) * 1000 as due from ${schema}.pending`,
  );
  return rows.map(({ owner, claim, lost, due }) => ({
    owner,
    claim,
    lost: Number(lost),
    dueMs: Number(due) - dueOf(0),
  }));
}

/** Makes the list of processes one that is answered only once nobody holds the gate; answers its name. */
async function gateProcesses({ pool, schema }: PostgresHarness): Promise<string> {
  await pool.query(`create function ${schema}.pass_gate() returns boolean language plpgsql as $$
    begin
      perform pg_advisory_xact_lock_shared(hashtext('${schema}'));
      return true;
    end $$`);
  await pool.query(
    `create view ${schema}.gated as select * from ${schema}.process where ${schema}.pass_gate()`,
  );
  return `${schema}.gated`;
}

/** Claims as TWO while the row changes between the picture of the statement and its locks. Answers the task ids. */
async function claimAcross(
  harness: PostgresHarness,
  statement: typeof claimNamedTypes,
  change: () => Promise<unknown>,
): Promise<string[]> {
  const { pool, schema } = harness;
  const process = await gateProcesses(harness);
  const { text } = statement({ ...namesIn(schema), process });
  const values = [
    TWO,
    "5",
    "{2}",
    "50",
    "1000000",
    "12",
    String(dueOf(0)),
    `{${typeHash(TYPE)}}`,
    "{50}",
    "{null}",
  ];
  const gate = await pool.connect();
  await gate.query("select pg_advisory_lock(hashtext($1))", [schema]);
  const claiming: Promise<pg.QueryResult> = pool.query(text, values);
  await until("the claim stands at the gate", async () => {
    const waiting = `select from pg_locks
      where locktype = 'advisory' and not granted and objid = cast(hashtext('${schema}') as bigint) & 4294967295`;
    return (await pool.query(waiting)).rowCount === 1;
  });
  await change();
  await gate.query("select pg_advisory_unlock(hashtext($1))", [schema]);
  gate.release();
  const { rows } = await claiming;
  return rows.map(({ task_id }) => task_id).filter((taskId) => taskId !== null);
}

const changes: readonly (readonly [change: string, seen: Standing, found: Standing])[] = [
  ["was free, and is claimed by a process that registered since", free, { ...free, owner: ONE, claim: "1" }],
  [
    "was held by the dead, and is claimed under the same number by a process that registered since",
    { ...free, owner: DEAD, claim: "1" },
    { ...free, owner: ONE, claim: "1" },
  ],
  [
    "was held under an ended claim of the claimer, and is claimed by it anew",
    { ...free, owner: TWO, claim: "1" },
    { ...free, owner: TWO, claim: "2" },
  ],
  ["was free, and came back with a later due time", free, { ...free, dueMs: MINUTE_MS }],
  ["was free, and came back as a suspect", free, { ...free, lost: 1 }],
];

describe.each(sharedMajors())("a task that changed hands, on Postgres %i", (major) => {
  describe.each([
    ["of ready tasks", claimReadyNamedTypes],
    ["that weighs losses", claimNamedTypes],
  ])("is left to whoever has it by a claim %s:", (_, statement) => {
    it.each(changes)("it %s", async (_change, seen, found) => {
      await using harness = await openHarness({ major });
      await register(harness, TWO);
      await enqueue(harness, [newTask("contested")], at(-MINUTE_MS));
      await write(harness, seen);
      const claimed = await claimAcross(harness, statement, async () => {
        await harness.store.register(processRecord(ONE), at(0));
        await write(harness, found);
      });
      expect(claimed).toEqual([]);
      expect(await read(harness)).toEqual([found]);
    });

    it("and one that did not is claimed", async () => {
      await using harness = await openHarness({ major });
      await register(harness, TWO);
      await enqueue(harness, [newTask("contested")], at(-MINUTE_MS));
      await write(harness, free);
      const claimed = await claimAcross(harness, statement, () =>
        harness.store.register(processRecord(ONE), at(0)),
      );
      expect(claimed).toEqual(["contested"]);
      expect(await read(harness)).toEqual([{ ...free, owner: TWO, claim: "5" }]);
    });
  });
});
