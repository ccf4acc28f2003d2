/** The registered processes, and what a heartbeat does to them. */
import type { BeatAnswer, ProcessRecord, RegisteredProcess } from "../contract.ts";
import type { Audit } from "./audit.ts";

/** A memory store ends with its process, and never goes back. */
const ERA = "memory";

/** Processes of one answer. */
const MOST_SHOWN = 1_000;

interface Registration {
  readonly record: ProcessRecord;
  readonly registeredAtMs: number;
  beats: number;
  beatAtMs: number;
}

/** Who is alive. A claim of a process that is not in here is void. */
export class Processes {
  readonly #records = new Map<string, Registration>();
  readonly #audit: Audit | undefined;

  constructor(audit?: Audit) {
    this.#audit = audit;
  }

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

  /** All of them, longest registered first. */
  shown(nowMs: number): RegisteredProcess[] {
    const shown = [...this.#records.values()].map(({ record, registeredAtMs, beatAtMs }) => ({
      ...record,
      registeredAt: new Date(registeredAtMs),
      beatAt: new Date(beatAtMs),
      silentForMs: Math.max(nowMs - beatAtMs, 0),
    }));
    return shown
      .sort((left, right) => left.registeredAt.getTime() - right.registeredAt.getTime())
      .slice(0, MOST_SHOWN);
  }

  register(record: ProcessRecord, nowMs: number): Pick<BeatAnswer, "era"> {
    const registeredAtMs = this.#records.get(record.owner)?.registeredAtMs ?? nowMs;
    this.#records.set(record.owner, { record, registeredAtMs, beats: 0, beatAtMs: nowMs });
    this.#audit?.({ kind: "process", owner: record.owner, change: "insert" });
    return { era: ERA };
  }

  remove(owner: string): void {
    if (this.#records.delete(owner)) this.#audit?.({ kind: "process", owner, change: "delete" });
  }

  /** Writes a heartbeat, removes those of `dead` whose heartbeat is unchanged, and reads all others. */
  beat(
    owner: string,
    dead: readonly { readonly owner: string; readonly beats: number }[],
    nowMs: number,
  ): BeatAnswer {
    const own = this.#records.get(owner);
    if (own === undefined) return { alive: false, beats: 0, era: ERA, others: [], declaredDead: [] };
    own.beats += 1;
    own.beatAtMs = nowMs;
    this.#audit?.({ kind: "process", owner, change: "beat" });
    const declaredDead = dead
      .filter((seen) => seen.owner !== owner && this.#records.get(seen.owner)?.beats === seen.beats)
      .map((seen) => seen.owner);
    for (const gone of declaredDead) this.remove(gone);
    const others = [...this.#records.values()]
      .filter(({ record }) => record.owner !== owner)
      .map(({ record, beats }) => ({ owner: record.owner, beats, leaseMs: record.leaseMs }));
    return { alive: true, beats: own.beats, era: ERA, others, declaredDead };
  }
}
