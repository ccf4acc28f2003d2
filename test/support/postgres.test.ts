// The launcher keeps its promises, since every claim about durability rests on it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { describe, expect, it } from "vitest";
import { freshSchema, sharedMajors, testPool } from "./database.ts";
import { startPostgres } from "./postgres.ts";
import { processesIn } from "./server-process.ts";

const isFull = process.env["OWED_TEST_FULL"] === "1";

describe.each(sharedMajors())("the shared Postgres %i", (major) => {
  it("answers with its version", async () => {
    await using pool = testPool({ major });
    const { rows } = await pool.query<{ server_version: string }>("show server_version");
    expect(rows[0]?.server_version).toMatch(new RegExp(`^${major}\\.`));
  });

  it("gives each test a schema of its own", async () => {
    await using pool = testPool({ major });
    const [one, other] = [freshSchema(), freshSchema()];
    for (const schema of [one, other]) {
      await pool.query(`create schema ${schema}`);
      await pool.query(`create table ${schema}.seen (id int)`);
    }
    expect(one).not.toBe(other);
  });
});

async function rowsIn(connectionString: string, statement: string): Promise<number> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    return (await client.query(statement)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

describe.each(isFull ? ([18, 14] as const) : ([18] as const))("a private Postgres %i", (major) => {
  it("keeps what was committed over a crash, and leaves nothing behind", async () => {
    const server = await startPostgres({ major, durable: true });
    const { dataFolder, port } = server;
    expect(processesIn(dataFolder)).toContain(server.pid);
    await rowsIn(server.connectionString, "create table kept as select 1 as id");
    await server.kill("SIGKILL");
    expect(server.pid).toBeUndefined();
    await server.start();
    expect(server.port).toBe(port);
    expect(await rowsIn(server.connectionString, "select id from kept")).toBe(1);
    await server.stop("fast");
    await server.start();
    expect(await rowsIn(server.connectionString, "select id from kept")).toBe(1);
    await server[Symbol.asyncDispose]();
    expect(processesIn(dataFolder)).toEqual([]);
    expect(existsSync(dataFolder)).toBe(false);
  });
});

it("a server ends with the process that started it, even when that one is killed", async () => {
  const launcher = new URL("./postgres.ts", import.meta.url).href;
  const code = `import { startPostgres } from ${JSON.stringify(launcher)};
    const server = await startPostgres({ major: 18 });
    console.log(server.dataFolder);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], {
    stdio: ["ignore", "pipe", "inherit"],
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
  });
  const [chunk] = (await once(child.stdout, "data")) as [Buffer];
  const dataFolder = chunk.toString().trim();
  expect(processesIn(dataFolder).length).toBeGreaterThan(0);
  child.kill("SIGKILL");
  for (
    let tries = 0;
    tries < 500 && (processesIn(dataFolder).length > 0 || existsSync(dataFolder));
    tries += 1
  ) {
    await sleep(20);
  }
  expect(processesIn(dataFolder)).toEqual([]);
  expect(existsSync(dataFolder)).toBe(false);
});
