/** What one claim may still take, for stores that choose row by row. */
import type { ClaimRequest } from "./contract.ts";

/** Counts what is taken against the bounds of a request. */
export class ClaimRoom {
  #tasks: number;
  #suspects: number;
  #bytes: number;
  #isEmpty = true;
  readonly #perType: Map<string, number> | null;

  /** `keyOf` says by what the store tells types apart. */
  constructor({ limit, suspectLimit, maxBytes, types }: ClaimRequest, keyOf: (type: string) => string) {
    this.#tasks = limit;
    this.#suspects = suspectLimit;
    this.#bytes = maxBytes;
    this.#perType =
      types === "all" ? null : new Map(types.map(({ type, limit: ofType }) => [keyOf(type), ofType]));
  }

  /** Whether another task could be taken, were it small enough. */
  get isFull(): boolean {
    return this.#tasks <= 0;
  }

  /** Whether another of that kind could be taken, as long as the claim is not full. */
  hasRoomFor(typeKey: string, isSuspect: boolean): boolean {
    if (this.#perType !== null && (this.#perType.get(typeKey) ?? 0) <= 0) return false;
    return !isSuspect || this.#suspects > 0;
  }

  /** Takes a task in if it fits. One that is too large ends the claim: what is older must not be overtaken for ever. */
  admits(typeKey: string, isSuspect: boolean, bytes: number): boolean {
    if (this.isFull || !this.hasRoomFor(typeKey, isSuspect)) return false;
    if (!this.#isEmpty && bytes > this.#bytes) {
      this.#tasks = 0;
      return false;
    }
    this.#isEmpty = false;
    this.#tasks -= 1;
    this.#bytes -= bytes;
    if (isSuspect) this.#suspects -= 1;
    const ofType = this.#perType?.get(typeKey);
    if (ofType !== undefined) this.#perType?.set(typeKey, ofType - 1);
    return true;
  }
}
