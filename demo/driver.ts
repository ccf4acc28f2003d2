/** The driver: posts payments over HTTP like clients do who must not pay twice and must not give up. */
import { setTimeout as sleep } from "node:timers/promises";
import { plan } from "./plan.ts";
import type { Payment } from "./tasks.ts";

/** Where the driver finds the service, and whom it tells. */
export interface DriverOptions {
  /** Address of the service; null while it is down. */
  readonly address: () => string | null;
  /** Ends the driving. */
  readonly signal: AbortSignal;
}

const PAUSE_MS = 50;
const REPLY_TIMEOUT_MS = 5_000;

/** Posts every payment until it is answered; the same payment id each time. */
export class Driver {
  readonly #options: DriverOptions;
  readonly #answered = new Set<string>();
  #cut = 0;

  constructor(options: DriverOptions) {
    this.#options = options;
  }

  /** Ids of the payments whose commit was acknowledged. */
  get answered(): ReadonlySet<string> {
    return this.#answered;
  }

  /** Posts that were cut off without an answer, and sent again. */
  get cut(): number {
    return this.#cut;
  }

  /** Posts all payments, in bunches. Resolves when each is answered; rejects when the signal aborts. */
  async run(): Promise<void> {
    await Promise.all(Array.from({ length: plan.payments }, (_, index) => this.#pay(index)));
  }

  async #pay(index: number): Promise<void> {
    const { signal } = this.#options;
    const bunch = Math.floor(index / plan.paymentsPerBunch);
    const place = index % plan.paymentsPerBunch;
    await sleep(bunch * plan.bunchEveryMs + place * plan.spacingMs, undefined, { signal });
    const payment = { paymentId: `p${String(index + 1).padStart(3, "0")}`, amountCents: 100 + index * 7 };
    while (!(await this.#post(payment))) await sleep(PAUSE_MS, undefined, { signal });
    this.#answered.add(payment.paymentId);
  }

  async #post(payment: Payment): Promise<boolean> {
    const address = this.#options.address();
    if (address === null) return false;
    try {
      const reply = await fetch(`${address}/payments`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(payment),
        signal: AbortSignal.any([this.#options.signal, AbortSignal.timeout(REPLY_TIMEOUT_MS)]),
      });
      await reply.arrayBuffer();
      return reply.ok;
    } catch {
      this.#options.signal.throwIfAborted();
      this.#cut += 1;
      return false;
    }
  }
}
