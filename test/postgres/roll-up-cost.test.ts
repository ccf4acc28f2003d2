// What roll-ups cost the server: bytes of WAL, as many as a task may cost at most, and by the minute where there are few.
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Availability } from "../../src/run/availability.ts";
import { LiveClaims } from "../../src/run/live-claims.ts";
import { Reporter } from "../../src/run/reporter.ts";
import { RollUps } from "../../src/run/roll-ups.ts";
import type { Store } from "../../src/store/contract.ts";
import { postgresStore } from "../../src/store/postgres/index.ts";
import type { ClaimedTask } from "../../src/task/task.ts";
import { seededRandom, virtualPorts } from "../../src/testing/index.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";

let server: PostgresServer;
let pool: pg.Pool;
let store: Store;

beforeAll(async () => {
  server = await startPostgres({ major: 18, settings: { autovacuum: "off", full_page_writes: "off" } });
  pool = new pg.Pool({ connectionString: server.connectionString });
  pool.on("error", () => undefined);
  store = postgresStore({ pool }) as unknown as Store; // nothing here opens a transaction
  await store.migrate();
});

afterAll(async () => {
  await store.close();
  await pool.end();
  await server[Symbol.asyncDispose]();
});

async function walPosition(): Promise<number> {
  const { rows } = await pool.query(
    "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 as bytes",
  );
  return rows[0].bytes;
}

/** Bytes of WAL that a process writes which confirms so many tasks of each type in each span of virtual time. */
async function walOf(
  rounds: number,
  spanMs: number,
  perRound: Readonly<Record<string, number>>,
): Promise<number> {
  const ports = virtualPorts();
  const random = seededRandom(7);
  const reporter = new Reporter(null);
  const availability = new Availability(reporter, ports.clock);
  let writing: Promise<unknown> = Promise.resolve();
  const noted: Store = {
    ...store,
    recordRollUps: (given, call) => {
      const write = store.recordRollUps(given, call);
      writing = write;
      return write;
    },
  };
  const rollUps = new RollUps({
    store: noted,
    ports,
    claims: new LiveClaims(ports.clock),
    availability,
    isOn: true,
  });
  const length = (): number => 2 ** (random.fraction() * 21); // from a millisecond to half an hour, all alike
  await pool.query("checkpoint");
  const before = await walPosition();
  for (let round = 0; round < rounds; round += 1) {
    for (const [type, tasks] of Object.entries(perRound)) {
      for (let number = 0; number < tasks; number += 1) {
        const task = { ...claimed, type, taskId: `${type}:${round}:${number}`, ageMs: length() };
        rollUps.started(task);
        rollUps.ended(task, "succeeded", length());
        rollUps.settled(type, "confirmed");
      }
    }
    await ports.advance(spanMs);
    await writing;
    await ports.settle();
  }
  await rollUps.close();
  return (await walPosition()) - before;
}

const claimed: ClaimedTask = {
  id: "1",
  taskId: "",
  type: "",
  key: null,
  data: new Uint8Array(),
  codec: "json",
  referenceId: null,
  headers: null,
  token: { owner: "1", claim: 1, generation: 1 },
  failedAttempts: 0,
  lostAttempts: 0,
  deferredAttempts: 0,
  ageMs: 0,
  deferredForMs: 0,
};

async function confirmed(): Promise<number> {
  const { rows } = await pool.query("select coalesce(sum(confirmed), 0)::float8 as number from owed.roll_up");
  return rows[0].number;
}

describe("roll-ups cost", () => {
  it("at most 10 bytes of WAL a task, when each write has as few tasks as it may, and latencies of every length", async () => {
    const wal = await walOf(100, 10_000, { mail: 100, "payment.receipt.send": 100 });
    expect(await confirmed()).toBe(20_000);
    expect(wal / 20_000).toBeLessThanOrEqual(10);
    expect(wal / 20_000).toBeGreaterThan(0.1); // it was measured
  }, 60_000);

  it("at most 750 bytes of WAL a minute for a type with few tasks", async () => {
    const before = await confirmed();
    const wal = await walOf(60, 10_000, { rare: 1 });
    expect((await confirmed()) - before).toBe(60);
    expect(wal / 10).toBeLessThanOrEqual(750);
  }, 60_000);
});
