/** The show: payments are posted, the service is killed and started again, until nothing is owed any more. */
import { setMaxListeners } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readBooks } from "./audit.ts";
import { Driver } from "./driver.ts";
import type { Evidence } from "./evidence.ts";
import { Merchant } from "./merchant.ts";
import { type FirstAttemptPath, firstAttemptLatencies } from "./moments.ts";
import { type DatabaseLocation, openPaymentBook, type PaymentBook } from "./payment-book.ts";
import { plan } from "./plan.ts";
import type { Screen } from "./screen.ts";
import { ServiceProcess } from "./service-process.ts";

/** What the show needs. */
export interface ShowParts {
  readonly location: DatabaseLocation;
  /** For everything that is written; somebody else removes it. */
  readonly folder: string;
  readonly screen: Screen;
  /** Ends the show before its time: it rejects with the signal's reason. */
  readonly signal: AbortSignal;
}

/** What is left to be judged when it is over. */
export interface ShowResult {
  readonly evidence: Evidence;
  readonly latencies: ReadonlyMap<FirstAttemptPath, readonly number[]>;
}

const PROGRESS_EVERY_MS = 200;
const LOOK_EVERY_MS = 200;
const SHORT_MS = 5;

/** Runs the show. Whatever happens, service and merchant have ended when it settles. */
export async function show(parts: ShowParts): Promise<ShowResult> {
  const merchant = new Merchant();
  const stage = new Stage(parts, merchant, await merchant.listen());
  try {
    return await stage.play();
  } finally {
    await stage.end();
    merchant.close();
  }
}

/** The processes of one show, and what they have come to. */
class Stage {
  readonly #screen: Screen;
  readonly #merchant: Merchant;
  readonly #service: ServiceProcess;
  readonly #driver: Driver;
  readonly #location: DatabaseLocation;
  readonly #files: { readonly receiptsFolder: string; readonly momentsFile: string };
  readonly #failure = new AbortController();
  readonly #timeUp = AbortSignal.timeout(plan.deadlineMs);
  readonly #end: AbortSignal;
  /** Either: the end of the show, or the end of its time. */
  readonly #showEnds: AbortSignal;
  #book: PaymentBook | null = null;
  #progress: NodeJS.Timeout | null = null;
  #pending = 0;
  /** From a kill until the lease of the killed process has lapsed. */
  #isLeaseRunning = false;

  constructor({ location, folder, screen, signal }: ShowParts, merchant: Merchant, merchantUrl: string) {
    this.#screen = screen;
    this.#merchant = merchant;
    this.#location = location;
    this.#files = { receiptsFolder: join(folder, "receipts"), momentsFile: join(folder, "moments.log") };
    mkdirSync(this.#files.receiptsFolder);
    writeFileSync(this.#files.momentsFile, "");
    this.#end = AbortSignal.any([signal, this.#failure.signal]);
    this.#service = new ServiceProcess(
      { database: location, merchantUrl, folder, ...this.#files },
      {
        onDeclaredDead: (pid) => this.#onDeclaredDead(pid),
        onComplaint: (line) => screen.event(`service: ${line}`),
        onUnexpectedEnd: () => this.#failure.abort(new Error("The service ended by itself.")),
      },
    );
    this.#showEnds = AbortSignal.any([this.#end, this.#timeUp]);
    setMaxListeners(0, this.#showEnds); // one for each payment under way
    this.#driver = new Driver({
      address: () => this.#service.address,
      signal: this.#showEnds,
    });
  }

  async play(): Promise<ShowResult> {
    const pid = await this.#service.start();
    this.#screen.event(`service started as process ${pid}`);
    this.#book = await openPaymentBook(this.#location);
    this.#progress = setInterval(() => this.#showProgress(), PROGRESS_EVERY_MS);
    await this.#untilTimeIsUp(() => Promise.all([this.#driver.run(), this.#killAgainAndAgain()]));
    this.#screen.event(
      `all payments answered; ${this.#driver.cut} posts had been cut off and were sent again`,
    );
    await this.#untilTimeIsUp(() => this.#nothingPending());
    this.#stopProgress();
    await this.#service.stop();
    this.#screen.event(
      this.#timeUp.aborted ? "time is up, service stopped" : "nothing is owed any more, service stopped",
    );
    return await this.#result(this.#book);
  }

  async end(): Promise<void> {
    this.#stopProgress();
    await this.#service.end();
    await this.#book?.scheduler.stop({ graceMs: 0 });
  }

  /** Runs out of time quietly, since the balance is worth seeing then too; anything else that ends it is thrown. */
  async #untilTimeIsUp(work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#end.throwIfAborted();
      if (!this.#timeUp.aborted) throw error;
    }
  }

  async #killAgainAndAgain(): Promise<void> {
    for (const [index, answers] of plan.killAfterAnswers.entries()) {
      await this.#until(() => this.#driver.answered.size >= answers);
      if (index > 0) await this.#lossesMadeGood();
      await this.#killAndRestart(`KILL ${index + 1} of ${plan.killAfterAnswers.length}`);
    }
  }

  async #killAndRestart(number: string): Promise<void> {
    const { inFlight } = this.#merchant;
    this.#isLeaseRunning = true;
    const killed = await this.#service.kill();
    this.#screen.event(`*** ${number}: SIGKILL to process ${killed}, ${inFlight} webhooks under way ***`);
    const restarted = await this.#service.start();
    this.#screen.event(`*** restarted as process ${restarted} ***`);
  }

  #onDeclaredDead(pid: number | null): void {
    this.#isLeaseRunning = false;
    this.#screen.event(`the lease of ${pid ?? "a process"} has lapsed: what it held is attempted again`);
  }

  /**
   * Waits until what the last kill interrupted is done. A task that is lost twice is attempted with nothing else running,
   * which is right, and takes more time than a demo has.
   */
  async #lossesMadeGood(): Promise<void> {
    await this.#until(() => !this.#isLeaseRunning);
    for (;;) {
      const page = await this.#book?.scheduler.list({ state: "pending", limit: 1_000 });
      if (page?.tasks.every(({ lostAttempts }) => lostAttempts === 0) === true) return;
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.#showEnds });
    }
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await sleep(SHORT_MS, undefined, { signal: this.#showEnds });
  }

  async #nothingPending(): Promise<void> {
    for (;;) {
      const { pending } = (await this.#book?.store.statistics()) ?? { pending: 0 };
      this.#pending = pending;
      if (pending === 0) return;
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.#showEnds });
    }
  }

  #showProgress(): void {
    const { accepted, refused } = this.#merchant;
    const repeated = [...accepted.values()].reduce((sum, deliveries) => sum + deliveries - 1, 0);
    const isDown = this.#service.address === null;
    this.#screen.progress(
      `${isDown ? "DOWN" : "up  "}  payments ${this.#driver.answered.size}/${plan.payments}` +
        `  webhooks ${accepted.size}/${plan.payments}  pending ${this.#pending}` +
        `  repeated ${repeated}  refused ${refused}`,
    );
    this.#book?.store.statistics().then(
      ({ pending }) => {
        this.#pending = pending;
      },
      () => undefined, // the next one will do
    );
  }

  #stopProgress(): void {
    if (this.#progress !== null) clearInterval(this.#progress);
    this.#progress = null;
  }

  async #result(book: PaymentBook): Promise<ShowResult> {
    const books = await readBooks(book, this.#files.receiptsFolder);
    const evidence: Evidence = {
      ...books,
      posted: plan.payments,
      answered: this.#driver.answered,
      accepted: this.#merchant.accepted,
      wasKilled: (owner) => this.#service.wasKilled(owner),
    };
    return { evidence, latencies: firstAttemptLatencies(this.#files.momentsFile) };
  }
}
