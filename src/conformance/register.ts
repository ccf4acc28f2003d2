/** Registers the laws as tests of whatever runner the caller uses. */
import type { ConformanceHarness, Law } from "./harness.ts";
import { storeLaws } from "./store-laws.ts";

/** The two functions the suite needs of a test runner. */
export interface ConformanceRunner {
  test(name: string, run: () => Promise<void>): void;
  skip(name: string, reason: string): void;
}

/** A law that this store does not keep, and why that is right. */
export interface SkippedLaw {
  /** Exact name of the law; a name that no law bears throws. */
  readonly law: string;
  readonly reason: string;
}

/** What of the suite does not apply to a store. */
export interface ConformanceOptions {
  readonly skip?: readonly SkippedLaw[];
  /** Set to the reason when the database has one writer: laws marked `concurrentTransactions` are skipped with it. */
  readonly singleWriter?: string;
}

/** Runs one law on a harness of its own, and closes that whatever happens. */
export async function runLaw<Transaction>(
  law: Law,
  openHarness: () => Promise<ConformanceHarness<Transaction>>,
): Promise<void> {
  const harness = await openHarness();
  try {
    await law.run(harness as ConformanceHarness);
  } finally {
    await harness.close();
  }
}

/** Registers every law of the store contract with `runner`, one test each. Throws when `skip` names an unknown law. */
export function registerStoreConformance<Transaction>(
  runner: ConformanceRunner,
  openHarness: () => Promise<ConformanceHarness<Transaction>>,
  options: ConformanceOptions = {},
): void {
  const reasons = new Map((options.skip ?? []).map(({ law, reason }) => [law, reason]));
  for (const name of reasons.keys()) {
    if (!storeLaws.some((law) => law.name === name)) throw new Error(`skip names an unknown law: "${name}"`);
  }
  for (const law of storeLaws) {
    const reason =
      reasons.get(law.name) ?? (law.concurrentTransactions === true ? options.singleWriter : undefined);
    if (reason === undefined) runner.test(law.name, () => runLaw(law, openHarness));
    else runner.skip(law.name, reason);
  }
}
