/** Listens, beside a worker, for work that other processes announce. It tests itself, and gives way to polling wherever it fails. */
import { StoreUnavailableError } from "../errors.ts";
import type { Timers } from "../ports/ports.ts";
import type { Listening, WakeUps } from "../store/contract.ts";
import { safeError } from "../task/safe-error.ts";
import type { Reporter } from "./reporter.ts";
import { sleep } from "./sleep.ts";

/** A listener that has heard nothing for this long sends itself a wake-up: a connection can die without a word. */
const TEST_EVERY_MS = 10_000;
/** A wake-up of its own that has not come back after this long does not come. */
const PATIENCE_MS = 4_000;
/** The wait before it listens again after a loss; it doubles from try to try. */
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/** What the listener works with. */
interface WakeUpParts {
  readonly wakeUps: WakeUps | undefined;
  readonly timers: Timers;
  readonly reporter: Reporter;
  /** Told of each wake-up, and once whenever it begins to listen: what came before was not heard. */
  readonly onWake: () => void;
}

/** How one time of listening ended: never to be tried again, or with an error. */
type End = { readonly off: "pooler" | "unheard" } | { readonly error: unknown };

/** Hears wake-ups while it is started. */
export class WakeUpListener {
  readonly #parts: WakeUpParts;
  /** Aborted by a stop; each start has its own. */
  #stopping = new AbortController();
  /** Failures since it last heard itself. */
  #failures = 0;
  #hasHeardItself = false;
  #hasHeard = false;

  constructor(parts: WakeUpParts) {
    this.#parts = parts;
  }

  /** Starts to listen, where the store has a way; tries again for as long as that fails. */
  start(): void {
    if (this.#parts.wakeUps?.listen === undefined) return;
    this.#stopping = new AbortController();
    this.#failures = 0;
    this.#hasHeardItself = false;
    void this.#run(this.#stopping.signal);
  }

  /** Closes the connection at once, whatever the network does. */
  stop(): void {
    this.#stopping.abort();
  }

  async #run(stopping: AbortSignal): Promise<void> {
    const { reporter, timers } = this.#parts;
    while (!stopping.aborted) {
      const end = await this.#listenOnce(stopping);
      if (stopping.aborted) return;
      if ("off" in end) return reporter.report("wake-ups.off", { reason: end.off });
      if (this.#failures === 0) reporter.report("wake-ups.lost", { error: safeError(end.error) });
      const retryMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 30), LONGEST_RETRY_MS);
      this.#failures += 1;
      await sleep(timers, retryMs, stopping, false);
    }
  }

  /** One connection, from its opening until it is closed. */
  async #listenOnce(stopping: AbortSignal): Promise<End> {
    const closing = new AbortController();
    const close = (): void => closing.abort();
    const onLost = (error: unknown): void => closing.abort(error);
    const onWake = (): void => {
      this.#hasHeard = true;
      this.#parts.onWake();
    };
    stopping.addEventListener("abort", close, { once: true });
    try {
      const listening = (await this.#parts.wakeUps?.listen?.({ onWake, onLost }, closing.signal)) ?? null;
      return listening === null
        ? { off: "pooler" }
        : await this.#testAgainAndAgain(listening, closing.signal);
    } catch (error) {
      return { error };
    } finally {
      close();
      stopping.removeEventListener("abort", close);
    }
  }

  /** Goes on until it does not hear itself, or the signal is aborted: with what has happened. */
  async #testAgainAndAgain(listening: Listening, signal: AbortSignal): Promise<End> {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      if (isFirst || !this.#hasHeard) {
        const outcome = await this.#test(listening, signal);
        if (signal.aborted) break;
        if (outcome === "unheard" && !this.#hasHeardItself) return { off: "unheard" };
        if (outcome !== "heard") return { error: silence() };
      }
      if (isFirst) this.#begin();
      this.#hasHeard = false;
      await sleep(this.#parts.timers, TEST_EVERY_MS, signal, false);
    }
    return { error: signal.reason };
  }

  #begin(): void {
    this.#hasHeardItself = true;
    this.#failures = 0;
    this.#parts.reporter.report("wake-ups.on", {});
    this.#parts.onWake();
  }

  /** Sends itself a wake-up. `unheard`: it was sent, and did not come; `unsent`: it is not known to be sent. */
  #test(listening: Listening, signal: AbortSignal): Promise<"heard" | "unheard" | "unsent"> {
    return new Promise((resolve, reject) => {
      let outcome: "unheard" | "unsent" = "unsent";
      const timer = this.#parts.timers.after(PATIENCE_MS, () => over(), { keepsProcessAlive: false });
      const over = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", over);
        resolve(outcome);
      };
      signal.addEventListener("abort", over, { once: true });
      const heard = async (): Promise<void> => {
        const probe = await listening.probe();
        outcome = "unheard";
        await probe.heard;
        resolve("heard");
      };
      void heard().catch(reject).finally(over);
    });
  }
}

function silence(): StoreUnavailableError {
  return new StoreUnavailableError("the connection that listens does not hear itself any more", {
    outcomeUnknown: false,
  });
}
