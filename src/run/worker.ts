/** The worker: claims what free slots can take and sends each task, by itself, through the funnel. */
import type { Ports, Timer } from "../ports/ports.ts";
import type { ClaimAnswer, ClaimRequest, Store } from "../store/contract.ts";
import type { Availability } from "./availability.ts";
import type { Executors } from "./executors.ts";
import type { Funnel } from "./funnel.ts";
import type { LiveClaims } from "./live-claims.ts";
import type { LiveProcess } from "./live-process.ts";
import type { Reporter } from "./reporter.ts";
import type { Settler } from "./settler.ts";
import { Slots, type TypeLimits } from "./slots.ts";
import type { Solitude } from "./solitude.ts";
import { WindDown } from "./wind-down.ts";

/** How the worker works; every default is filled in. */
export interface WorkerSettings {
  readonly concurrency: number;
  readonly batchSize: number;
  readonly pollIntervalMs: number;
  readonly maxClaimBytes: number;
}

/** What the worker works with. */
export interface WorkerParts {
  readonly store: Store;
  readonly ports: Ports;
  readonly executors: Executors;
  readonly process: LiveProcess;
  readonly claims: LiveClaims;
  readonly settler: Settler;
  readonly funnel: Funnel;
  readonly typeLimits: TypeLimits;
  readonly solitude: Solitude;
  readonly reporter: Reporter;
  readonly availability: Availability;
}

/** Delay after the first claim that found nothing; it doubles up to the polling interval. */
const FIRST_IDLE_MS = 25;
/** While there is more work than slots, slots that become free within this time are filled by one claim. */
const GATHER_MS = 2;
/** After a claim of this many there is nothing to gather: the next one is sent at once. */
const LARGE_CLAIM = 50;
/** More outcomes waiting to be written than this, and nothing is claimed: an outage must not pile them up. */
const MAX_BACKLOG = 1_000;

/** The claim loop of one process. */
export class ClaimLoop {
  readonly #parts: WorkerParts;
  readonly #settings: WorkerSettings;
  readonly slots: Slots;
  #isStopping = false;
  #hasMore = false;
  #isWoken = false;
  #idleMs = FIRST_IDLE_MS;
  #wakeUp: (() => void) | null = null;
  #gathering: Timer | null = null;
  #loop: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | null = null;
  readonly #windDown: WindDown;

  constructor(parts: WorkerParts, settings: WorkerSettings) {
    this.#parts = parts;
    this.#settings = settings;
    const { concurrency: total } = settings;
    const ofType = (type: string): number => parts.executors.shareOf(type, total);
    this.slots = new Slots({ total, ofType, typeLimits: parts.typeLimits }, () => this.#onSlotReleased());
    this.#windDown = new WindDown(parts.ports.timers, parts.funnel, [this.slots]);
  }

  /** Starts claiming. */
  start(): void {
    const { reporter, executors } = this.#parts;
    reporter.report("worker.started", { concurrency: this.#settings.concurrency, types: executors.types });
    this.#loop = this.#run();
  }

  /** Looks for work now instead of at the next poll. */
  wake(): void {
    this.#isWoken = true;
    this.#idleMs = FIRST_IDLE_MS;
    this.#wakeUp?.();
  }

  /** No new claims; what runs has the grace, then it is aborted, then given back. Every call answers the same promise. */
  stop(graceMs: number): Promise<void> {
    this.#stopped ??= this.#stop(graceMs);
    return this.#stopped;
  }

  /** Cuts the grace of a stop under way short. */
  hurry(): void {
    this.#windDown.hurry();
  }

  async #stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    this.wake();
    const quiet = this.#loop.then(() => this.slots.whenQuiet());
    const clean = await this.#windDown.run(quiet, graceMs);
    this.#parts.solitude.note(false); // nobody here waits to run a task alone any more
    this.#parts.reporter.report("worker.stopped", { clean });
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      this.#isWoken = false;
      const delayMs = await this.#claimOnce();
      if (!this.#isStopping && delayMs > 0 && !this.#isWoken) await this.#waitForWake(delayMs);
    }
  }

  /** Claims once, if there is room; answers how long to wait before the next time. */
  async #claimOnce(): Promise<number> {
    const { availability, solitude } = this.#parts;
    const request = this.#request();
    if (request === null) return this.#settings.pollIntervalMs;
    try {
      const answer = await this.#claim(request);
      availability.succeeded("claim");
      solitude.note(answer.aloneDue && !(request.alone && answer.tasks.length === 0));
      return this.#nextDelayMs(request, answer);
    } catch (error) {
      return availability.failed("claim", error);
    }
  }

  #nextDelayMs(request: ClaimRequest, answer: ClaimAnswer): number {
    const { types } = this.#parts.executors;
    const isFull = types !== "all" && request.types.length < types.length;
    this.#hasMore = isFull || mayHaveMore(request, answer);
    if (answer.tasks.length > 0) {
      this.#idleMs = FIRST_IDLE_MS;
      if (this.slots.free === 0) return this.#settings.pollIntervalMs;
      return answer.tasks.length < LARGE_CLAIM ? GATHER_MS : 0;
    }
    const delayMs = Math.min(this.#idleMs, this.#settings.pollIntervalMs);
    this.#idleMs = Math.min(this.#idleMs * 2, this.#settings.pollIntervalMs);
    return delayMs;
  }

  async #claim(request: ClaimRequest): Promise<ClaimAnswer> {
    const { store, claims, funnel, typeLimits, reporter, solitude } = this.#parts;
    const { claim, owner } = request;
    const wanted = request.types === "all" ? [] : request.types;
    let isAlone = false;
    if (request.alone) solitude.occupy();
    try {
      // What was asked for counts as running until the answer tells how much of it was there. The price: a task of a type
      // with a concurrency of its own that is enqueued in these milliseconds is not born claimed, and is claimed later.
      for (const { type, limit } of wanted) typeLimits.count(type, limit);
      const answer = await store.claim(request).finally(() => {
        for (const { type, limit } of wanted) typeLimits.count(type, -limit);
      });
      claims.hold(claim, answer.tasks.length);
      reporter.report("claim.done", { owner, claim, tasks: answer.tasks.length });
      for (const task of answer.tasks) {
        if (this.#isStopping) void funnel.release(task, "worker");
        else if (request.alone) {
          isAlone = true;
          void solitude.run(() => funnel.advance(task, this.slots, "worker"));
        } else void funnel.advance(task, this.slots, "worker");
      }
      return answer;
    } finally {
      claims.drop(claim);
      if (request.alone && !isAlone) solitude.vacate();
    }
  }

  #request(): ClaimRequest | null {
    const { process, claims, settler, executors, solitude } = this.#parts;
    const owner = process.owner;
    const mode = solitude.mode(this.slots);
    if (owner === null || !process.mayStart || mode === "closed" || settler.backlog > MAX_BACKLOG)
      return null;
    const free = this.slots.free;
    const limit = Math.min(this.#settings.batchSize, free);
    const types =
      executors.types === "all"
        ? "all"
        : executors.types
            .map((type) => ({ type, limit: Math.min(this.slots.freeFor(type), limit) }))
            .filter((entry) => entry.limit > 0);
    if (free === 0 || types.length === 0) return null;
    return {
      owner,
      claim: claims.take(),
      types,
      limit,
      maxBytes: this.#settings.maxClaimBytes,
      suspectLimit: Math.min(this.slots.freeForSuspects, limit),
      alone: mode === "alone",
      liveClaims: claims.list(),
    };
  }

  #waitForWake(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#parts.ports.timers.after(delayMs, () => this.#wakeUp?.());
      this.#wakeUp = () => {
        timer.cancel();
        this.#wakeUp = null;
        resolve();
      };
    });
  }

  #onSlotReleased(): void {
    if (!this.#hasMore || this.#gathering !== null || this.#isStopping) return;
    this.#gathering = this.#parts.ports.timers.after(GATHER_MS, () => {
      this.#gathering = null;
      this.wake();
    });
  }
}

/** Whether a limit, and not the end of the work, ended the claim: in all, or of one type. */
function mayHaveMore(request: ClaimRequest, answer: ClaimAnswer): boolean {
  if (answer.tasks.length >= request.limit) return true;
  if (request.types === "all") return false;
  const claimed = new Map<string, number>();
  for (const { type } of answer.tasks) claimed.set(type, (claimed.get(type) ?? 0) + 1);
  return request.types.some(({ type, limit }) => (claimed.get(type) ?? 0) >= limit);
}
