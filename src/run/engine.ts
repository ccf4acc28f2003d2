/** The engine of one scheduler: its parts wired together, started and stopped in the right order. */
import { NoExecutorError, SchedulerStoppedError } from "../errors.ts";
import type { Store } from "../store/contract.ts";
import { Announcements } from "./announcements.ts";
import { ABORT_MS } from "./attempt.ts";
import { Availability } from "./availability.ts";
import { Births } from "./births.ts";
import { Breakers } from "./breakers.ts";
import { CallerReceipts } from "./caller-receipts.ts";
import { completionsWith } from "./completion.ts";
import { EndedClaims } from "./ended-claims.ts";
import { Enqueuer } from "./enqueue.ts";
import { FastPath } from "./fast-path.ts";
import { Funnel } from "./funnel.ts";
import { Gate } from "./gate.ts";
import { LiveClaims } from "./live-claims.ts";
import { LiveProcess } from "./live-process.ts";
import { Operators } from "./operators.ts";
import type { SchedulerSettings } from "./options.ts";
import { LOOK_MS, OrphanedTypes } from "./orphaned-types.ts";
import { Periodic } from "./periodic.ts";
import { firstPruneMs, prune } from "./pruner.ts";
import { Reporter } from "./reporter.ts";
import { RollUps } from "./roll-ups.ts";
import { Settler } from "./settler.ts";
import { sleep, within } from "./sleep.ts";
import { TypeLimits } from "./slots.ts";
import { Solitude } from "./solitude.ts";
import { Strays } from "./strays.ts";
import { Transactions } from "./transaction.ts";
import { WakeUpListener } from "./wake-ups.ts";
import { ClaimLoop, type WorkerSettings } from "./worker.ts";

/** How long a stop goes on, after the grace and the abort, to write outcomes and to deregister. */
const DRAIN_MS = 5_000;

/** All parts of a scheduler. */
export class Engine {
  readonly settings: SchedulerSettings;
  readonly reporter: Reporter;
  readonly availability: Availability;
  readonly process: LiveProcess;
  readonly claims: LiveClaims;
  readonly breakers: Breakers;
  readonly gate: Gate;
  readonly births: Births;
  readonly endedClaims: EndedClaims;
  readonly strays: Strays;
  readonly settler: Settler;
  readonly funnel: Funnel;
  readonly fastPath: FastPath;
  readonly typeLimits: TypeLimits;
  readonly solitude: Solitude;
  readonly enqueuer: Enqueuer;
  readonly callerReceipts: CallerReceipts;
  readonly orphanedTypes: OrphanedTypes;
  readonly operators: Operators;
  readonly #announcements: Announcements;
  readonly #listener: WakeUpListener;
  readonly #transactions: Transactions;
  readonly #rollUps: RollUps;
  readonly #pruning: Periodic;
  readonly #looking: Periodic;
  readonly #stopping = new AbortController();
  #starting: Promise<void> | null = null;
  #stopped: Promise<void> | null = null;
  #isClosed = false;
  #worker: ClaimLoop | null = null;
  #workerStopped: Promise<void> | null = null;

  constructor(settings: SchedulerSettings) {
    const { store, ports, executors } = settings;
    this.settings = settings;
    this.reporter = new Reporter(settings.logger);
    this.availability = new Availability(this.reporter, ports.clock);
    this.claims = new LiveClaims(ports.clock);
    this.breakers = new Breakers(ports.clock, this.reporter, (type) => executors.breakerOf(type));
    this.gate = new Gate(executors, this.breakers, ports.clock, () => this.#worker?.keyHasRoom());
    this.births = new Births(this.claims, this.gate);
    this.process = this.#makeProcess();
    this.endedClaims = new EndedClaims(store, this.process, this.claims);
    this.strays = new Strays(ports.clock, this.process, this.endedClaims);
    this.settler = new Settler(store, ports, this.availability, this.reporter);
    const { process, claims, births, reporter, availability } = this;
    this.#rollUps = new RollUps({ store, ports, claims, availability, isOn: settings.rollUps });
    this.funnel = this.#makeFunnel();
    this.typeLimits = new TypeLimits((type) => executors.concurrencyOf(type));
    this.solitude = new Solitude(
      ports.clock,
      () => [this.fastPath.slots, this.fastPath.directSlots],
      () => this.#worker?.wake(),
    );
    this.fastPath = this.#makeFastPath();
    const { fastPath, strays } = this;
    const limits = { maxDataBytes: settings.maxDataBytes };
    this.enqueuer = new Enqueuer({ store, ports, limits, process, births, fastPath, strays, reporter });
    const { enqueuer } = this;
    const onLeft = (type: string): void => this.#leftForWorkers([type]);
    this.callerReceipts = new CallerReceipts(store, enqueuer, fastPath, onLeft);
    this.#transactions = this.#makeTransactions();
    this.operators = new Operators(() => this.openStore, this.reporter);
    this.orphanedTypes = new OrphanedTypes({ store, clock: ports.clock, availability, reporter });
    const { wakeUps } = store;
    const { timers } = ports;
    this.#announcements = new Announcements(wakeUps, ports, availability);
    const onWake = (): void => this.#worker?.lookOnce();
    this.#listener = new WakeUpListener({ wakeUps, timers, reporter, onWake });
    const { retentionMs } = settings;
    const pruner = { store, availability, reporter, retentionMs };
    this.#pruning = new Periodic(ports.timers, () => prune(pruner));
    this.#looking = new Periodic(ports.timers, () => this.orphanedTypes.look());
  }

  /** The store, for what users ask of it: also while a stop is under way, for what still runs. Throws SchedulerStoppedError after it. */
  get openStore(): Store {
    this.#assertOpen();
    return this.settings.store;
  }

  /** As `openStore`. */
  get transactions(): Transactions {
    this.#assertOpen();
    return this.#transactions;
  }

  /** The claim loop that runs, or is stopping. */
  get worker(): ClaimLoop | null {
    return this.#worker;
  }

  /** Whether a start has been asked for and has not failed. */
  get isStarted(): boolean {
    return this.#starting !== null;
  }

  /** Whether a stop has begun. */
  get isStopping(): boolean {
    return this.#stopped !== null;
  }

  /** Brings the schema up to date and registers the process. After a rejection it may be called again. */
  start(): Promise<void> {
    if (this.#stopped !== null) return Promise.reject(stoppedError());
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = null;
      throw error;
    });
    return this.#starting;
  }

  /**
   * Starts the claim loop, and the engine too if need be, trying again for as long as that fails, whatever the reason: in
   * a rolling deploy the schema may be newer, or not there yet. `store.still-unavailable` says so every minute.
   */
  startWorker(settings: WorkerSettings): ClaimLoop {
    const { executors, store, ports } = this.settings;
    if (executors.isEmpty) {
      throw new NoExecutorError(
        "there is nothing to execute: pass executors to the scheduler, or an executor and its types",
      );
    }
    if (this.#stopped !== null) throw stoppedError();
    if (this.#workerStopped !== null) {
      throw new SchedulerStoppedError("the worker is stopping: await its stop before you start another");
    }
    if (this.#worker !== null) return this.#worker;
    const { process, gate, claims, settler, funnel, typeLimits, strays, solitude, reporter, availability } =
      this;
    const worker = new ClaimLoop(
      {
        store,
        ports,
        executors,
        gate,
        process,
        claims,
        settler,
        funnel,
        typeLimits,
        strays,
        solitude,
        reporter,
        availability,
      },
      { ...settings, leaseMs: this.settings.leaseMs },
    );
    this.#worker = worker;
    this.process.keepsProcessAlive = true;
    void this.#startPatiently().then(() => {
      if (this.#worker !== worker || this.#workerStopped !== null) return;
      worker.start();
      this.#listener.start();
      this.#pruning.start(firstPruneMs(ports));
      this.#looking.start(LOOK_MS);
    });
    return worker;
  }

  /** Stops this claim loop alone, if it has not stopped; the fast path and enqueue go on. Of several graces the one that is over first counts. */
  stopWorker(worker: ClaimLoop, graceMs: number): Promise<void> {
    if (worker !== this.#worker) return Promise.resolve();
    if (this.#workerStopped !== null) void worker.stop(graceMs);
    this.#workerStopped ??= this.#stopWorker(worker, graceMs).finally(() => {
      this.#workerStopped = null;
    });
    return this.#workerStopped;
  }

  /** Stops everything: no new claims, the grace, abort, outcomes written, the unfinished given back, deregistered, closed. A second call cuts the grace short. */
  stop(graceMs: number): Promise<void> {
    if (this.#stopped === null) {
      this.#stopped = this.#stop(graceMs);
    } else {
      void this.#worker?.stop(0);
      this.fastPath.hurry();
    }
    return this.#stopped;
  }

  async #stopWorker(worker: ClaimLoop, graceMs: number): Promise<void> {
    this.#listener.stop();
    await worker.stop(graceMs);
    const round = Promise.all([this.#pruning.stop(), this.#looking.stop()]);
    await within(this.settings.ports.timers, round, ABORT_MS);
    this.#worker = null;
    this.process.keepsProcessAlive = false;
  }

  async #start(): Promise<void> {
    const { store, migrate } = this.settings;
    if (migrate) await store.migrate();
    else await store.checkSchema();
    for (const warning of await store.warnings()) this.reporter.report("store.warning", { warning });
    // A start may outlive the stop, which does not wait for ever: nothing may be registered after that.
    if (this.#stopped !== null) throw stoppedError();
    await this.process.start();
    if (this.#stopped === null) return this.fastPath.start();
    await this.process.stop().catch(() => undefined); // else its lease runs out by itself
    throw stoppedError();
  }

  async #startPatiently(): Promise<void> {
    const { ports } = this.settings;
    while (this.#stopped === null) {
      try {
        await this.start();
        this.availability.succeeded("start");
        return;
      } catch (error) {
        if (this.#stopped !== null) return;
        await sleep(ports.timers, this.availability.failed("start", error), this.#stopping.signal);
      }
    }
  }

  /** Each step is bounded in time, so that a database that is down, or silent, cannot hold up the stop. */
  async #stop(graceMs: number): Promise<void> {
    const { ports, store } = this.settings;
    const { timers } = ports;
    this.#stopping.abort();
    const started = within(timers, this.#starting ?? Promise.resolve(), graceMs);
    const worker = this.#worker;
    const workerStopped = worker === null ? null : this.stopWorker(worker, graceMs);
    await Promise.all([started, workerStopped, this.fastPath.stop(graceMs)]);
    const endMs = ports.clock.monotonicMs() + DRAIN_MS;
    const inTime = (work: Promise<unknown>): Promise<unknown> =>
      within(timers, work, Math.max(endMs - ports.clock.monotonicMs(), 0));
    await inTime(this.fastPath.giveBack());
    await inTime(this.settler.whenIdle());
    this.settler.close();
    await inTime(this.#rollUps.close());
    await inTime(this.#announcements.close());
    await inTime(this.process.stop());
    this.#isClosed = true;
    await inTime(store.close());
  }

  /** An operator made a task due, of whatever type: the own worker looks, and others are told. */
  moreIsDue(): void {
    this.#worker?.lookOnce();
    this.#announcements.announce();
  }

  /** Tasks are due that this process does not execute now: its own worker takes them, or others are told. */
  #leftForWorkers(types: Iterable<string>): void {
    const worker = this.#worker;
    for (const type of types) {
      if (worker?.takes(type) === true) worker.lookOnce();
      else this.#announcements.announce();
    }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw stoppedError();
  }

  #makeFastPath(): FastPath {
    const { gate, process, claims, births, strays, funnel, typeLimits, availability } = this;
    const { store, ports, executors, leaseMs, fastPathConcurrency } = this.settings;
    return new FastPath(
      {
        store,
        ports,
        executors,
        gate,
        process,
        claims,
        births,
        strays,
        funnel,
        typeLimits,
        availability,
        isOpen: () => this.solitude.isFastPathOpen,
        onGivenBack: (type) => this.#leftForWorkers([type]),
      },
      { concurrency: fastPathConcurrency, leaseMs },
    );
  }

  #makeTransactions(): Transactions {
    const { enqueuer, fastPath } = this;
    const { store, ports } = this.settings;
    return new Transactions({
      store,
      ports,
      enqueuer,
      fastPath,
      onLeftForWorkers: (types) => {
        this.#worker?.wake();
        this.#leftForWorkers(types);
      },
    });
  }

  #makeFunnel(): Funnel {
    const { store, ports, executors, hooks } = this.settings;
    const { process, gate, claims, settler, reporter, availability } = this;
    const completions = completionsWith({
      store,
      ports,
      availability,
      mayStart: ({ token }) => process.mayStartUnder(token),
      transactions: () => this.#transactions,
    });
    return new Funnel({
      ports,
      executors,
      gate,
      process,
      claims,
      completions,
      settler,
      rollUps: this.#rollUps,
      reporter,
      hooks,
    });
  }

  #makeProcess(): LiveProcess {
    const { store, ports, executors, leaseMs, heartbeatMs, host } = this.settings;
    const record = {
      host,
      pid: process.pid,
      types: executors.types,
      slots: this.settings.fastPathConcurrency,
      leaseMs,
    };
    const events = {
      onLost: (owner: string): void => {
        this.births.forgetOwner(owner);
        this.strays.clear();
        this.funnel.abort("lease-lost", { owner });
      },
      onDeclaredDead: (): void => this.#worker?.wake(),
      onRestarted: (): void => this.endedClaims.doubt(),
    };
    return new LiveProcess(store, ports, { record, heartbeatMs }, events, this.reporter, this.availability);
  }
}

function stoppedError(): SchedulerStoppedError {
  return new SchedulerStoppedError("the scheduler was stopped: make a new one");
}
