// Where claims begin to read: behind what was taken, so that index entries that nobody may remove yet cost nothing.
import type pg from "pg";
import { afterEach, describe, expect, it, vi } from "vitest";
import { confirmation, newTask, processId, processRecord, TYPE } from "../../src/conformance/scene.ts";
import type { ClaimRequest } from "../../src/store/contract.ts";
import { Floors } from "../../src/store/postgres/floors.ts";
import { virtualPorts } from "../../src/testing/index.ts";
import { openHarness, type PostgresHarness } from "./harness.ts";

const OWNER = processId(1);
const OTHER = processId(2);
const LIMIT = 50;

function request(claim: number): ClaimRequest {
  const types = [{ type: TYPE, limit: LIMIT }];
  return {
    owner: OWNER,
    claim,
    types,
    limit: LIMIT,
    maxBytes: 1_000_000,
    suspectLimit: 10,
    alone: false,
    liveClaims: [],
  };
}

async function leave(harness: PostgresHarness, prefix: string, count: number): Promise<void> {
  const own = await harness.store.begin();
  const tasks = Array.from({ length: count }, (_, index) => newTask(`${prefix}-${index}`));
  await harness.store.insert(own.transaction, tasks, null);
  await own.commit();
}

/** Claims a batch and confirms it; answers the task ids. */
async function claimOnce({ store }: PostgresHarness, number: number): Promise<string[]> {
  const { tasks } = await store.claim(request(number));
  if (tasks.length > 0) await store.settle(tasks.map(confirmation));
  return tasks.map(({ taskId }) => taskId);
}

/** Claims until nothing is left; answers the task ids in the order they came. */
async function claimAll(harness: PostgresHarness): Promise<string[]> {
  const claimed: string[] = [];
  for (let number = 1, idle = 0; idle < 2; number += 1) {
    const batch = await claimOnce(harness, number);
    idle = batch.length === 0 ? idle + 1 : 0;
    claimed.push(...batch);
  }
  return claimed;
}

/** Holds a snapshot from before anything was claimed, so that no index entry may go. */
async function pin({ pool, schema }: PostgresHarness): Promise<pg.PoolClient> {
  const client = await pool.connect();
  await client.query("begin isolation level repeatable read");
  await client.query(`select from ${schema}.pending limit 1`);
  return client;
}

/** Pages of the hot table that were touched so far. */
async function touched({ store, pool, schema }: PostgresHarness): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 1_500)); // a connection tells once a second, as it ends a statement
  await Promise.all([1, 2, 3, 4].map(() => store.get("nobody")));
  const { rows } = await pool.query(
    `select (heap_blks_hit + heap_blks_read + idx_blks_hit + idx_blks_read)::float8 as pages
     from pg_statio_all_tables where schemaname = $1 and relname = 'pending'`,
    [schema],
  );
  return rows[0].pages;
}

/** The clock of the store goes by 5 ms at each look at it, however slow the machine is. */
function steadyClock(): void {
  let nowMs = performance.now();
  vi.spyOn(performance, "now").mockImplementation(() => {
    nowMs += 5;
    return nowMs;
  });
}

afterEach(() => vi.restoreAllMocks());

describe("claims under a snapshot that somebody holds", () => {
  it("touch no more pages after thousands of tasks than before", async () => {
    await using harness = await openHarness();
    await harness.store.register(processRecord(OWNER));
    await leave(harness, "a", 8_000);
    await harness.pool.query(
      `update ${harness.schema}.pending set next_attempt_at = next_attempt_at - (8000 - id) * interval '10 ms'`,
    );
    await harness.pool.query(`vacuum ${harness.schema}.pending`);
    const holder = await pin(harness);
    const counts: number[] = [];
    let before = await touched(harness);
    for (let number = 1; number <= 140; number += 1) {
      expect(await claimOnce(harness, number)).toHaveLength(LIMIT);
      if (number !== 20 && number !== 120 && number !== 140) continue;
      const after = await touched(harness);
      counts.push(after - before);
      before = after;
    }
    holder.release(true);
    const [first = 0, , last = 0] = counts;
    expect(last).toBeLessThan(2.5 * first);
  });
});

describe("a task that was due long before others, and is committed after they were claimed", () => {
  it("is claimed while there is more than enough to do, and nothing is missed", async () => {
    await using harness = await openHarness();
    await harness.store.register(processRecord(OWNER));
    const own = await harness.store.begin();
    await harness.store.insert(own.transaction, [newTask("late")], null);
    await leave(harness, "a", 10_000);
    await harness.pool.query(
      `update ${harness.schema}.pending set next_attempt_at = next_attempt_at + interval '3 seconds'`,
    );
    await new Promise((resolve) => setTimeout(resolve, 4_500));
    steadyClock();
    for (let number = 1; number <= 4; number += 1) await claimOnce(harness, number);
    await own.commit();
    const claimed = await claimAll(harness);
    expect(claimed).toHaveLength(10_001 - 4 * LIMIT);
    expect(claimed.indexOf("late")).toBeLessThan(2_000);
  });

  it("is claimed when nothing else is left", async () => {
    await using harness = await openHarness();
    await harness.store.register(processRecord(OWNER));
    const own = await harness.store.begin();
    await harness.store.insert(own.transaction, [newTask("late")], null);
    await leave(harness, "a", 2 * LIMIT);
    await claimOnce(harness, 1);
    await own.commit();
    const claimed = await claimAll(harness);
    expect(claimed).toHaveLength(LIMIT + 1);
  });
});

describe("the tasks of a process that has died", () => {
  it("are found by the next claim after a heartbeat that does not see it any more", async () => {
    await using harness = await openHarness();
    const { store, pool, schema } = harness;
    await store.register(processRecord(OWNER));
    await store.register(processRecord(OTHER));
    await store.beat(OWNER, []);
    await leave(harness, "dead", 1);
    await store.claim({ ...request(1), owner: OTHER });
    await pool.query(`update ${schema}.pending set next_attempt_at = next_attempt_at - interval '1 hour'`);
    await leave(harness, "a", 3 * LIMIT);
    await claimOnce(harness, 1);
    await store.removeProcess(OTHER);
    await store.beat(OWNER, []);
    expect(await claimOnce(harness, 2)).toContain("dead-0");
  });
});

describe("floors", () => {
  const taken = (isFull: boolean, takenUpTo: string | null = "50000000") => ({ isFull, takenUpTo });

  /** Floors after a whole scan that took so long and took as many as it wanted. */
  async function scanned(tookMs = 100) {
    const ports = virtualPorts();
    const floors = new Floors(ports.clock);
    expect(floors.next(["1", "2"])).toEqual([null, null]);
    await ports.advance(tookMs);
    floors.note("1", taken(true), 0);
    return { ports, floors };
  }

  it("trail what was taken by two seconds", async () => {
    const { floors } = await scanned();
    expect(floors.next(["1", "2"])).toEqual(["48000000", null]);
  });

  it("stay where a claim was full and got nothing, and go when it met less than it had room for", async () => {
    const { floors } = await scanned();
    floors.note("1", taken(true, null), 0);
    expect(floors.next(["1"])).toEqual(["48000000"]);
    floors.note("1", taken(false), 0);
    expect(floors.next(["1"])).toEqual([null]);
  });

  it.each([
    ["as often as a twentieth of the time allows", 10, 190],
    ["every 30 s at least", 5_000, 25_000],
  ])("give way to a whole scan %s", async (_, tookMs, leftMs) => {
    const { ports, floors } = await scanned(tookMs);
    await ports.advance(leftMs - 1);
    expect(floors.next(["1"])).toEqual(["48000000"]);
    await ports.advance(1);
    expect(floors.next(["1"])).toEqual([null]);
  });

  it("are forgotten when there may be something anywhere", async () => {
    const { floors } = await scanned();
    floors.forget();
    expect(floors.next(["1"])).toEqual([null]);
  });
});
