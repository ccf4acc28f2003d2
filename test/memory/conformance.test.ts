// The laws of the store contract, on the memory store: none is skipped.
import { test } from "vitest";

import { type ConformanceHarness, registerStoreConformance } from "../../src/conformance/index.ts";
import { type MemoryTransaction, memoryStore } from "../../src/store/memory/index.ts";

async function openHarness(): Promise<ConformanceHarness<MemoryTransaction>> {
  const store = memoryStore();
  return { store, begin: () => store.begin(), close: () => store.close() };
}

const runner = {
  test: (name: string, run: () => Promise<void>) => test(name, run),
  skip: (name: string) => {
    throw new Error(`"${name}" must not be skipped`);
  },
};

registerStoreConformance(runner, openHarness);
