// Bad usage, a database that is not there, and secrets: what the command says then, and how it ends.
import { chmodSync, existsSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { rolesSql } from "../../src/store/postgres/index.ts";
import { sharedDatabase, testPool } from "../support/database.ts";
import { startPostgres } from "../support/postgres.ts";
import { freePort } from "../support/server-process.ts";
import { type Ending, type InstalledCommand, installCommand } from "./installed-command.ts";
import { openPlace } from "./kinds.ts";

let owed: InstalledCommand;
beforeAll(() => void (owed = installCommand()));
afterAll(() => owed[Symbol.dispose]());

const PASSWORD = "sesame-9f2c+open";
const everyCommand = [
  "status",
  "tasks",
  "task x",
  "redrive x",
  "redrive --all --yes",
  "cancel x",
  "prune",
  "migrate",
];

function withPassword(url: string): string {
  const parts = new URL(url);
  parts.password = encodeURIComponent(PASSWORD);
  return parts.href;
}

function expectNoSecret({ out, err }: Ending): void {
  for (const secret of [PASSWORD, encodeURIComponent(PASSWORD)]) expect(out + err).not.toContain(secret);
  // The help shows how one looks.
  expect(out + err).not.toMatch(/postgres(ql)?:\/\/(?!user:password@host)/);
}

const bad: readonly (readonly [argv: string, says: string])[] = [
  ["frobnicate", 'there is no command "frobnicate"'],
  ["--frobnicate", "there is no option"],
  ["status --frobnicate", "unknown option '--frobnicate'"],
  ["stauts", "did you mean owed status?"],
  ["redrvie x", "did you mean owed redrive?"],
  ["status --wacth", "did you mean --watch?"],
  ["tasks --stae failed", "did you mean --state?"],
  ["redrive --all --dryrun", "did you mean --dry-run?"],
  ["tasks --state faild", "did you mean failed?"],
  ["bench --tasks 5", '--tasks cannot be "5"'],
  ["status extra", '"extra" is one argument too many'],
  ["task", "ID is missing"],
  ["tasks --state lost", '--state cannot be "lost"'],
  ["tasks --limit 0", '--limit cannot be "0"'],
  ["tasks --limit many", '--limit cannot be "many"'],
  ["tasks --cursor x", "cursor is not"],
  ["tasks --stuck --state failed", "--stuck is about pending tasks"],
  ["tasks --before yesterday", '--before cannot be "yesterday"'],
  ["tasks --before 2026-11-24", '--before cannot be "2026-11-24"'],
  ["redrive", "nothing says which tasks to redrive"],
  ["redrive x --all", "are both given"],
  ["redrive --state pending --all", '--state cannot be "pending"'],
  ["cancel", "nothing says which tasks to cancel"],
  ["prune --older-than soon", '--older-than cannot be "soon"'],
  ["migrate --sql --check", "--sql and --check are both given"],
  ["roles --sqlite a.db", "a SQLite file has no roles"],
  ["roles --prefix pg_x", 'prefix begins with "pg_"'],
  ["status --type", "unknown option '--type'"],
  ["tasks --type", "argument missing"],
  ["tasks --type=", "--type is empty"],
  ["status --sqlite a.db --url-file b", "are both given"],
  ["status --url-file missing.txt", "missing.txt cannot be read (ENOENT)"],
  [`status --schema ${"x".repeat(60)}`, "schema has 60 bytes"],
];

test.each(bad)("owed %s ends with code 2 and says why and what to do", async (argv, says) => {
  const env = { DATABASE_URL: sharedDatabase() };
  const ending = await owed.run(argv.split(" "), { env: argv.includes("--cursor") ? await migrated() : env });
  expect([ending.code, ending.out]).toEqual([2, ""]);
  expect(ending.err).toContain(says);
  expect(ending.err).not.toMatch(/\bat .*\.js:\d/);
});

let migratedPlace: Record<string, string> | undefined;
async function migrated(): Promise<Record<string, string>> {
  if (migratedPlace === undefined) {
    await using place = await openPlace("Postgres");
    migratedPlace = { ...place.env };
  }
  return migratedPlace;
}

it("with --json an error is a document on stderr, with its code", async () => {
  const { code, out, err } = await owed.run(["task", "--json"]);
  expect([code, out]).toEqual([2, ""]);
  expect(JSON.parse(err)).toEqual({
    error: { code: "OWED_USAGE", message: "ID is missing", remedy: "write: owed task ID", exitCode: 2 },
  });
});

it("without a database it says how to name one, and help needs none", async () => {
  const { code, err } = await owed.run(["status"]);
  expect([code, err]).toEqual([2, expect.stringContaining("set DATABASE_URL")]);
  for (const argv of [[], ["--help"], ["help", "task"], ["task", "--help"]]) {
    const help = await owed.run(argv);
    expect([help.code, help.err]).toEqual([0, ""]);
    expect(help.out).toContain("Exit codes:");
    for (const line of help.out.split("\n")) expect(line.length).toBeLessThanOrEqual(100);
  }
  expect((await owed.run(["--version"])).out).toMatch(/^\d+\.\d+\.\d+\n$/);
});

it("roles prints the script, whatever the database", async () => {
  const env = { OWED_SCHEMA: "shop's", DATABASE_URL: "postgres://nobody@127.0.0.1:1/none" };
  const { code, out, err } = await owed.run(["roles", "--prefix", "big shop"], { env });
  expect([code, out, err]).toEqual([0, rolesSql("shop's", "big shop"), ""]);
  const inJson = await owed.run(["roles", "--json"]);
  expect(JSON.parse(inJson.out)).toEqual({ sql: rolesSql() });
  expect(rolesSql()).toContain('create role "owed_enqueuer" nologin;');
});

it("a connection string on the command line is refused, and not repeated", async () => {
  const url = withPassword(sharedDatabase());
  for (const argv of [["status", url], ["task", `--schema=${url}`], [url], ["status", "--url-file", url]]) {
    const ending = await owed.run(argv);
    expect(ending.code).toBe(2);
    expectNoSecret(ending);
  }
  expect((await owed.run(["status", url])).err).toContain("(ps)");
});

it("a connection string comes from a file, unless others can read that", async () => {
  await using place = await openPlace("Postgres");
  const file = join(owed.folder, "url.txt");
  writeFileSync(file, `${place.env["DATABASE_URL"]}\n`);
  chmodSync(file, 0o600);
  const argv = ["status", "--url-file", file, "--schema", place.env["OWED_SCHEMA"] ?? ""];
  expect((await owed.run(argv)).code).toBe(0);
  chmodSync(file, 0o644);
  expect(await owed.run(argv)).toMatchObject({ code: 2, err: expect.stringContaining("chmod o-r") });
  writeFileSync(file, `host=db password=${PASSWORD}`);
  chmodSync(file, 0o600);
  const wrong = await owed.run(argv);
  expect([wrong.code, wrong.err]).toEqual([
    2,
    expect.stringContaining("is no connection string of Postgres"),
  ]);
  expectNoSecret(wrong);
});

describe("a database that cannot be reached", () => {
  test.each([...everyCommand, "doctor"])(
    "ends owed %s with code 3, says why, and keeps the password",
    async (argv) => {
      const env = {
        DATABASE_URL: `postgres://shop:${encodeURIComponent(PASSWORD)}@127.0.0.1:${await freePort()}/shop`,
      };
      const ending = await owed.run(argv.split(" "), { env });
      expect([ending.code, ending.out]).toEqual([3, ""]);
      expect(ending.err).toContain("ECONNREFUSED");
      expect(ending.err).toContain("nothing listens at that host and port");
      expectNoSecret(ending);
    },
  );

  it("refuses a wrong password, which is told and not repeated", async () => {
    await using server = await startPostgres({ major: 18 });
    const client = new pg.Client(server.connectionString);
    await client.connect();
    await client.query("create role shop login password 'another one'");
    writeFileSync(join(server.dataFolder, "pg_hba.conf"), "host all all 127.0.0.1/32 scram-sha-256\n");
    await client.query("select pg_reload_conf()");
    await client.end();
    const url = new URL(withPassword(server.connectionString));
    url.username = "shop";
    for (const argv of ["status", "doctor", "bench --yes", "tasks --json"]) {
      const ending = await owed.run(argv.split(" "), {
        env: { DATABASE_URL: url.href, OWED_SCHEMA: "owed", OWED_DEBUG: "1" },
      });
      expect([ending.code, ending.err]).toEqual([3, expect.stringContaining("28P01")]);
      expect(ending.err).toContain("the password was refused: look at user and password");
      expectNoSecret(ending);
    }
  });

  it("is told apart: a host that is not known, a database that is not there, a server that never answers", async () => {
    const says = async (url: string): Promise<string> => {
      const ending = await owed.run(["status"], { env: { DATABASE_URL: url, OWED_DEBUG: "1" } });
      expect(ending.code).toBe(3);
      expectNoSecret(ending);
      return ending.err;
    };
    const url = new URL(withPassword(sharedDatabase()));
    url.pathname = "/nowhere";
    expect(await says(url.href)).toContain("there is no such database on that server");
    expect(await says(`postgres://shop:${encodeURIComponent(PASSWORD)}@no-such-host.invalid/shop`)).toMatch(
      /host name is not known|name server does not answer/,
    );
    const mute = createServer();
    await new Promise<void>((resolve) => mute.listen(0, "127.0.0.1", resolve));
    const { port } = mute.address() as { port: number };
    const answer = await says(`postgres://shop:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/shop`);
    mute.close();
    expect(answer).toContain("does not answer");
  });

  it("is a file in a folder that is not there, or one that is no database", async () => {
    const missing = await owed.run(["migrate", "--sqlite", join(owed.folder, "no", "shop.db")]);
    expect([missing.code, missing.err]).toEqual([2, expect.stringContaining("create the folder first")]);
    const file = join(owed.folder, "text.db");
    writeFileSync(file, "this is no database, but long enough to be looked at by SQLite. ".repeat(40));
    const wrong = await owed.run(["status", "--sqlite", file]);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining("is not a SQLite database")]);
  });

  it.each(everyCommand.filter((argv) => argv !== "migrate"))(
    "is a file that owed %s does not make",
    async (argv) => {
      const file = join(owed.folder, "typo.db");
      const { code, err } = await owed.run([...argv.split(" "), "--sqlite", file]);
      expect([code, existsSync(file)]).toEqual([4, false]);
      expect(err).toContain("what to do: run: owed migrate");
    },
  );

  it("is not there since its driver is not installed", async () => {
    using bare = installCommand({ pg: false });
    const { code, err } = await bare.run(["status"], { env: { DATABASE_URL: sharedDatabase() } });
    expect([code, err]).toEqual([2, expect.stringContaining("npm install pg")]);
    expect((await bare.run(["migrate", "--sql"])).code).toBe(0);
    expect((await bare.run(["roles"])).code).toBe(0);
  });
});

test.each([...everyCommand, "doctor", "bench --yes --tasks 100"])(
  "owed %s never writes the connection string, even where the database holds it",
  async (argv) => {
    await using place = await openPlace("Postgres");
    const url = withPassword(sharedDatabase());
    await using pool = testPool({ max: 1 });
    const { OWED_SCHEMA: schema = "" } = place.env;
    await place.enqueue([]);
    await pool.query(
      `with t as (insert into ${schema}.task (created_at, task_id, type, data, reference_id)
       values (now(), 'x', 'mail', '{}', $1) returning id)
     insert into ${schema}.settled (id, type, state, settled_at, generation, failed_attempts, lost_attempts,
       deferred_attempts, reason, error)
     select id, 1, 'failed', now(), 1, 1, 0, 0, 'permanent-error', $2 from t`,
      [
        PASSWORD,
        JSON.stringify({ name: "E", message: `at ${url} with ${PASSWORD}`, code: PASSWORD, stack: url }),
      ],
    );
    for (const extra of ["", " --json"]) {
      const ending = await owed.run(`${argv}${extra}`.split(" "), {
        env: { ...place.env, DATABASE_URL: url },
      });
      expectNoSecret(ending);
    }
  },
);

it("colours and bars are off when the output is no terminal", async () => {
  await using place = await openPlace("SQLite");
  const { out, err } = await owed.run(["status"], { env: { ...place.env, FORCE_COLOR: "1" } });
  expect(out + err).not.toContain("\u001b");
});
