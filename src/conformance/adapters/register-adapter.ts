/** All laws of adapters, and their registration as tests of whatever runner the caller uses. */
import type { ConformanceRunner } from "../register.ts";
import { adapterCommitLaws } from "./adapter-commit-laws.ts";
import { adapterDataLaws } from "./adapter-data-laws.ts";
import { adapterFastPathLaws } from "./adapter-fast-path-laws.ts";
import type { AdapterHarness, AdapterLacks } from "./adapter-harness.ts";
import { type AdapterLaw, AdapterScene } from "./adapter-scene.ts";

/** Every law of adapters. Names are unique and stable. */
export const adapterLaws: readonly AdapterLaw[] = Object.freeze([
  ...adapterCommitLaws,
  ...adapterDataLaws,
  ...adapterFastPathLaws,
]);

/** Runs one law on a harness of its own, and closes that whatever happens. */
export async function runAdapterLaw<Transaction>(
  law: AdapterLaw,
  openHarness: () => Promise<AdapterHarness<Transaction>>,
): Promise<void> {
  const harness = (await openHarness()) as AdapterHarness;
  const scene = new AdapterScene(harness);
  try {
    await law.run(scene);
  } finally {
    await scene.scheduler.stop();
    await harness.close();
  }
}

/** Registers every law with `runner`, one test each; those that need what the library lacks are skipped with the reason. */
export function registerAdapterConformance<Transaction>(
  runner: ConformanceRunner,
  openHarness: () => Promise<AdapterHarness<Transaction>>,
  lacks: AdapterLacks = {},
): void {
  for (const law of adapterLaws) {
    const reason = law.needs.map((capability) => lacks[capability]).find((lack) => lack !== undefined);
    if (reason === undefined) runner.test(law.name, () => runAdapterLaw(law, openHarness));
    else runner.skip(law.name, reason);
  }
}
