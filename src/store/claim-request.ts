/** Claims, part of the store contract: what a process asks for, and what it is answered. */
import type { ClaimedTask } from "../task/task.ts";

/** A type of which a claim may take so many. */
export interface TypeRoom {
  readonly type: string;
  readonly limit: number;
  /** Set where its keys have limits of their own. */
  readonly keys?: KeyRooms | undefined;
}

/** How many tasks of each key of a type may be taken. Those without a key are not limited by it. */
export interface KeyRooms {
  /** Of each key that is not named. */
  readonly each: number;
  /** Of these keys; with 0 a key is passed over, also when a task of it waits to be claimed alone. */
  readonly of: readonly { readonly key: string; readonly limit: number }[];
}

/** What a process asks for when it claims. */
export interface ClaimRequest {
  readonly owner: string;
  /** The new claim's number; the store writes it, it never invents one. */
  readonly claim: number;
  /** The types this process can execute, each with how many it can take now; or any type, for raw schedulers. */
  readonly types: readonly TypeRoom[] | "all";
  /** How many tasks at most, over all types. With 0 nothing is claimed: it tells whether a task waits to be claimed alone. */
  readonly limit: number;
  /** How many bytes of data at most; the first task is handed over whatever its size. */
  readonly maxBytes: number;
  /** How many of them may be suspects (lost once before). */
  readonly suspectLimit: number;
  /**
   * True: exactly one task that was lost twice or more, and nothing else: the process is idle and will run it alone.
   * `limit`, `suspectLimit` and the limits per type are not looked at.
   */
  readonly alone: boolean;
  /**
   * Claim numbers of this owner that it still knows. Its rows under any other number *below* `claim` are free, at no
   * cost; those under a higher number were born, or claimed, after this list was made, and are held.
   */
  readonly liveClaims: readonly number[];
}

/** Who claims, under which number, and which numbers it still knows. */
export type ClaimHolder = Pick<ClaimRequest, "owner" | "claim" | "liveClaims">;

/** What a process asks for when it names the tasks. */
export interface ClaimByIdRequest extends ClaimHolder {
  readonly taskIds: readonly string[];
  readonly types: readonly string[] | "all";
  /** Tasks of these keys are left alone. */
  readonly without?: readonly { readonly type: string; readonly key: string }[] | undefined;
}

/** Which claims a process has ended, and where the last page of rows ended; null for the first. */
export interface EndedClaimsRequest extends ClaimHolder {
  readonly after: string | null;
}

/** Answer to `freeEndedClaims`. */
export interface EndedClaimsAnswer {
  /** Rows that were left because somebody holds a lock on them, or has just changed them. */
  readonly left: number;
  /** Where the next page begins; null when this was the last. */
  readonly next: string | null;
}

/** Answer to `claim`. */
export interface ClaimAnswer {
  readonly tasks: readonly ClaimedTask[];
  /** True when a due task of these types waits that was lost twice or more, whatever the limits: somebody idle should claim it alone. */
  readonly aloneDue: boolean;
  /** True when the store has not looked at all keys that may have something due: the next claim goes on behind them. */
  readonly moreKeys?: boolean;
}
