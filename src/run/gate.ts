/** The gate of one process: how many attempts of a type and key may start, by the limits of keys and by circuit breakers. */
import type { Clock } from "../ports/ports.ts";
import type { KeyRooms } from "../store/contract.ts";
import type { Outcome } from "../task/outcome.ts";
import type { Sign } from "./breaker.ts";
import type { Breakers, BreakersPass } from "./breakers.ts";
import type { Executors } from "./executors.ts";
import { Pace } from "./pace.ts";

/** What is told apart by the gate. */
export interface TypeAndKey {
  readonly type: string;
  readonly key: string | null;
}

/** A permission that was used: one attempt. Its end makes room. */
export interface Pass {
  /** The attempt is over; null when it says nothing of what its executor depends on. A second call does nothing. */
  end(outcome: Outcome | null): void;
}

/** What counts against the room of a key, or of a whole type. */
interface Count {
  running: number;
  /** Claimed, and waiting for a slot. */
  claimed: number;
  /** Born claimed, and not started. Nobody knows when their transactions commit, so only other births wait for them. */
  born: number;
}

const nothing: Readonly<Count> = Object.freeze({ running: 0, claimed: 0, born: 0 });
const free: Pass = Object.freeze({ end: () => undefined });

/** Counts attempts by key, over the worker, the fast path and direct execution. Every start asks here, so that no limit is passed. */
export class Gate {
  readonly #executors: Pick<Executors, "concurrencyPerKeyOf" | "breakerOf">;
  readonly #breakers: Breakers;
  readonly #clock: Pick<Clock, "monotonicMs">;
  readonly #pace = new Pace();
  readonly #onRoom: () => void;
  /** By type, then by key; a type as a whole stands under null. What is nothing takes no place. */
  readonly #counts = new Map<string, Map<string | null, Count>>();

  /** @param onRoom told when an attempt has ended of a type or key of which no other might start */
  constructor(
    executors: Pick<Executors, "concurrencyPerKeyOf" | "breakerOf">,
    breakers: Breakers,
    clock: Pick<Clock, "monotonicMs">,
    onRoom: () => void,
  ) {
    this.#executors = executors;
    this.#breakers = breakers;
    this.#clock = clock;
    this.#onRoom = onRoom;
  }

  /** How many more a claim may ask for: for the room there is, and ahead of attempts that end soon. */
  room({ type, key }: TypeAndKey): number {
    this.#pace.turn(this.#clock.monotonicMs());
    const ahead = this.#pace.of(nameOf(type, key));
    return Math.min(this.#roomOfKey(type, key) + ahead, this.#roomOfBreaker(type, key));
  }

  /** Whether another task may be born claimed. */
  admits({ type, key }: TypeAndKey): boolean {
    const ofKey = this.#roomOfKey(type, key) - this.#countOf(type, key).born;
    const ofBreaker =
      this.#roomOfBreaker(type, key) - this.#countOf(type, this.#placeOfBreaker(type, key)).born;
    return Math.min(ofKey, ofBreaker) > 0;
  }

  /** Whether one that is claimed may start now. */
  mayStart({ type, key }: TypeAndKey): boolean {
    const isBelow = this.#limitOf(type, key) > this.#countOf(type, key).running;
    return isBelow && this.#breakers.room(type, key) > 0;
  }

  /** How many of a type a claim may ask for, whatever their keys. */
  roomOfType(type: string): number {
    return this.#breakers.roomOfType(type) - this.#countOf(type, null).claimed;
  }

  /** What a claim asks of the keys of a type; undefined when they do not matter. */
  keyRooms(type: string): KeyRooms | undefined {
    const each = this.#executors.concurrencyPerKeyOf(type);
    if (!this.#asksByKeys(type)) return undefined;
    const of = this.#keysOf(type).flatMap((key) => {
      const limit = Math.max(this.room({ type, key }), 0);
      return limit === each ? [] : [{ key, limit }];
    });
    return { each: Math.min(each, Number.MAX_SAFE_INTEGER), of };
  }

  /** The keys of a type of which something is known. */
  #keysOf(type: string): readonly string[] {
    const keys = new Set([...(this.#counts.get(type)?.keys() ?? []), ...this.#breakers.keys(type)]);
    return [...keys].filter((key) => key !== null);
  }

  /** Whether a claim asks by the keys of a type. */
  #asksByKeys(type: string): boolean {
    const isLimited = Number.isFinite(this.#executors.concurrencyPerKeyOf(type));
    return isLimited || this.#executors.breakerOf(type)?.per === "key";
  }

  /** Keys of which nothing may start now. */
  fullKeys(): readonly { readonly type: string; readonly key: string }[] {
    const types = new Set([...this.#counts.keys(), ...this.#breakers.types]);
    return [...types].flatMap((type) =>
      this.#keysOf(type).flatMap((key) => (this.mayStart({ type, key }) ? [] : [{ type, key }])),
    );
  }

  /** A task is claimed and waits for a slot, or is born claimed. */
  hold(task: TypeAndKey, as: "claimed" | "born"): void {
    this.#change(task, as, 1);
  }

  /** It starts now, or does not. */
  unhold(task: TypeAndKey, as: "claimed" | "born"): void {
    this.#change(task, as, -1);
  }

  /** An attempt starts; the caller has asked. */
  enter(task: TypeAndKey): Pass {
    const toBreakers = this.#breakers.start(task.type, task.key);
    if (toBreakers === null && this.#placesOf(task).length === 0) return free;
    this.#change(task, "running", 1);
    let isOver = false;
    return {
      end: (outcome) => {
        if (isOver) return;
        isOver = true;
        const wasFull = !this.mayStart(task);
        this.#change(task, "running", -1);
        this.#ended(task);
        this.#tell(toBreakers, outcome);
        if (wasFull && this.mayStart(task)) this.#onRoom();
      },
    };
  }

  /** A pace is kept of what has a limit alone. */
  #ended({ type, key }: TypeAndKey): void {
    if (!Number.isFinite(this.#limitOf(type, key))) return;
    this.#pace.turn(this.#clock.monotonicMs());
    this.#pace.ended(nameOf(type, key));
  }

  #tell(pass: BreakersPass | null, outcome: Outcome | null): void {
    if (pass !== null) this.#breakers.end(pass, outcome === null ? null : signOf(outcome));
  }

  #limitOf(type: string, key: string | null): number {
    return key === null ? Number.POSITIVE_INFINITY : this.#executors.concurrencyPerKeyOf(type);
  }

  #roomOfKey(type: string, key: string | null): number {
    const { running, claimed } = this.#countOf(type, key);
    return this.#limitOf(type, key) - running - claimed;
  }

  #roomOfBreaker(type: string, key: string | null): number {
    return this.#breakers.room(type, key) - this.#countOf(type, this.#placeOfBreaker(type, key)).claimed;
  }

  #placeOfBreaker(type: string, key: string | null): string | null {
    return this.#executors.breakerOf(type)?.per === "key" ? key : null;
  }

  /** Under which keys a task is counted; under null with its whole type. */
  #placesOf({ type, key }: TypeAndKey): readonly (string | null)[] {
    const ofKey = key !== null && this.#asksByKeys(type) ? [key] : [];
    return this.#executors.breakerOf(type)?.per === "type" ? [...ofKey, null] : ofKey;
  }

  #countOf(type: string, key: string | null): Readonly<Count> {
    return this.#counts.get(type)?.get(key) ?? nothing;
  }

  #change(task: TypeAndKey, what: keyof Count, change: 1 | -1): void {
    for (const place of this.#placesOf(task)) {
      const ofType = this.#counts.get(task.type) ?? new Map<string | null, Count>();
      const count = { ...(ofType.get(place) ?? nothing) };
      count[what] += change;
      if (count.running + count.claimed + count.born > 0) ofType.set(place, count);
      else ofType.delete(place);
      if (ofType.size > 0) this.#counts.set(task.type, ofType);
      else this.#counts.delete(task.type);
    }
  }
}

function nameOf(type: string, key: string | null): string {
  return `${type}\0${key}`;
}

/** A timeout is a failure; a permanent error, or data that cannot be read, is the task's own; a stop says nothing. */
function signOf(outcome: Outcome): Sign | null {
  switch (outcome.kind) {
    case "succeeded":
      return { kind: "success" };
    case "failed":
      return outcome.permanent ? null : { kind: "failure", error: outcome.error, afterMs: 0 };
    case "deferred":
      return { kind: "failure", error: outcome.error, afterMs: outcome.delayMs };
    case "undecodable":
    case "abandoned":
      return null;
  }
}
