/** What one claim may still take, for stores that choose row by row. */
import type { ClaimRequest } from "./contract.ts";

/** What a task is counted by. */
interface Counted {
  /** By what the store tells types apart. */
  readonly type: string;
  readonly key: string | null;
  readonly isSuspect: boolean;
}

/** What may still be taken of each key of a type. */
class KeysLeft {
  readonly #each: number;
  readonly #left: Map<string, number>;

  constructor(each: number, left: Map<string, number>) {
    this.#each = each;
    this.#left = left;
  }

  of(key: string | null): number {
    return key === null ? Number.POSITIVE_INFINITY : (this.#left.get(key) ?? this.#each);
  }

  take(key: string | null): void {
    if (key !== null) this.#left.set(key, this.of(key) - 1);
  }
}

/** Counts what is taken against the bounds of a request. */
export class ClaimRoom {
  #tasks: number;
  #suspects: number;
  #bytes: number;
  #isEmpty = true;
  readonly #perType: Map<string, number> | null;
  readonly #keys = new Map<string, KeysLeft>();

  /** `nameOf` says by what the store tells types apart, `keyOf` by what keys. */
  constructor(
    { limit, suspectLimit, maxBytes, types }: ClaimRequest,
    nameOf: (type: string) => string,
    keyOf: (type: string, key: string) => string,
  ) {
    this.#tasks = limit;
    this.#suspects = suspectLimit;
    this.#bytes = maxBytes;
    this.#perType =
      types === "all" ? null : new Map(types.map(({ type, limit: ofType }) => [nameOf(type), ofType]));
    for (const { type, keys } of types === "all" ? [] : types) {
      if (keys === undefined) continue;
      const left = new Map(keys.of.map(({ key, limit: ofKey }) => [keyOf(type, key), ofKey]));
      this.#keys.set(nameOf(type), new KeysLeft(keys.each, left));
    }
  }

  /** Whether another task could be taken, were it small enough. */
  get isFull(): boolean {
    return this.#tasks <= 0;
  }

  /** How many of the key may still be taken. */
  ofKey(type: string, key: string | null): number {
    return this.#keys.get(type)?.of(key) ?? Number.POSITIVE_INFINITY;
  }

  /** Whether another of that kind could be taken, as long as the claim is not full. */
  hasRoomFor({ type, key, isSuspect }: Counted): boolean {
    if (this.#perType !== null && (this.#perType.get(type) ?? 0) <= 0) return false;
    return this.ofKey(type, key) > 0 && (!isSuspect || this.#suspects > 0);
  }

  /** Takes a task in if it fits. One that is too large ends the claim: what is older must not be overtaken for ever. */
  admits(task: Counted, bytes: number): boolean {
    if (this.isFull || !this.hasRoomFor(task)) return false;
    if (!this.#isEmpty && bytes > this.#bytes) {
      this.#tasks = 0;
      return false;
    }
    this.#isEmpty = false;
    this.#tasks -= 1;
    this.#bytes -= bytes;
    if (task.isSuspect) this.#suspects -= 1;
    this.#keys.get(task.type)?.take(task.key);
    const ofType = this.#perType?.get(task.type);
    if (ofType !== undefined) this.#perType?.set(task.type, ofType - 1);
    return true;
  }
}
