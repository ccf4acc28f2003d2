// The doctor behind PgBouncer in transaction mode: declared or not, it finds out, looks at all the rest, and its remedy works as it stands.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pgbouncerProgram } from "../../chaos/needs.ts";
import { startPgbouncer } from "../../chaos/pgbouncer.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { reachableTemporaryFolder, serverAccount } from "../support/server-account.ts";
import { deafWireTo } from "./deaf-wire.ts";
import { type InstalledCommand, installCommand } from "./installed-command.ts";
import { openPlace, type Place } from "./kinds.ts";

const DROPS =
  "ignore_startup_parameters = options,statement_timeout,lock_timeout,idle_in_transaction_session_timeout";

let owed: InstalledCommand;
/** A server in order, of its own. */
let server: PostgresServer;
beforeAll(async () => {
  owed = installCommand();
  server = await startPostgres({ major: 18, durable: true });
});
afterAll(async () => {
  owed[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

/** A pooler before a place that is in order; `env` leads through it. */
async function behindPooler(
  settings: readonly string[],
): Promise<AsyncDisposable & { readonly env: Record<string, string>; readonly place: Place }> {
  const folder = mkdtempSync(join(reachableTemporaryFolder(serverAccount()), "owed-pooler-"));
  chmodSync(folder, 0o755);
  const pooler = await startPgbouncer(folder, server.port, settings);
  const place = await openPlace("Postgres", true, server.connectionString);
  return {
    place,
    env: { ...place.env, DATABASE_URL: `postgres://postgres@127.0.0.1:${pooler.port}/postgres` },
    async [Symbol.asyncDispose]() {
      await place[Symbol.asyncDispose]();
      await pooler[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface Report {
  readonly code: number | null;
  readonly findings: Readonly<Record<string, string>>;
  readonly names: readonly string[];
}

async function examine(env: Readonly<Record<string, string>>): Promise<Report> {
  const { code, out, err } = await owed.run(["doctor", "--json"], { env });
  if (out === "") throw new Error(err);
  const checks = JSON.parse(out).checks as readonly {
    readonly name: string;
    readonly findings: readonly { readonly code: string; readonly remedy: string }[];
  }[];
  const found = checks.flatMap(({ findings }) => findings.map((one) => [one.code, one.remedy] as const));
  return { code, findings: Object.fromEntries(found), names: checks.map(({ name }) => name) };
}

/** What a person does who copies the last command of a remedy: it sets a variable. */
function typed(remedy: string | undefined): Record<string, string> {
  const [, name = "", value = ""] = /`export (\w+)=(\w+)`$/.exec(remedy ?? "") ?? [];
  return { [name]: value };
}

const everything = ["schema", "database", "connection", "clock", "processes", "stuck tasks", "conservation"];

// skipped: where PgBouncer is not installed there is nothing to stand behind
describe.skipIf(pgbouncerProgram() === null)("behind a pooler in transaction mode", () => {
  it("that refuses what is pinned: it says so, looks at the rest, and the remedy mends it", async () => {
    await using pooler = await behindPooler([]);
    const found = await examine(pooler.env);
    expect([found.code, Object.keys(found.findings), found.names]).toEqual([
      7,
      ["pooler-undeclared"],
      everything,
    ]);
    const mended = await examine({ ...pooler.env, ...typed(found.findings["pooler-undeclared"]) });
    expect([mended.code, mended.findings]).toEqual([0, {}]);
  });

  it("that drops what is pinned: at every run, also when statements are prepared already", async () => {
    await using pooler = await behindPooler([DROPS]);
    for (let run = 0; run < 3; run += 1) {
      const { code, findings, names } = await examine(pooler.env);
      expect([code, names]).toEqual([7, everything]);
      const [only = "", ...more] = Object.keys(findings);
      expect([["pooler-drops-settings", "pooler-undeclared"].includes(only), more]).toEqual([true, []]);
      const mended = await examine({ ...pooler.env, ...typed(findings[only]) });
      expect([mended.code, mended.findings]).toEqual([0, {}]);
    }
  });

  it("declared, it tells people that workers behind it poll", async () => {
    await using pooler = await behindPooler([]);
    const { code, out } = await owed.run(["doctor", "--pooler"], { env: pooler.env });
    expect([code, out]).toEqual([0, expect.stringContaining("workers behind it poll")]);
  });
});

it("where statements pass and notifications do not, it finds that workers hear nothing", async () => {
  await using place = await openPlace("Postgres", true, server.connectionString);
  await using wire = await deafWireTo(server.port);
  const env = { ...place.env, DATABASE_URL: `postgres://postgres@127.0.0.1:${wire.port}/postgres` };
  const found = await examine(env);
  expect([found.code, Object.keys(found.findings), found.names]).toEqual([
    7,
    ["wake-ups-unheard"],
    everything,
  ]);
  const mended = await examine({ ...env, ...typed(found.findings["wake-ups-unheard"]) });
  expect([mended.code, mended.findings]).toEqual([0, {}]);
  const direct = await examine(place.env);
  expect([direct.code, direct.findings]).toEqual([0, {}]);
});
