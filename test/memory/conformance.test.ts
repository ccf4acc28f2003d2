import { test } from "vitest";

import { type ConformanceHarness, registerStoreConformance } from "../../src/conformance/index.ts";
import { type MemoryTransaction, memoryStore } from "../../src/store/memory/index.ts";

async function openHarness(): Promise<ConformanceHarness<MemoryTransaction>> {
  const store = memoryStore();
  return { store, begin: () => store.begin(), close: () => store.close() };
}

registerStoreConformance({ test, skip: (name) => test.skip(name) }, openHarness);
