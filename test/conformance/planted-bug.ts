// What a planted bug is: the memory store with one promise broken, and the law that must notice.
import type { ConformanceHarness } from "../../src/conformance/index.ts";
import type { Store } from "../../src/store/contract.ts";
import { type MemoryRows, type MemoryTransaction, memoryStore } from "../../src/store/memory/index.ts";

export type MemoryLike = Store<MemoryTransaction, MemoryRows>;

/** A bug: replaces some methods of a sound store. */
export interface PlantedBug {
  readonly bug: string;
  /** A law that must fail because of it; others may fail as well. */
  readonly brokenLaw: string;
  /** Set when the bug shows by an error of the store, and not by what it answers. */
  readonly throws?: string;
  plant(sound: MemoryLike): Partial<MemoryLike>;
}

/** A harness around a fresh memory store, with a bug if one is given. */
export async function openHarness(bug?: PlantedBug): Promise<ConformanceHarness<MemoryTransaction>> {
  const sound: MemoryLike = memoryStore();
  const store = { ...sound, ...bug?.plant(sound) };
  return { store, begin: () => sound.begin(), close: () => sound.close() };
}
