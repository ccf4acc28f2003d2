/** The registered processes, and what a heartbeat does to them. */
import type { BeatAnswer, ProcessRecord } from "../contract.ts";

/** Who is alive. A claim of a process that is not in here is void. */
export class Processes {
  readonly #records = new Map<string, { readonly record: ProcessRecord; beats: number }>();

  /** How many there are. */
  get size(): number {
    return this.#records.size;
  }

  /** True while the process is registered. */
  isAlive(owner: string): boolean {
    return this.#records.has(owner);
  }

  /** True when a registered process executes the type. */
  someoneExecutes(type: string): boolean {
    for (const { record } of this.#records.values()) {
      if (record.types === "all" || record.types.includes(type)) return true;
    }
    return false;
  }

  register(record: ProcessRecord): void {
    this.#records.set(record.owner, { record, beats: 0 });
  }

  remove(owner: string): void {
    this.#records.delete(owner);
  }

  /** Writes a heartbeat, removes those of `dead` whose heartbeat is unchanged, and reads all others. */
  beat(owner: string, dead: readonly { readonly owner: string; readonly beats: number }[]): BeatAnswer {
    const own = this.#records.get(owner);
    if (own === undefined) return { alive: false, others: [], declaredDead: [] };
    own.beats += 1;
    const declaredDead = dead
      .filter((seen) => seen.owner !== owner && this.#records.get(seen.owner)?.beats === seen.beats)
      .map((seen) => seen.owner);
    for (const gone of declaredDead) this.#records.delete(gone);
    const others = [...this.#records.values()]
      .filter(({ record }) => record.owner !== owner)
      .map(({ record, beats }) => ({ owner: record.owner, beats, leaseMs: record.leaseMs }));
    return { alive: true, others, declaredDead };
  }
}
