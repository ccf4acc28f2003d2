// `owed bench`, run as it is installed: it touches nothing of the user's, measures, and leaves nothing behind however it ends.
import { readdirSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newTask } from "../../src/conformance/scene.ts";
import { dropScratchSchema } from "../../src/store/postgres/scratch.ts";
import { isScratchName, scratchName } from "../../src/store/scratch-name.ts";
import { sharedDatabase, testPool } from "../support/database.ts";
import { type InstalledCommand, installCommand } from "./installed-command.ts";
import { kinds, openPlace, type Place } from "./kinds.ts";

let owed: InstalledCommand;
beforeAll(() => void (owed = installCommand()));
afterAll(() => owed[Symbol.dispose]());

/** What stands that measurements make, by name. */
async function left({ env }: Place): Promise<readonly string[]> {
  const file = env["OWED_SQLITE_FILE"];
  if (file !== undefined) return readdirSync(dirname(file)).filter((name) => name.includes("bench"));
  await using pool = testPool({ max: 1 });
  const { rows } = await pool.query("select nspname from pg_namespace where nspname like '%bench%'");
  return rows.map((row) => row.nspname);
}

/** The tasks of the user, who has one of each kind of trouble. */
async function ownPlace(kind: (typeof kinds)[number]): Promise<Place> {
  const place = await openPlace(kind);
  await place.enqueue([newTask("bench:1", { type: "bench" }), newTask("mail:1", { type: "mail" })]);
  return place;
}

async function expectUntouched({ store }: Place): Promise<void> {
  expect(await store.balance()).toMatchObject({ enqueued: 2, pending: 2, confirmed: 0 });
  expect(await store.processes()).toEqual([]);
}

describe.each(kinds)("on %s", (kind) => {
  it("it says what it would do, and does nothing without a yes", async () => {
    await using place = await ownPlace(kind);
    const unasked = await owed.run(["bench"], { env: place.env });
    expect([unasked.code, unasked.err]).toEqual([8, "nothing was changed: say --yes to do it\n"]);
    expect(unasked.out).toMatch(/makes the (schema|file) \S*owed_bench_\d{14}_[0-9a-f]{8}, enqueues and/);
    expect((await owed.run(["bench", "--dry-run", "--yes"], { env: place.env })).code).toBe(0);
    expect(await left(place)).toEqual([]);
  });

  it("it measures enqueue, bulk, drain and the way to the start, and leaves nothing", async () => {
    await using place = await ownPlace(kind);
    const { code, out } = await owed.run(["bench", "--yes", "--tasks", "300", "--json"], { env: place.env });
    expect(code).toBe(0);
    const [, { measurements, balance }] = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const counts = measurements.map((one: { code: string; tasks: number }) => [one.code, one.tasks]);
    const clients = kind === "Postgres" ? [["enqueue-clients", 300]] : [];
    const single = clients.length === 0 ? 300 : 600;
    expect(counts).toEqual([
      ["enqueue-one", 300],
      ...clients,
      ["enqueue-bulk", 300],
      ["drain", single + 300],
      ["start-same-process", 30],
      ["start-worker", expect.any(Number)],
    ]);
    for (const { durationMs, perSecond, latencyMs, tasks } of measurements) {
      expect(durationMs).toBeGreaterThan(0);
      if (perSecond !== null) expect(perSecond).toBeCloseTo((tasks / durationMs) * 1_000, 0);
      if (latencyMs !== null) {
        const { p50, p95, p99, longest } = latencyMs;
        expect([p50, p95, p99, longest]).toEqual([p50, p95, p99, longest].toSorted((a, b) => a - b));
      }
    }
    expect(balance).toMatchObject({ enqueued: balance.confirmed, pending: 0, failed: 0 });
    expect(await left(place)).toEqual([]);
    await expectUntouched(place);
  });

  it("it shows a table to people", async () => {
    await using place = await ownPlace(kind);
    const { code, out } = await owed.run(["bench", "--yes", "--tasks", "100"], { env: place.env });
    expect(code).toBe(0);
    expect(out).toMatch(/TASKS +A SECOND +P50 +P95 +P99\n/);
    expect(out).toMatch(/\nenqueue, one client +100 +[\d,]+ +[\d.]+ ms +[\d.]+ ms +[\d.]+ ms\n/);
    expect(out).toMatch(/\ncommit to start, an idle worker +\d+ +[\d.]+ ms/);
    expect(out).toMatch(
      /tasks were enqueued, and each of them is confirmed. The (schema|file) \S+ is removed.\n$/,
    );
  });

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("ended by %s it leaves nothing", async (signal) => {
    await using place = await ownPlace(kind);
    let isSent = false;
    const { code, err } = await owed.run(["bench", "--yes", "--tasks", "1000000"], {
      env: place.env,
      watch(output, kill) {
        if (isSent || !output.includes("makes the")) return;
        isSent = true;
        setTimeout(() => kill(signal), 1_500); // in the middle of it
      },
    });
    expect([code, err]).toEqual([130, expect.stringMatching(/removing \S+/)]);
    expect(await left(place)).toEqual([]);
    await expectUntouched(place);
  });

  it("killed it leaves its place, which --clean shows, and removes after a yes, and nothing else", async () => {
    await using place = await ownPlace(kind);
    await owed.run(["bench", "--yes", "--tasks", "1000000"], {
      env: place.env,
      watch: (output, kill) =>
        void (output.includes("makes the") && setTimeout(() => kill("SIGKILL"), 1_500)),
    });
    const [name = ""] = await left(place);
    expect(name).toContain("owed_bench_");
    const shown = await owed.run(["bench", "--clean"], { env: place.env });
    expect([shown.code, shown.out]).toEqual([8, expect.stringContaining(name)]);
    expect(await left(place)).not.toEqual([]);
    const done = await owed.run(["bench", "--clean", "--yes"], { env: place.env });
    expect([done.code, done.out]).toEqual([0, expect.stringContaining("1 removed")]);
    expect(await left(place)).toEqual([]);
    await expectUntouched(place);
    const again = await owed.run(["bench", "--clean", "--yes"], { env: place.env });
    expect([again.code, again.out]).toEqual([0, expect.stringContaining("nothing is left")]);
  });
});

it("files of other names are not taken for what it left", async () => {
  await using place = await ownPlace("SQLite");
  const file = place.env["OWED_SQLITE_FILE"] ?? "";
  for (const name of [
    `${file}.owed_bench_1_2`,
    `${file}.backup`,
    `${file}x.owed_bench_20261124120000_00112233`,
  ])
    writeFileSync(name, "mine");
  const { out } = await owed.run(["bench", "--clean", "--yes"], { env: place.env });
  expect(out).toContain("nothing is left");
  expect(readdirSync(dirname(file))).toContain(`${basename(file)}.owed_bench_1_2`);
});

it("only a schema with the name of a measurement can be thrown away", async () => {
  const connectionString = sharedDatabase();
  for (const schema of ["owed", "public", "owed_bench", "owed_bench_20261124120000_0011223", "OWED_BENCH"]) {
    await expect(dropScratchSchema({ connectionString, schema })).rejects.toMatchObject({ field: "schema" });
  }
  expect(isScratchName(scratchName(Date.now(), new Uint8Array([1, 2, 3, 4])))).toBe(true);
});

it("a database that cannot be reached is told as ever, and nothing is said to be left", async () => {
  const { code, err } = await owed.run(["bench", "--yes"], {
    env: { DATABASE_URL: "postgres://shop:sesame-9f2c@127.0.0.1:1/shop" },
  });
  expect([code, err]).toEqual([3, expect.stringContaining("ECONNREFUSED")]);
  expect(err).not.toMatch(/is left|sesame/);
});
