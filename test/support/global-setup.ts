// Starts the servers all test files share: Postgres 18 always, Postgres 14 when asked for.
import type { TestProject } from "vitest/node";
import { type PostgresServer, startPostgres } from "./postgres.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** Connection string of the shared Postgres 18; null when the run was started without databases. */
    readonly postgres: string | null;
    /** Connection string of the shared Postgres 14; null unless it was asked for. */
    readonly postgres14: string | null;
  }
}

/**
 * `OWED_TEST_POSTGRES=none` runs without databases, `OWED_TEST_POSTGRES=postgres://...` on a server of your own.
 * `OWED_TEST_POSTGRES_14=1` or `OWED_TEST_FULL=1` adds the oldest supported version.
 */
export default async function startServers(project: TestProject): Promise<() => Promise<void>> {
  const chosen = process.env["OWED_TEST_POSTGRES"];
  const servers: PostgresServer[] = [];
  const started = async (major: 14 | 18): Promise<string> => {
    const server = await startPostgres({ major });
    servers.push(server);
    return server.connectionString;
  };
  if (chosen === "none") project.provide("postgres", null);
  else project.provide("postgres", chosen ?? (await started(18)));

  const wantsOldest = process.env["OWED_TEST_POSTGRES_14"] === "1" || process.env["OWED_TEST_FULL"] === "1";
  project.provide("postgres14", wantsOldest && chosen !== "none" ? await started(14) : null);

  return async () => {
    for (const server of servers) await server[Symbol.asyncDispose]();
  };
}
