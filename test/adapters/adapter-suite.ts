// Runs the suite of adapters on one library: directly, and behind pgbouncer in transaction mode.
import { afterAll, beforeAll, describe, it } from "vitest";
import { registerAdapterConformance } from "../../src/conformance/index.ts";
import { sharedDatabase } from "../support/database.ts";
import { sharedPooler } from "../support/pooler.ts";
import { type ConnectedLibrary, openAdapterHarness, type PostgresLibrary } from "./postgres-library.ts";

/** Hands the laws to vitest; a law that the library cannot keep is shown with the reason. */
export const adapterRunner = {
  test: (name: string, run: () => Promise<void>) => it(name, run),
  // skipped: the library lacks what the law needs; the reason is in the name
  skip: (name: string, reason: string) => it.skip(`${name} (${reason})`),
};

function describeOn<Transaction extends object>(
  library: PostgresLibrary<Transaction>,
  where: string,
  connectionString: () => Promise<string>,
  pooler: boolean,
): void {
  describe(`${library.name} ${where}`, () => {
    let connected: ConnectedLibrary<Transaction>;
    let target: { readonly connectionString: string; readonly pooler: boolean };
    beforeAll(async () => {
      target = { connectionString: await connectionString(), pooler };
      connected = await library.connect(target);
      target = connected.target ?? target;
    });
    afterAll(() => connected?.close());
    registerAdapterConformance(adapterRunner, () => openAdapterHarness(connected, target), library.lacks);
  });
}

/** Registers all laws for the library. */
export function describeAdapter<Transaction extends object>(library: PostgresLibrary<Transaction>): void {
  describeOn(library, "on Postgres", async () => sharedDatabase(), false);
  if (library.isDatabase === true) return;
  const pooler = sharedPooler();
  if ("missing" in pooler) {
    // skipped: this machine has no pgbouncer; the reason is in the name
    describe.skip(`${library.name} behind pgbouncer (${pooler.missing})`, () => it("is not run"));
  } else {
    describeOn(library, "behind pgbouncer", pooler.start, true);
  }
}
