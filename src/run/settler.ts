/** Writes outcomes in batches, for as long as it takes. A success is never turned into a failure because writing it failed. */
import { setMaxListeners } from "node:events";

import { StoreRefusedError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import type { SettleAnswer, Settlement, Store } from "../store/contract.ts";
import { safeText } from "../task/safe-error.ts";
import type { Availability } from "./availability.ts";
import { Batcher } from "./batcher.ts";
import { sleep } from "./sleep.ts";

/** Most outcomes of one flush. */
const MAX_SETTLEMENTS = 500;
/** Most flushes under way at once. */
const MAX_FLUSHES = 2;

/** Marks a settlement that the database refuses although nothing in it could be left out. */
const REFUSED: SettleAnswer = Object.freeze({ verdict: "refused", state: "gone" });
/** First delay before such a settlement is tried again; it doubles. */
const FIRST_REFUSAL_MS = 250;
/** Longest delay before such a settlement is tried again. */
const LONGEST_REFUSAL_MS = 15_000;

/** Batches settlements and retries them until they are written or the settler is closed. */
export class Settler {
  readonly #store: Store;
  readonly #ports: Ports;
  readonly #availability: Availability;
  readonly #closing = new AbortController();
  readonly #batcher: Batcher<Settlement, SettleAnswer | null>;
  #unsettled = 0;
  #idle: (() => void)[] = [];

  constructor(store: Store, ports: Ports, availability: Availability) {
    this.#store = store;
    this.#ports = ports;
    this.#availability = availability;
    setMaxListeners(0, this.#closing.signal); // one for each outcome that waits
    this.#batcher = new Batcher({
      maxItems: MAX_SETTLEMENTS,
      // A failure and a late success of one task are two commits: each is true for a moment, and its hook may say so.
      keyOf: ({ id }) => id,
      maxInFlight: MAX_FLUSHES,
      run: (settlements) => this.#write(settlements),
    });
  }

  /** Outcomes that wait to be written. Whoever claims looks at it, so that an outage does not pile them up. */
  get backlog(): number {
    return this.#unsettled;
  }

  /** Writes one outcome; resolves when it is committed, or with null when the settler was closed before. Never rejects. */
  async settle(settlement: Settlement): Promise<SettleAnswer | null> {
    this.#unsettled += 1;
    try {
      for (let refusals = 0; ; refusals += 1) {
        const answer = await this.#batcher.add(settlement);
        if (answer === null || (answer !== REFUSED && answer.verdict !== "busy")) return answer;
        if (this.#closing.signal.aborted) return null;
        // Refused with nothing left to leave out, or locked by somebody: it waits by itself and holds up no other.
        const delayMs = Math.min(FIRST_REFUSAL_MS * 2 ** Math.min(refusals, 30), LONGEST_REFUSAL_MS);
        await sleep(this.#ports.timers, delayMs, this.#closing.signal);
      }
    } finally {
      this.#unsettled -= 1;
      if (this.#unsettled === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /** Resolves once nothing waits any more. */
  whenIdle(): Promise<void> {
    if (this.#unsettled === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Gives up retrying; what is not written by now is left to be executed again. */
  close(): void {
    this.#closing.abort();
  }

  async #write(settlements: readonly Settlement[]): Promise<readonly (SettleAnswer | null)[]> {
    for (;;) {
      try {
        const answers = await this.#store.settle(settlements);
        this.#availability.succeeded("settle");
        return answers;
      } catch (error) {
        if (error instanceof StoreRefusedError) return await this.#isolate(settlements, error);
        if (this.#closing.signal.aborted) return settlements.map(() => null);
        await sleep(this.#ports.timers, this.#availability.failed("settle", error), this.#closing.signal);
      }
    }
  }

  /** One refused value must not hold up the others: halves the batch until it is found, and writes that one plainly. */
  async #isolate(
    settlements: readonly Settlement[],
    error: StoreRefusedError,
  ): Promise<readonly (SettleAnswer | null)[]> {
    const [first] = settlements;
    if (first === undefined) return [];
    if (settlements.length > 1) {
      const half = Math.ceil(settlements.length / 2);
      const left = await this.#write(settlements.slice(0, half));
      return [...left, ...(await this.#write(settlements.slice(half)))];
    }
    const plain = withoutDetails(first, error);
    if (plain === null) {
      this.#availability.failed("settle", error);
      return [REFUSED];
    }
    return await this.#write([plain]);
  }
}

/** The same outcome with nothing in it that a database could refuse; null when it was that already. */
function withoutDetails(settlement: Settlement, refused: StoreRefusedError): Settlement | null {
  if (settlement.kind !== "retry" && settlement.kind !== "fail") return null;
  if (settlement.error.code === "OWED_STORE_REFUSED") return null;
  const message = `the error of the executor could not be stored: ${safeText(refused.message, 500)}`;
  return {
    ...settlement,
    error: { name: "StoreRefusedError", message, code: "OWED_STORE_REFUSED", stack: null },
  };
}
