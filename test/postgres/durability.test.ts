// What waits for the disk and what does not; and that a restart of the server shows.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  at,
  claimOne,
  confirmation,
  enqueue,
  failure,
  newTask,
  only,
  processId,
  processRecord,
  register,
  release,
  retry,
  TYPE,
} from "../../src/conformance/scene.ts";
import type { BeatAnswer } from "../../src/store/contract.ts";
import { type PostgresStore, postgresStore } from "../../src/store/postgres/index.ts";
import { until } from "../kill/worker-process.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { openHarness, type PostgresHarness } from "./harness.ts";

const OWNER = processId(1);
const OTHER = processId(2);

/** Has the server note under which synchronous_commit each change of a pending row commits. */
async function watch({ pool, schema }: PostgresHarness): Promise<() => Promise<readonly string[]>> {
  await pool.query(`create table ${schema}.seen (number bigserial, how text)`);
  await pool.query(`create function ${schema}.see() returns trigger language plpgsql as $$
    begin
      insert into ${schema}.seen (how) values (current_setting('synchronous_commit'));
      return null;
    end $$`);
  await pool.query(
    `create trigger see after insert or update or delete on ${schema}.pending
     for each row execute function ${schema}.see()`,
  );
  return async () => {
    const { rows } = await pool.query<{ how: string }>(
      `with gone as (delete from ${schema}.seen returning number, how) select how from gone order by number`,
    );
    return rows.map(({ how }) => how);
  };
}

describe("the commit of a claim", () => {
  it.each([false, true])("alone does not wait for the disk (behind a pooler: %s)", async (pooler) => {
    await using harness = await openHarness({ pooler });
    const { store, pool, schema } = harness;
    const seen = await watch(harness);
    await register(harness, OWNER);

    const endings = [confirmation, failure, release, retry];
    let number = 0;
    const claims = [
      () => claimOne(harness, OWNER, number, at(0)),
      () => claimOne(harness, OWNER, number, at(0), { types: [{ type: TYPE, limit: 5 }] }),
      async (taskId: string) =>
        only(
          await store.claimById(
            { owner: OWNER, claim: number, liveClaims: [], taskIds: [taskId], types: "all" },
            at(0),
          ),
        ),
    ];
    for (const claim of claims) {
      for (const ending of endings) {
        number += 1;
        const taskId = `task-${number}`;
        await enqueue(harness, [newTask(taskId)]);
        expect(await seen()).toEqual(["on"]);
        const task = await claim(taskId);
        expect(await seen()).toEqual(["off"]);
        await store.settle([ending(task)], at(0));
        expect(await seen()).toEqual(["on"]);
        await pool.query(`delete from ${schema}.pending`);
        await seen();
      }
    }
  });

  it("does not wait either where it counts a loss, or is made alone", async () => {
    await using harness = await openHarness();
    const seen = await watch(harness);
    await register(harness, OWNER, OTHER);
    await enqueue(harness, [newTask("poison")]);
    await claimOne(harness, OTHER, 1, at(0));
    await harness.store.removeProcess(OTHER);
    await seen();
    await claimOne(harness, OWNER, 1, at(0));
    expect(await seen()).toEqual(["off"]);
    await harness.pool.query(
      `update ${harness.schema}.pending set lost_attempts = 2, owner = null, claim = null`,
    );
    await seen();
    await claimOne(harness, OWNER, 2, at(0), { alone: true });
    expect(await seen()).toEqual(["off"]);
  });
});

describe("a restart of the server", () => {
  let server: PostgresServer;
  let store: PostgresStore;

  beforeAll(async () => {
    server = await startPostgres({ major: 18 });
    store = postgresStore({ connectionString: server.connectionString });
    await store.migrate();
  });

  afterAll(async () => {
    await store.close();
    await server[Symbol.asyncDispose]();
  });

  /** The connections of before the restart each fail once. */
  async function beat(): Promise<BeatAnswer> {
    let answer: BeatAnswer | null = null;
    await until("a heartbeat is answered", async () => {
      answer = await store.beat(OWNER, []).catch(() => null);
      return answer !== null;
    });
    if (answer === null) throw new Error("no heartbeat was answered");
    return answer;
  }

  it.each(["immediate", "fast"] as const)("that was stopped %s begins another era", async (mode) => {
    const { era } = await store.register(processRecord(OWNER));
    const before = await beat();
    expect([before.alive, before.era]).toEqual([true, era]);
    await server.stop(mode);
    await server.start();
    const after = await beat();
    expect([after.alive, after.beats]).toEqual([true, before.beats + 1]);
    expect(after.era).not.toBe(era);
    expect((await beat()).era).toBe(after.era);
    expect(await store.register(processRecord(OTHER))).toEqual({ era: after.era });
  });
});
