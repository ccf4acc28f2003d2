// The doctor: each thing it looks for is made real, on a real database, and told with its remedy.
import { type AddressInfo, connect, createServer } from "node:net";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { newTask, processRecord } from "../../src/conformance/scene.ts";
import { namesIn } from "../../src/store/postgres/identifier.ts";
import { tables } from "../../src/store/postgres/migrations/0001-tables.ts";
import { examineSnapshots, expectedIndexes } from "../../src/store/postgres/statements/examine.ts";
import { setSchemaVersion, versionTable } from "../../src/store/postgres/statements/schema.ts";
import { loadDriver } from "../../src/store/sqlite/driver.ts";
import { freshSchema } from "../support/database.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { type InstalledCommand, installCommand } from "./installed-command.ts";
import { kinds, openPlace, type Place } from "./kinds.ts";

const OWNER = "8111111111111111111";
let owed: InstalledCommand;
/** A server in order: the shared one runs without fsync. */
let server: PostgresServer;
beforeAll(async () => {
  owed = installCommand();
  server = await startPostgres({ major: 18, durable: true });
});
afterAll(async () => {
  owed[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

interface Report {
  readonly code: number | null;
  readonly healthy: boolean;
  /** Remedies by the code of the finding. */
  readonly remedies: Readonly<Record<string, string>>;
  readonly text: string;
}

async function examine(env: Readonly<Record<string, string>>): Promise<Report> {
  const { code, out, err } = await owed.run(["doctor", "--json"], { env });
  if (out === "") throw new Error(err);
  const { healthy, checks } = JSON.parse(out);
  const found = checks.flatMap((check: { findings: { code: string; remedy: string }[] }) => check.findings);
  const remedies = Object.fromEntries(
    found.map((one: { code: string; remedy: string }) => [one.code, one.remedy]),
  );
  return { code, healthy, remedies, text: out };
}

/** Runs SQL as the owner of the database would. */
async function run(url: string, ...statements: readonly string[]): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The commands of a remedy, as they are to be typed. */
function typed(remedy: string | undefined): string[] {
  return [...(remedy ?? "").matchAll(/`([^`]+)`/g)].map(([, command = ""]) => command);
}

async function openHealthy(): Promise<Place & { readonly schema: string; readonly url: string }> {
  const place = await openPlace("Postgres", true, server.connectionString);
  return { ...place, schema: place.env["OWED_SCHEMA"] ?? "", url: server.connectionString };
}

describe.each(kinds)("on %s", (kind) => {
  it("finds nothing where all is in order, and ends with 0", async () => {
    await using place = await openPlace(kind, true, server.connectionString);
    await place.store.register(processRecord(OWNER));
    await place.enqueue([newTask("task")]);
    const report = await examine(place.env);
    expect([report.remedies, report.code, report.healthy]).toEqual([{}, 0, true]);
    const { out } = await owed.run(["doctor"], { env: place.env });
    expect(out).toContain("ok  conservation: 1 enqueued = 1 pending + 0 confirmed");
    expect(out).toContain("all is in order");
  });

  it("finds tables that are missing", async () => {
    await using place = await openPlace(kind, false, server.connectionString);
    const report = await examine(place.env);
    expect([report.code, report.remedies["schema-missing"]]).toEqual([
      7,
      expect.stringContaining("owed migrate"),
    ]);
  });

  it("finds a task whose process is gone, and that nobody is there to take it", async () => {
    await using place = await openPlace(kind, true, server.connectionString);
    const now = Date.now() - 3_600_000;
    await place.enqueue([newTask("receipt:7")], now);
    await place.store.register(processRecord(OWNER), { now });
    const request = { owner: OWNER, claim: 1, liveClaims: [], taskIds: ["receipt:7"], types: "all" } as const;
    expect(await place.store.claimById(request, { now })).toHaveLength(1);
    // The process has sent no heartbeat for an hour, and nobody was there to notice.
    const silent = await examine(place.env);
    expect(silent.remedies["silent-process"]).toContain("start another process");
    expect(silent.remedies["no-process"]).toContain("start the worker");
    expect(typed(silent.remedies["stuck-tasks"])).toEqual(["owed task receipt:7", "owed tasks --stuck"]);
    for (const command of typed(silent.remedies["stuck-tasks"])) {
      const { code, out } = await owed.run(command.split(" ").slice(1), { env: place.env });
      expect([code, out]).toEqual([0, expect.stringContaining("receipt:7")]);
    }
    await place.store.removeProcess(OWNER);
    const gone = await examine(place.env);
    expect([gone.code, Object.keys(gone.remedies)]).toEqual([7, ["no-process", "stuck-tasks"]]);
    expect(gone.text).toMatch(/1 pending task is due and nobody alive runs them; the longest for 1 h/);
  });

  it("finds a type that nobody executes", async () => {
    await using place = await openPlace(kind, true, server.connectionString);
    await place.enqueue([newTask("crm:1", { type: "crm.sync" })]);
    await place.store.register(processRecord(OWNER, { types: ["mail"] }));
    const report = await examine(place.env);
    expect(Object.keys(report.remedies)).toEqual(["orphaned-types"]);
    const [list = "", cancel = ""] = typed(report.remedies["orphaned-types"]);
    const seen = await owed.run(list.split(" ").slice(1), { env: place.env });
    expect([seen.code, seen.out]).toEqual([0, expect.stringContaining("crm:1")]);
    const dry = await owed.run(cancel.split(" ").slice(1), { env: place.env });
    expect([dry.code, dry.out]).toEqual([0, expect.stringContaining("would cancel 1 pending task")]);
  });

  it("finds a machine whose clock is wrong", async () => {
    await using place = await openPlace(kind, true, server.connectionString);
    const wrong = "const right = Date.now; Date.now = () => right() + 90_000;";
    const NODE_OPTIONS = `--import=data:text/javascript,${encodeURIComponent(wrong)}`;
    const report = await examine({ ...place.env, NODE_OPTIONS });
    // SQLite has no clock but that of the machine.
    if (kind === "Postgres") {
      expect(report.remedies).toEqual({ "clock-skew": expect.stringContaining("NTP") });
      expect(report.text).toMatch(/1 min (29|30) s ahead of the database's/);
    }
  });
});

describe("on Postgres it finds", () => {
  test("tables of an older version, and of a newer one", async () => {
    const schema = freshSchema();
    const names = namesIn(schema);
    const version = (number: number) => setSchemaVersion(names, number);
    const url = server.connectionString;
    await run(url, `create schema ${schema}`, versionTable(names), tables(names), version(1));
    const env = { DATABASE_URL: url, OWED_SCHEMA: schema };
    expect((await examine(env)).remedies).toEqual({ "schema-old": "run: `owed migrate`" });
    expect((await owed.run(["migrate", "--check"], { env })).code).toBe(4);
    await run(url, version(99));
    expect((await examine(env)).remedies).toEqual({ "schema-new": expect.stringContaining("upgrade") });
    expect((await owed.run(["status"], { env })).code).toBe(4);
  });

  test("settings that lose commits", async () => {
    await using weak = await startPostgres({ major: 18, settings: { synchronous_commit: "off" } });
    await using place = await openPlace("Postgres", true, weak.connectionString);
    const { remedies } = await examine(place.env);
    expect(Object.keys(remedies)).toEqual(["synchronous-commit-off", "fsync-off", "full-page-writes-off"]);
    await run(weak.connectionString, "alter system set autovacuum = off", "select pg_reload_conf()");
    const unattended = await examine(place.env);
    await run(weak.connectionString, ...typed(unattended.remedies["autovacuum-off"]));
    await run(weak.connectionString, ...typed(unattended.remedies["synchronous-commit-off"]));
    // The others stand on the command line of this server, where no statement can mend them.
    await expect
      .poll(async () => Object.keys((await examine(place.env)).remedies))
      .toEqual(["fsync-off", "full-page-writes-off"]);
  });

  test("a role that is read-only, or serializable, where nothing is pinned", async () => {
    await using weak = await startPostgres({ major: 18, durable: true });
    await using place = await openPlace("Postgres", true, weak.connectionString);
    const env = { ...place.env, OWED_POOLER: "1" };
    await run(
      weak.connectionString,
      "alter role postgres set default_transaction_isolation = 'serializable'",
      "alter database postgres set default_transaction_read_only = on",
    );
    const { remedies } = await examine(env);
    expect(Object.keys(remedies)).toEqual(["read-only", "isolation"]);
    await run(weak.connectionString, ...typed(remedies["read-only"]));
    await run(weak.connectionString, ...typed(remedies["isolation"]));
    expect((await examine(env)).remedies).toEqual({});
  });

  test("a database that is read-only", async () => {
    await using place = await openHealthy();
    const url = new URL(place.url);
    url.searchParams.set("options", "-c default_transaction_read_only=on");
    const { remedies } = await examine({ ...place.env, DATABASE_URL: url.href });
    expect(remedies["read-only"]).toContain("default_transaction_read_only");
  });

  test.each([...expectedIndexes.keys()])(
    "that the index %s is missing, and its remedy mends it",
    async (index) => {
      await using place = await openHealthy();
      const table = /^(roll_up|[a-z]+)_/.exec(index)?.[1];
      const isConstraint = /_(pkey|key)$/.test(index);
      await run(
        place.url,
        isConstraint
          ? `alter table ${place.schema}.${table} drop constraint ${index}`
          : `drop index ${place.schema}.${index}`,
      );
      const report = await examine(place.env);
      expect([report.code, Object.keys(report.remedies)]).toEqual([7, ["index-missing"]]);
      await run(place.url, ...typed(report.remedies["index-missing"]));
      expect((await examine(place.env)).remedies).toEqual({});
    },
  );

  test("every index there is: none that a migration makes is left out", async () => {
    await using place = await openHealthy();
    const client = new pg.Client(place.url);
    await client.connect();
    const { rows } = await client.query("select indexname from pg_indexes where schemaname = $1", [
      place.schema,
    ]);
    await client.end();
    const names = rows.map((row) => row.indexname).filter((name) => name !== "schema_version_pkey");
    expect(new Set(expectedIndexes.keys())).toEqual(new Set(names));
  });

  test("an index that was left invalid", async () => {
    await using place = await openHealthy();
    await run(
      place.url,
      `update pg_index set indisvalid = false where indexrelid = '${place.schema}.pending_ready'::regclass`,
    );
    const { remedies } = await examine(place.env);
    await run(place.url, ...typed(remedies["index-invalid"]));
    expect((await examine(place.env)).remedies).toEqual({});
  });

  test("a table that nobody vacuums, and its dead rows", async () => {
    await using place = await openHealthy();
    const { schema, url } = place;
    await run(
      url,
      `alter table ${schema}.attempt set (autovacuum_enabled = false)`,
      `insert into ${schema}.attempt (id, outcome, generation, owner, claim, accepted, recorded_at)
       select n, 'failed', 1, 1, 1, true, now() from generate_series(1, 60000) n`,
      `delete from ${schema}.attempt`,
    );
    const { remedies } = await examine(place.env);
    expect(Object.keys(remedies).sort()).toEqual(["autovacuum-off", "bloat"]);
    await run(url, ...typed(remedies["bloat"]), ...typed(remedies["autovacuum-off"]));
    expect((await examine(place.env)).remedies).toEqual({});
  });

  test("who holds a transaction open: the statement names the session", async () => {
    await using place = await openHealthy();
    const holder = new pg.Client({ connectionString: place.url, application_name: "nightly report" });
    const looker = new pg.Client(place.url);
    await Promise.all([holder.connect(), looker.connect()]);
    await holder.query("begin");
    const seconds = async (least: string) => (await looker.query(examineSnapshots.text, [least])).rows;
    // The doctor asks for ten minutes.
    expect(await seconds("0")).toEqual([
      {
        holder: expect.stringMatching(/pid \d+ \(nightly report, idle in transaction\)/),
        seconds: "0",
        ending: expect.stringMatching(/^select pg_terminate_backend\(\d+\)$/),
      },
    ]);
    expect(await seconds("600")).toEqual([]);
    holder.on("error", () => undefined);
    const [{ ending } = { ending: "" }] = await seconds("0");
    await looker.query(ending);
    await expect.poll(() => seconds("0")).toEqual([]);
    await looker.end();
  });

  test("that tasks were removed by hand: the books do not balance", async () => {
    await using place = await openHealthy();
    await place.enqueue([newTask("a"), newTask("b")]);
    await place.store.register(processRecord(OWNER));
    await run(place.url, `delete from ${place.schema}.pending where id = 1`);
    const report = await examine(place.env);
    expect(Object.keys(report.remedies)).toEqual(["conservation"]);
    expect(report.text).toContain("2 tasks were enqueued, and 1 are accounted for");
  });

  test("that a pooler refuses to pin settings, and that one drops them", async () => {
    await using place = await openHealthy();
    await using refusing = await startPooler(server.port, "refuses");
    const refused = await examine({ ...place.env, DATABASE_URL: refusing.url });
    expect(refused.remedies).toEqual({ "pooler-undeclared": expect.stringContaining("OWED_POOLER=1") });
    const other = await owed.run(["status"], { env: { ...place.env, DATABASE_URL: refusing.url } });
    expect([other.code, other.err]).toEqual([
      3,
      expect.stringContaining("give --pooler, or set OWED_POOLER=1"),
    ]);
    const accepted = await examine({ ...place.env, DATABASE_URL: refusing.url, OWED_POOLER: "1" });
    expect(accepted.remedies).toEqual({});
    await using dropping = await startPooler(server.port, "drops");
    const dropped = await examine({ ...place.env, DATABASE_URL: dropping.url });
    expect(dropped.remedies).toEqual({ "pooler-drops-settings": expect.stringContaining("pooler: true") });
  });
});

it("on SQLite it finds an index that is missing, and its remedy mends it", async () => {
  await using place = await openPlace("SQLite");
  const file = loadDriver(undefined).open(place.env["OWED_SQLITE_FILE"] ?? "");
  file.exec("drop index owed_pending_ready");
  const report = await examine(place.env);
  // Statements that name the index fail without it.
  expect([report.code, Object.keys(report.remedies)]).toEqual([7, ["index-missing", "not-looked-at"]]);
  for (const statement of typed(report.remedies["index-missing"])) file.exec(statement);
  file.close();
  expect((await examine(place.env)).remedies).toEqual({});
});

it("on SQLite it finds a file that is mostly empty, and vacuum mends it", async () => {
  await using place = await openPlace("SQLite");
  const file = loadDriver(undefined).open(place.env["OWED_SQLITE_FILE"] ?? "");
  file.exec(
    "create table large (data blob); insert into large values (zeroblob(70000000)); drop table large",
  );
  for (const statement of typed((await examine(place.env)).remedies["bloat"])) file.exec(statement);
  file.close();
  expect((await examine(place.env)).remedies).toEqual({});
});

/** Stands before a server as pgbouncer does: it refuses startup parameters it does not know, or drops them when told to. */
async function startPooler(
  port: number,
  manner: "refuses" | "drops",
): Promise<AsyncDisposable & { readonly url: string }> {
  const listener = createServer((client) => {
    client.once("data", (startup) => {
      const parameters = readStartup(startup);
      if (manner === "refuses" && parameters.has("options")) {
        client.end(refusal("unsupported startup parameter: options"));
        return;
      }
      for (const name of parameters.keys()) {
        if (!["user", "database", "client_encoding", "application_name"].includes(name))
          parameters.delete(name);
      }
      const upstream = connect(port, "127.0.0.1", () => upstream.write(writeStartup(parameters)));
      for (const socket of [client, upstream]) socket.on("error", () => undefined);
      upstream.pipe(client).pipe(upstream);
    });
  });
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const own = (listener.address() as AddressInfo).port;
  return {
    url: `postgres://postgres@127.0.0.1:${own}/postgres`,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => listener.close(resolve));
    },
  };
}

function readStartup(message: Buffer): Map<string, string> {
  const words = message.subarray(8, -1).toString("utf8").split("\0");
  return new Map(
    words.flatMap((word, index) =>
      index % 2 === 0 && word !== "" ? [[word, words[index + 1] ?? ""] as const] : [],
    ),
  );
}

function writeStartup(parameters: ReadonlyMap<string, string>): Buffer {
  const body = Buffer.from(
    `${[...parameters].map(([name, value]) => `${name}\0${value}\0`).join("")}\0`,
    "utf8",
  );
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(196_608, 4);
  return Buffer.concat([head, body]);
}

function refusal(message: string): Buffer {
  const body = Buffer.from(`SFATAL\0VFATAL\0C08P01\0M${message}\0\0`, "utf8");
  const head = Buffer.alloc(5);
  head.write("E", 0);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
