/** Writes outcomes in batches, for as long as it takes. A success is never turned into a failure because writing it failed. */
import { setMaxListeners } from "node:events";

import { StoreRefusedError } from "../errors.ts";
import type { Ports } from "../ports/ports.ts";
import type { SettleAnswer, Settlement, Store } from "../store/contract.ts";
import { safeText } from "../task/safe-error.ts";
import type { FlushedOutcome } from "../telemetry/channels.ts";
import type { Availability } from "./availability.ts";
import { Batcher } from "./batcher.ts";
import type { Reporter } from "./reporter.ts";
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

/** An outcome that is not written yet. */
interface Unsettled {
  readonly settlement: Settlement;
  readonly told: (answer: SettleAnswer | null) => void;
  readonly failed: (error: unknown) => void;
  /** How often it came back. */
  refusals: number;
}

/** Batches settlements and retries them until they are written or the settler is closed. */
export class Settler {
  readonly #store: Store;
  readonly #ports: Ports;
  readonly #availability: Availability;
  readonly #reporter: Reporter;
  readonly #closing = new AbortController();
  readonly #batcher: Batcher<Unsettled, SettleAnswer | null>;
  #unsettled = 0;
  #idle: (() => void)[] = [];

  constructor(store: Store, ports: Ports, availability: Availability, reporter: Reporter) {
    this.#store = store;
    this.#ports = ports;
    this.#availability = availability;
    this.#reporter = reporter;
    setMaxListeners(0, this.#closing.signal); // one for each outcome that waits
    this.#batcher = new Batcher({
      maxItems: MAX_SETTLEMENTS,
      // A failure and a late success of one task are two commits: each is true for a moment, and its hook may say so.
      keyOf: ({ settlement }) => settlement.id,
      maxInFlight: MAX_FLUSHES,
      // What ends in one turn of the event loop travels together, however many followed each other on one slot.
      soon: (callback) => ports.timers.after(0, callback),
      run: (unsettled) => this.#write(unsettled.map(({ settlement }) => settlement)),
      answered: (one, answer) => this.#answered(one, answer),
      failed: (one, error) => {
        this.#ended();
        one.failed(error);
      },
    });
  }

  /** Outcomes that wait to be written. Whoever claims looks at it, so that an outage does not pile them up. */
  get backlog(): number {
    return this.#unsettled;
  }

  /**
   * Writes one outcome. `told` hears once it is committed, or null when the settler was closed before; `failed` when the
   * store answers what it must not. One of them is called, once.
   */
  settle(
    settlement: Settlement,
    told: (answer: SettleAnswer | null) => void,
    failed: (error: unknown) => void,
  ): void {
    this.#unsettled += 1;
    this.#batcher.add({ settlement, told, failed, refusals: 0 });
  }

  #answered(one: Unsettled, answer: SettleAnswer | null): void {
    const isOpen = answer === REFUSED || answer?.verdict === "busy";
    if (isOpen && !this.#closing.signal.aborted) {
      void this.#tryLater(one);
    } else {
      this.#ended();
      one.told(isOpen ? null : answer);
    }
  }

  /** Refused with nothing left to leave out, or locked by somebody: it waits by itself and holds up no other. */
  async #tryLater(one: Unsettled): Promise<void> {
    const delayMs = Math.min(FIRST_REFUSAL_MS * 2 ** Math.min(one.refusals, 30), LONGEST_REFUSAL_MS);
    one.refusals += 1;
    await sleep(this.#ports.timers, delayMs, this.#closing.signal);
    this.#batcher.add(one);
  }

  #ended(): void {
    this.#unsettled -= 1;
    if (this.#unsettled === 0) for (const resolve of this.#idle.splice(0)) resolve();
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
        const sentMs = this.#ports.clock.monotonicMs();
        const answers = await this.#store.settle(settlements);
        this.#availability.succeeded("settle");
        this.#reporter.tell("flush.done", () => ({
          durationMs: this.#ports.clock.monotonicMs() - sentMs,
          outcomes: settlements.map((settlement, index) => flushed(settlement, answers[index])),
        }));
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

function flushed({ taskId, token }: Settlement, answer: SettleAnswer = REFUSED): FlushedOutcome {
  const { owner, claim } = token;
  return { taskId, owner, claim, verdict: answer.verdict, state: answer.state };
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
