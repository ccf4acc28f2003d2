/** What one claim may still take. */
import { typeHash } from "../../task/type-hash.ts";
import type { ClaimRequest } from "../contract.ts";

/** A task that may be claimed. */
export interface Candidate {
  readonly id: number;
  readonly due: number;
  readonly lost_attempts: number;
  /** 1 when the process that held it has died. */
  readonly dead: number;
  /** Hash of its type. */
  readonly type: string;
}

/** Counts what is taken in against the bounds of a request. */
export class ClaimRoom {
  #tasks: number;
  #suspects: number;
  #bytes: number;
  #isEmpty = true;
  readonly #perType: Map<string, number> | null;

  constructor({ limit, suspectLimit, maxBytes, types }: ClaimRequest) {
    this.#tasks = limit;
    this.#suspects = suspectLimit;
    this.#bytes = maxBytes;
    this.#perType =
      types === "all" ? null : new Map(types.map(({ type, limit: ofType }) => [typeHash(type), ofType]));
  }

  /** Takes the task in if it fits. One that is too large ends the claim: what is older must not be overtaken for ever. */
  admits({ type, lost_attempts }: Candidate, bytes: number): boolean {
    const ofType = this.#perType?.get(type);
    const isSuspect = lost_attempts > 0;
    if (this.#tasks <= 0 || (ofType !== undefined && ofType <= 0)) return false;
    if (isSuspect && this.#suspects <= 0) return false;
    if (!this.#isEmpty && bytes > this.#bytes) {
      this.#tasks = 0;
      return false;
    }
    this.#isEmpty = false;
    this.#tasks -= 1;
    this.#bytes -= bytes;
    if (isSuspect) this.#suspects -= 1;
    if (ofType !== undefined) this.#perType?.set(type, ofType - 1);
    return true;
  }
}
