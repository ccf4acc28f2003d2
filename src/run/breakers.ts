/** The circuit breakers of one process, by type or by type and key, and what is told of them. */
import type { Clock } from "../ports/ports.ts";
import type { RecordedError } from "../task/task.ts";
import { Breaker, type BreakerChange, type BreakerPass, type BreakerSettings, type Sign } from "./breaker.ts";
import type { Reporter } from "./reporter.ts";

/** A breaker that is not closed. */
export interface OpenBreaker {
  readonly type: string;
  /** The key it stops; null when it stops the whole type. */
  readonly key: string | null;
  /** `open`: nothing is claimed; `half-open`: probes are. */
  readonly state: "open" | "half-open";
  /** Failures in a row. */
  readonly failures: number;
  /** How often it has opened since it was last closed. */
  readonly openings: number;
  /** How long until a probe goes through; 0 once it may. */
  readonly probeInMs: number;
  /** The last failure that counted. */
  readonly error: RecordedError | null;
}

interface Entry {
  readonly type: string;
  readonly key: string | null;
  readonly breaker: Breaker;
}

/** What an attempt was started with; its end is told under it. */
export interface BreakersPass {
  readonly type: string;
  readonly key: string | null;
  readonly settings: BreakerSettings;
  /** Of the breaker there was; null when there was none. */
  readonly of: { readonly breaker: Breaker; readonly pass: BreakerPass } | null;
}

/** Keeps those that have seen failures. */
export class Breakers {
  readonly #clock: Clock;
  readonly #reporter: Reporter;
  readonly #settingsOf: (type: string) => BreakerSettings | null;
  /** By type, then by key; a type that is stopped as a whole stands under null. */
  readonly #entries = new Map<string, Map<string | null, Entry>>();

  /** @param settingsOf what the executor of a type asks for; null when it has no breaker */
  constructor(clock: Clock, reporter: Reporter, settingsOf: (type: string) => BreakerSettings | null) {
    this.#clock = clock;
    this.#reporter = reporter;
    this.#settingsOf = settingsOf;
  }

  /** How many tasks of the type and key may start. */
  room(type: string, key: string | null): number {
    const settings = this.#settingsOf(type);
    if (settings === null || isOutside(settings, key)) return Number.POSITIVE_INFINITY;
    return this.#look(this.#find(settings, type, key))?.breaker.room ?? Number.POSITIVE_INFINITY;
  }

  /** How many tasks of a type may start whatever their key. */
  roomOfType(type: string): number {
    return this.#settingsOf(type)?.per === "type" ? this.room(type, null) : Number.POSITIVE_INFINITY;
  }

  /** The keys of a type of which not any number may start. */
  keys(type: string): readonly string[] {
    if (this.#settingsOf(type)?.per !== "key") return [];
    const found: string[] = [];
    for (const entry of this.#entries.get(type)?.values() ?? []) {
      const limit = this.#look(entry)?.breaker.room ?? Number.POSITIVE_INFINITY;
      if (entry.key !== null && Number.isFinite(limit)) found.push(entry.key);
    }
    return found;
  }

  /** Types of which a key is not closed. */
  get types(): Iterable<string> {
    return this.#entries.keys();
  }

  /** An attempt starts; null when nobody asks how it ends. */
  start(type: string, key: string | null): BreakersPass | null {
    const settings = this.#settingsOf(type);
    if (settings === null || isOutside(settings, key)) return null;
    const breaker = this.#look(this.#find(settings, type, key))?.breaker;
    return { type, key, settings, of: breaker === undefined ? null : { breaker, pass: breaker.start() } };
  }

  /** An attempt has ended. */
  end({ type, key, settings, of }: BreakersPass, sign: Sign | null): void {
    if (of !== null && !of.breaker.isCurrent(of.pass)) return;
    let entry = this.#find(settings, type, key);
    if (entry === undefined) {
      if (sign?.kind !== "failure") return;
      entry = this.#add(type, settings.per === "type" ? null : key, settings);
    }
    const { breaker } = entry;
    // There was another one when it started, or none: it counts as long as this one is closed.
    if (breaker !== of?.breaker && breaker.standing !== "closed") return;
    const pass = breaker === of?.breaker ? of.pass : breaker.start();
    this.#tell(entry, breaker.end(pass, sign, this.#clock.monotonicMs()));
    if (breaker.standing === "closed" && breaker.failures === 0) this.#remove(entry);
  }

  /** Those that are not closed. */
  list(): readonly OpenBreaker[] {
    const nowMs = this.#clock.monotonicMs();
    const all = [...this.#entries.values()].flatMap((ofType) => [...ofType.values()]);
    return all.flatMap((entry) => {
      const { breaker, type, key } = this.#look(entry) ?? entry;
      const { standing: state, failures, openings, error } = breaker;
      if (state === "closed") return [];
      return [{ type, key, state, failures, openings, probeInMs: breaker.leftMs(nowMs), error }];
    });
  }

  #find({ per }: BreakerSettings, type: string, key: string | null): Entry | undefined {
    return this.#entries.get(type)?.get(per === "type" ? null : key);
  }

  #look(entry: Entry | undefined): Entry | undefined {
    if (entry !== undefined) this.#tell(entry, entry.breaker.look(this.#clock.monotonicMs()));
    return entry;
  }

  #add(type: string, key: string | null, settings: BreakerSettings): Entry {
    let ofType = this.#entries.get(type);
    if (ofType === undefined) {
      ofType = new Map();
      this.#entries.set(type, ofType);
    }
    const entry = { type, key, breaker: new Breaker(settings) };
    ofType.set(key, entry);
    return entry;
  }

  #remove({ type, key }: Entry): void {
    const ofType = this.#entries.get(type);
    ofType?.delete(key);
    if (ofType?.size === 0) this.#entries.delete(type);
  }

  #tell({ type, key, breaker }: Entry, change: BreakerChange | null): void {
    if (change === null) return;
    const { failures, openings, coolDownMs, error } = breaker;
    if (change === "opened") {
      this.#reporter.report("breaker.opened", { type, key, failures, openings, coolDownMs, error });
    } else if (change === "half-opened") this.#reporter.report("breaker.half-opened", { type, key });
    else this.#reporter.report("breaker.closed", { type, key });
  }
}

/** A task without a key is stopped by no breaker of a key. */
function isOutside({ per }: BreakerSettings, key: string | null): boolean {
  return per === "key" && key === null;
}
