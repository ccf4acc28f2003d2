/** The worker: claims what free slots can take and sends each task, by itself, through the funnel. */
import type { Ports, Timer } from "../ports/ports.ts";
import type { ClaimAnswer, ClaimRequest, Store } from "../store/contract.ts";
import type { ClaimedTask } from "../task/task.ts";
import { Ahead } from "./ahead.ts";
import type { Availability } from "./availability.ts";
import type { Executors } from "./executors.ts";
import type { Funnel } from "./funnel.ts";
import type { Gate } from "./gate.ts";
import type { LiveClaims } from "./live-claims.ts";
import type { LiveProcess } from "./live-process.ts";
import type { Reporter } from "./reporter.ts";
import type { Settler } from "./settler.ts";
import { within } from "./sleep.ts";
import { Slots, type TypeLimits } from "./slots.ts";
import { PATIENCE_MS, type Solitude } from "./solitude.ts";
import { isOutcomeUnknown, type Strays } from "./strays.ts";
import { WindDown } from "./wind-down.ts";

/** How the worker works; every default is filled in. */
export interface WorkerSettings {
  readonly concurrency: number;
  readonly batchSize: number;
  readonly pollIntervalMs: number;
  readonly maxClaimBytes: number;
}

/** What the engine tells the worker besides. */
interface ClaimLoopOptions extends WorkerSettings {
  readonly leaseMs: number;
}

/** What the worker works with. */
interface WorkerParts {
  readonly store: Store;
  readonly ports: Ports;
  readonly executors: Executors;
  readonly gate: Gate;
  readonly process: LiveProcess;
  readonly claims: LiveClaims;
  readonly settler: Settler;
  readonly funnel: Funnel;
  readonly typeLimits: TypeLimits;
  readonly strays: Strays;
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
/** More outcomes waiting to be written than this, or tasks to be started, and nothing is claimed: an outage must not pile them up. */
const MAX_BACKLOG = 2_000;

/** The claim loop of one process. */
export class ClaimLoop {
  readonly #parts: WorkerParts;
  readonly #settings: ClaimLoopOptions;
  readonly slots: Slots;
  readonly #ahead: Ahead;
  #isStopping = false;
  #isInDoubt = false;
  /** Gives up the claim that was sent and is not answered. */
  #giveUp: (() => void) | null = null;
  #hasMore = false;
  /** Whether the last claim brought something. */
  #foundSome = false;
  #isWoken = false;
  #startsSoon = false;
  #idleMs = FIRST_IDLE_MS;
  #wakeUp: (() => void) | null = null;
  #gathering: Timer | null = null;
  #loop: Promise<void> = Promise.resolve();
  #stopped: Promise<void> | null = null;
  readonly #windDown: WindDown;
  readonly #mayStart = (task: ClaimedTask): boolean =>
    this.slots.freeFor(task.type) > 0 && this.#parts.gate.mayStart(task);

  constructor(parts: WorkerParts, settings: ClaimLoopOptions) {
    this.#parts = parts;
    this.#settings = settings;
    const { concurrency: total } = settings;
    const ofType = (type: string): number => parts.executors.shareOf(type, total);
    this.slots = new Slots({ total, ofType, typeLimits: parts.typeLimits }, (type) =>
      this.#onSlotReleased(type),
    );
    // They were to start in a moment. When they do not, others may: an idle process looks once a poll.
    const longestMs = Math.min(settings.pollIntervalMs, settings.leaseMs / 3);
    const giveBack = (task: ClaimedTask): void => {
      parts.gate.unhold(task, "claimed");
      void parts.funnel.release(task, "worker");
    };
    const most = Math.max(total, 2 * settings.batchSize);
    this.#ahead = new Ahead(parts.ports, most, longestMs, giveBack);
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
    this.#idleMs = FIRST_IDLE_MS;
    this.lookOnce();
  }

  /** Looks for work now, and then polls as before: of many workers that hear of one task, all but one find nothing. */
  lookOnce(): void {
    this.#isWoken = true;
    this.#wakeUp?.();
  }

  /** Whether a task of that type that is due would be claimed here at the next look. */
  takes(type: string): boolean {
    const { executors, gate, process } = this.#parts;
    const isExecuted = executors.of(type) !== null && gate.roomOfType(type) > 0;
    return !this.#isStopping && process.mayStart && isExecuted && this.slots.freeFor(type) > 0;
  }

  /** No new claims; what runs has the grace, then it is aborted, then given back. Every call answers the same promise; the grace that is over first counts. */
  stop(graceMs: number): Promise<void> {
    if (this.#stopped === null) this.#stopped = this.#stop(graceMs);
    else this.#windDown.limit(graceMs);
    return this.#stopped;
  }

  async #stop(graceMs: number): Promise<void> {
    this.#isStopping = true;
    if (this.#isInDoubt) this.#parts.strays.doubtAll();
    this.#ahead.clear();
    this.wake();
    const quiet = this.#loop.then(() => this.slots.whenQuiet());
    const clean = await this.#windDown.run(quiet, graceMs);
    this.#giveUp?.();
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
    if (!this.#startsSoon) this.#startWaiting(); // the fast path may have set slots of a type free
    if (this.#parts.settler.backlog + this.#ahead.size > MAX_BACKLOG) return FIRST_IDLE_MS;
    const request = this.#request();
    if (request === null) return this.#settings.pollIntervalMs;
    try {
      const answer = await this.#claim(request);
      this.#foundSome = answer.tasks.length > 0;
      availability.succeeded("claim");
      solitude.note(answer.aloneDue && !(request.alone && answer.tasks.length === 0));
      return this.#nextDelayMs(request, answer);
    } catch (error) {
      if (isOutcomeUnknown(error)) this.#noteDoubt();
      return availability.failed("claim", error);
    }
  }

  /** A claim that may be carried out unheard: this worker's next claims find its rows, and once it stops the watch does. */
  #noteDoubt(): void {
    this.#isInDoubt = true;
    if (this.#isStopping) this.#parts.strays.doubtAll();
  }

  #nextDelayMs(request: ClaimRequest, answer: ClaimAnswer): number {
    // It looked for nothing but what must be alone: the others have not been looked for.
    if (request.alone && answer.tasks.length === 0) return 0;
    if (request.limit === 0) {
      this.#hasMore = true; // whoever ends may have been the last that kept it from running alone
      return answer.aloneDue ? this.#settings.pollIntervalMs : 0;
    }
    this.#hasMore = mayHaveMore(request, answer);
    if (answer.tasks.length > 0) {
      this.#idleMs = FIRST_IDLE_MS;
      if (this.#room <= 0) {
        this.#hasMore = true;
        return this.#settings.pollIntervalMs;
      }
      if (this.slots.free === 0 && !this.#ahead.isLow)
        return this.#hasMore ? this.#settings.pollIntervalMs : FIRST_IDLE_MS;
      return answer.tasks.length < LARGE_CLAIM ? GATHER_MS : 0;
    }
    if (answer.moreKeys === true) this.#idleMs = FIRST_IDLE_MS; // it has looked at some keys only
    const delayMs = Math.min(this.#idleMs, this.#settings.pollIntervalMs);
    this.#idleMs = Math.min(this.#idleMs * 2, this.#settings.pollIntervalMs);
    return delayMs;
  }

  async #claim(request: ClaimRequest): Promise<ClaimAnswer> {
    const { store, ports, claims, funnel, reporter, solitude } = this.#parts;
    const { claim, owner } = request;
    const sentMs = ports.clock.monotonicMs();
    const unreserve = this.#reserve(request);
    this.#giveUp = () => {
      unreserve();
      claims.drop(claim); // whatever it takes is freed by the watch
      this.#noteDoubt();
    };
    try {
      const answer = await store.claim(request);
      unreserve();
      claims.hold(claim, answer.tasks.length);
      const durationMs = ports.clock.monotonicMs() - sentMs;
      reporter.report("claim.done", { owner, claim, tasks: answer.tasks.length, durationMs });
      for (const task of answer.tasks) {
        if (this.#isStopping) void funnel.release(task, "worker");
        else if (request.alone) void solitude.run(() => this.#runAlone(task));
        else this.#wait(task);
      }
      if (answer.tasks.length < LARGE_CLAIM) this.#startWaiting();
      else this.#startSoon();
      return answer;
    } finally {
      this.#giveUp = null;
      unreserve();
      claims.drop(claim);
    }
  }

  /**
   * What is asked for counts as running until the answer tells how much of it was there; for a task that must be alone
   * nothing else starts. The price: a task of a type with a concurrency of its own that is enqueued in these milliseconds
   * is not born claimed, and is claimed later. Answers what ends that; a second call does nothing.
   */
  #reserve({ types, alone }: ClaimRequest): () => void {
    const { typeLimits, solitude } = this.#parts;
    const wanted = types === "all" ? [] : types;
    for (const { type, limit } of wanted) typeLimits.count(type, limit);
    if (alone) solitude.occupy();
    let isReserved = true;
    return () => {
      if (!isReserved) return;
      isReserved = false;
      for (const { type, limit } of wanted) typeLimits.count(type, -limit);
      if (alone) solitude.vacate();
    };
  }

  /** Its executor may go on beyond its timeout; patience with that is bounded, since it may never end. */
  async #runAlone(task: ClaimedTask): Promise<void> {
    const { zombies } = this.slots;
    await this.#parts.funnel.advance(task, this.slots, "worker");
    await within(this.#parts.ports.timers, this.slots.whenQuiet(zombies), PATIENCE_MS);
  }

  #wait(task: ClaimedTask): void {
    this.#parts.gate.hold(task, "claimed");
    this.#ahead.add(task);
  }

  /** Starts what waits, as far as there are slots. */
  #startWaiting(): void {
    while (this.slots.free > 0) {
      const task = this.#ahead.next(this.#mayStart);
      if (task === null) return;
      this.#parts.gate.unhold(task, "claimed");
      void this.#parts.funnel.advance(task, this.slots, "worker");
    }
  }

  /** The next claim is sent before so many start, so that the database works on it meanwhile. */
  #startSoon(): void {
    if (this.#startsSoon) return;
    this.#startsSoon = true;
    this.#parts.ports.timers.after(0, () => {
      this.#startsSoon = false;
      this.#startWaiting();
    });
  }

  /** How many tasks may be claimed now: for free slots, and ahead of those that will soon be free. */
  get #room(): number {
    return this.slots.free + this.#ahead.room;
  }

  #roomOf(type: string): number {
    const { typeLimits, gate } = this.#parts;
    const free = this.slots.freeFor(type);
    // One at least of each type that may run, so that none is overtaken for ever by those that run.
    const least = free > 0 || this.slots.isTypeFull(type) || this.#ahead.waits(type) ? 0 : 1;
    // A type with a concurrency of its own is shared with the fast path: nobody knows when its slots are free.
    const ahead = typeLimits.isBounded(type) ? 0 : this.#ahead.roomOf(type);
    return Math.min(free + Math.max(ahead, least), gate.roomOfType(type));
  }

  #request(): ClaimRequest | null {
    const { process, claims, solitude } = this.#parts;
    const owner = process.owner;
    this.#ahead.refresh();
    const waiting = this.#ahead.size;
    const mode = solitude.mode({ running: this.slots.running + waiting, zombies: this.slots.zombies });
    if (owner === null || !process.mayStart || mode === "occupied") return null;
    const limit = mode === "closed" ? 0 : Math.min(this.#settings.batchSize, this.#room);
    const types = this.#typesWithin(limit);
    const hasRoom = limit > 0 && (types === "all" || types.some((entry) => entry.limit > 0));
    const maxBytes = this.#settings.maxClaimBytes - this.#ahead.bytes;
    if (mode !== "closed" && (!hasRoom || maxBytes <= 0)) {
      this.#hasMore = true; // nobody has looked: whoever ends makes room for a look
      return null;
    }
    return {
      owner,
      claim: claims.take(),
      types,
      limit,
      maxBytes,
      suspectLimit: Math.max(Math.min(this.slots.freeForSuspects - this.#ahead.suspects, limit), 0),
      alone: mode === "alone",
      liveClaims: claims.list(),
    };
  }

  /** Every type that no breaker stops, also those without room: a task of theirs may wait to be claimed alone. */
  #typesWithin(limit: number): ClaimRequest["types"] {
    const { executors, gate } = this.#parts;
    const { types } = executors;
    if (types === "all") return "all";
    const open = types.filter((type) => gate.roomOfType(type) > 0);
    return open.map((type) => {
      const room = { type, limit: Math.min(this.#roomOf(type), limit) };
      const keys = gate.keyRooms(type);
      return keys === undefined ? room : { ...room, keys };
    });
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

  #onSlotReleased(type: string): void {
    this.#ahead.ended(type);
    this.#startWaiting();
    if (!this.#hasMore || this.#isStopping || (this.slots.free === 0 && !this.#ahead.isLow)) return;
    this.#lookAfter(GATHER_MS, () => this.wake());
  }

  /** A key that was full, or stopped, has room again: of those that wait for it nobody else here would know. */
  keyHasRoom(): void {
    if (this.#isStopping) return;
    this.#startWaiting();
    // While there is nothing to do, many small tasks of full keys must not make a claim each.
    this.#lookAfter(this.#foundSome ? GATHER_MS : FIRST_IDLE_MS, () => this.lookOnce());
  }

  #lookAfter(delayMs: number, look: () => void): void {
    if (this.#gathering !== null) return;
    this.#gathering = this.#parts.ports.timers.after(delayMs, () => {
      this.#gathering = null;
      look();
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
