// Runs the suite of adapters on one library: directly, and behind pgbouncer in transaction mode.
import { afterAll, beforeAll, describe, it } from "vitest";
import {
  type AdapterHarness,
  type ConformanceRunner,
  registerAdapterConformance,
} from "../../src/conformance/index.ts";
import { sharedDatabase } from "../support/database.ts";
import { sharedPooler } from "../support/pooler.ts";
import { type LawCount, type ListedLibrary, noteFacts } from "./facts.ts";
import { type ConnectedLibrary, openAdapterHarness, type PostgresLibrary } from "./postgres-library.ts";

const isFull = process.env["OWED_TEST_FULL"] === "1";

/** Registers the laws with vitest; a law that the library cannot keep is shown with the reason. */
export function registerLaws<Transaction extends object>(
  library: ListedLibrary,
  where: string,
  openHarness: () => Promise<AdapterHarness<Transaction>>,
): void {
  const count: LawCount = { registered: 0, passed: 0 };
  const runner: ConformanceRunner = {
    test: (name, run) => {
      count.registered += 1;
      it(name, async () => {
        await run();
        count.passed += 1;
      });
    },
    // skipped: the library lacks what the law needs; the reason is in the name
    skip: (name, reason) => it.skip(`${name} (${reason})`),
  };
  registerAdapterConformance(runner, openHarness, library.lacks);
  noteFacts(library, where, count);
}

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
    registerLaws(library, where, () => openAdapterHarness(connected, target));
  });
}

/** Registers all laws for the library; those behind the pooler belong to the long tier. */
export function describeAdapter<Transaction extends object>(library: PostgresLibrary<Transaction>): void {
  describeOn(library, library.isDatabase === true ? "" : "directly", async () => sharedDatabase(), false);
  if (library.isDatabase === true || !isFull) return;
  const pooler = sharedPooler();
  if ("missing" in pooler) {
    // skipped: this machine has no pgbouncer; the reason is in the name
    describe.skip(`${library.name} behind pgbouncer (${pooler.missing})`, () => it("is not run"));
  } else {
    describeOn(library, "behind pgbouncer", pooler.start, true);
  }
}
