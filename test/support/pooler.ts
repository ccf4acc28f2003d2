// PgBouncer in transaction mode before the shared server, where a test wants one and the machine has it.
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll } from "vitest";
import { pgbouncerProgram } from "../../chaos/needs.ts";
import { type Pgbouncer, startPgbouncer } from "../../chaos/pgbouncer.ts";
import { sharedDatabase } from "./database.ts";
import { reachableTemporaryFolder, serverAccount } from "./server-account.ts";

/** A pooler that starts when it is asked for and ends with the test file; or why there is none. */
export type SharedPooler = { readonly start: () => Promise<string> } | { readonly missing: string };

/** The pooler of this test file, with further lines of settings. */
export function sharedPooler(further: readonly string[] = []): SharedPooler {
  if (pgbouncerProgram() === null) return { missing: "pgbouncer is not installed" };
  let started: { readonly pooler: Pgbouncer; readonly folder: string } | null = null;
  afterAll(async () => {
    await started?.pooler[Symbol.asyncDispose]();
    if (started !== null) rmSync(started.folder, { recursive: true, force: true });
  });
  const start = async (): Promise<string> => {
    if (started === null) {
      const folder = mkdtempSync(join(reachableTemporaryFolder(serverAccount()), "owed-pooler-"));
      chmodSync(folder, 0o755);
      started = {
        folder,
        pooler: await startPgbouncer(folder, Number(new URL(sharedDatabase()).port), further),
      };
    }
    return `postgres://postgres@127.0.0.1:${started.pooler.port}/postgres`;
  };
  return { start };
}
