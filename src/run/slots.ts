/** Slots: how much runs at once in this process, in all, by type, and suspects. */

/** Limits of the slots. */
interface SlotLimits {
  readonly total: number;
  /** Most of these slots that one type may take. */
  readonly ofType: (type: string) => number;
  /** What a type may still take in the whole process; shared by all slots of it. */
  readonly typeLimits: TypeLimits;
}

/** Counts each type over all slots of the process, against the concurrency its executor asks for. */
export class TypeLimits {
  readonly #concurrencyOf: (type: string) => number;
  readonly #running = new Map<string, number>();

  constructor(concurrencyOf: (type: string) => number) {
    this.#concurrencyOf = concurrencyOf;
  }

  /** How many more of the type may run. */
  free(type: string): number {
    return this.#concurrencyOf(type) - (this.#running.get(type) ?? 0);
  }

  /** Whether its executor bounds how many of the type run at once. */
  isBounded(type: string): boolean {
    return Number.isFinite(this.#concurrencyOf(type));
  }

  /** Counts more, or fewer. */
  count(type: string, change: number): void {
    addTo(this.#running, type, change);
  }
}

/** Keeps a count per key; a count of 0 takes no place. */
function addTo(counts: Map<string, number>, key: string, change: number): void {
  const count = (counts.get(key) ?? 0) + change;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}

/** Where a taken slot is given back. */
export interface Slot {
  /** True while its executor runs beyond its timeout. */
  readonly isZombie: boolean;
  /** The executor ignored its timeout: the slot stays taken, and counts as a zombie. */
  becomeZombie(): void;
  /** Gives the slot back; a second call does nothing. */
  release(): void;
}

type Standing = "running" | "zombie" | "released";

/** A class, since every attempt takes one. */
class TakenSlot implements Slot {
  readonly type: string;
  readonly isSuspect: boolean;
  readonly #changed: (slot: TakenSlot, before: Standing) => void;
  #standing: Standing = "running";

  constructor(type: string, isSuspect: boolean, changed: (slot: TakenSlot, before: Standing) => void) {
    this.type = type;
    this.isSuspect = isSuspect;
    this.#changed = changed;
  }

  get isZombie(): boolean {
    return this.#standing === "zombie";
  }

  becomeZombie(): void {
    if (this.#standing === "running") this.#change("zombie");
  }

  release(): void {
    if (this.#standing !== "released") this.#change("released");
  }

  #change(standing: Standing): void {
    const before = this.#standing;
    this.#standing = standing;
    this.#changed(this, before);
  }
}

/**
 * Counts running attempts. Zombies take at most half of the slots, beyond that they are written off; against their type
 * they do not count, so that a deaf executor cannot end its type.
 */
export class Slots {
  readonly #limits: SlotLimits;
  readonly #byType = new Map<string, number>();
  readonly #onRelease: (type: string) => void;
  #releaseWaiters: (() => void)[] = [];
  #running = 0;
  #suspects = 0;
  #zombies = 0;

  constructor(limits: SlotLimits, onRelease: (type: string) => void) {
    this.#limits = limits;
    this.#onRelease = onRelease;
  }

  /** How many slots there are. */
  get total(): number {
    return this.#limits.total;
  }

  /** Attempts that hold a slot, zombies not counted. */
  get running(): number {
    return this.#running;
  }

  /** Attempts beyond their timeout whose executors have not returned. */
  get zombies(): number {
    return this.#zombies;
  }

  /** Slots free now. */
  get free(): number {
    const takenByZombies = Math.min(this.#zombies, Math.floor(this.#limits.total / 2));
    return Math.max(this.#limits.total - takenByZombies - this.#running, 0);
  }

  /** How many more suspects may run: a quarter of all slots, at least one. */
  get freeForSuspects(): number {
    return Math.max(Math.max(Math.floor(this.#limits.total / 4), 1) - this.#suspects, 0);
  }

  /** Slots free for a type. */
  freeFor(type: string): number {
    const { ofType, typeLimits } = this.#limits;
    return Math.max(
      Math.min(this.free, ofType(type) - (this.#byType.get(type) ?? 0), typeLimits.free(type)),
      0,
    );
  }

  /** Whether the type takes all it may, whatever else runs. */
  isTypeFull(type: string): boolean {
    const { ofType, typeLimits } = this.#limits;
    return Math.min(ofType(type) - (this.#byType.get(type) ?? 0), typeLimits.free(type)) <= 0;
  }

  /** Takes a slot, whatever is free: the caller has asked before it claimed. */
  take(type: string, isSuspect: boolean): Slot {
    this.#running += 1;
    this.#count(type, 1);
    if (isSuspect) this.#suspects += 1;
    return new TakenSlot(type, isSuspect, this.#changed);
  }

  readonly #changed = (slot: TakenSlot, before: Standing): void => {
    const { type, isSuspect } = slot;
    if (before === "running") {
      this.#running -= 1;
      if (isSuspect) this.#suspects -= 1;
      this.#count(type, -1);
      if (slot.isZombie) this.#zombies += 1;
    } else this.#zombies -= 1;
    for (const callback of this.#releaseWaiters.splice(0)) callback();
    this.#onRelease(type);
  };

  /** Resolves once nothing runs, nor more zombies than said; by default they are not waited for. */
  async whenQuiet(zombies = Number.POSITIVE_INFINITY): Promise<void> {
    while (this.#running > 0 || this.#zombies > zombies)
      await new Promise<void>((resolve) => this.#releaseWaiters.push(resolve));
  }

  #count(type: string, change: 1 | -1): void {
    addTo(this.#byType, type, change);
    this.#limits.typeLimits.count(type, change);
  }
}
