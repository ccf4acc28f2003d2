/** The fast path: a bounded, best-effort attempt in this process, straight after the commit. It only ever saves latency. */
import type { Ports, Timer } from "../ports/ports.ts";
import type { BornClaimStanding, Store } from "../store/contract.ts";
import type { ClaimedTask } from "../task/task.ts";
import type { Availability } from "./availability.ts";
import { Questions } from "./batcher.ts";
import { type Birth, type Births, bornClaim } from "./births.ts";
import type { Executors } from "./executors.ts";
import type { ExecutionAnswer, Funnel } from "./funnel.ts";
import type { Gate, TypeAndKey } from "./gate.ts";
import type { LiveClaims } from "./live-claims.ts";
import type { LiveProcess } from "./live-process.ts";
import { Slots, type TypeLimits } from "./slots.ts";
import { isOutcomeUnknown, type Strays } from "./strays.ts";
import { WindDown } from "./wind-down.ts";

/** How the fast path works. */
interface FastPathOptions {
  /** Most attempts at once. */
  readonly concurrency: number;
  readonly leaseMs: number;
}

/** What the fast path works with. */
interface FastPathParts {
  readonly store: Store;
  readonly ports: Ports;
  readonly executors: Executors;
  readonly gate: Gate;
  readonly process: LiveProcess;
  readonly claims: LiveClaims;
  readonly births: Births;
  readonly strays: Strays;
  readonly funnel: Funnel;
  readonly typeLimits: TypeLimits;
  readonly availability: Availability;
  /** False while a task runs that must be alone in its process. */
  readonly isOpen: () => boolean;
  /** Told of a type of which a task was given back, due now: nobody holds it. */
  readonly onGivenBack: (type: string) => void;
}

/** Most tasks executed on demand at once. */
const DIRECT_CONCURRENCY = 32;
/** Most claims read, or taken by id, in one statement. */
const MAX_BATCH = 500;

/** Runs born claims once they are proven committed, and claims other committed tasks by id. */
export class FastPath {
  readonly #parts: FastPathParts;
  readonly #options: FastPathOptions;
  readonly slots: Slots;
  /** For tasks that are executed on demand, also where the fast path is off. */
  readonly directSlots: Slots;
  readonly #readings: Questions<Birth, BornClaimStanding>;
  readonly #claimings: Questions<string, ClaimedTask | null>;
  readonly #started = new WeakMap<Birth, Promise<ExecutionAnswer>>();
  readonly #over = new WeakSet<Birth>();
  readonly #windDown: WindDown;
  /** Claims by id under way, by the slots they will take. */
  readonly #claimingFor = new Map<Slots, number>();
  #watch: Timer | null = null;
  #watching: Promise<void> = Promise.resolve();
  /** The last claim by id, until it is answered: a stop waits for it, or its tasks would be counted lost. */
  #lastClaim: Promise<void> = Promise.resolve();
  /** Its number; a stop that ends before it gives it up. */
  #unanswered: number | null = null;
  #isStopped = false;

  constructor(parts: FastPathParts, options: FastPathOptions) {
    this.#parts = parts;
    this.#options = options;
    const { executors, typeLimits } = parts;
    const slotsOf = (total: number): Slots =>
      new Slots({ total, ofType: (type) => executors.shareOf(type, total), typeLimits }, () => undefined);
    this.slots = slotsOf(options.concurrency);
    this.directSlots = slotsOf(DIRECT_CONCURRENCY);
    this.#windDown = new WindDown(parts.ports.timers, parts.funnel, [this.slots, this.directSlots]);
    this.#readings = new Questions({
      maxItems: MAX_BATCH,
      maxInFlight: 2,
      run: (births) => parts.store.readCommitted(births.map(bornClaim)),
    });
    this.#claimings = new Questions({
      maxItems: MAX_BATCH,
      maxInFlight: 1,
      run: (taskIds) => {
        const claim = this.#claimById(taskIds);
        const over = (): void => undefined;
        this.#lastClaim = claim.then(over, over);
        return claim;
      },
    });
  }

  /** Whether a task of the type and key, enqueued now, can start as soon as it is committed. */
  admits(task: TypeAndKey): boolean {
    const { process, executors, gate, births, isOpen } = this.#parts;
    const { type } = task;
    if (this.#isStopped || !process.mayStart || !isOpen() || executors.of(type) === null) return false;
    return gate.admits(task) && births.size + this.#claiming(this.slots) < this.slots.freeFor(type);
  }

  /** Starts a birth whose commit is proven; without room, or while a task must be alone, it is given back. Never rejects. */
  async startProven(birth: Birth): Promise<ExecutionAnswer> {
    const running = this.#started.get(birth);
    if (running !== undefined) return await running;
    const { births, funnel } = this.#parts;
    const task = births.start(birth);
    if (task === null) return "notClaimed";
    const answer = this.#hasRoom(task, this.slots)
      ? funnel.advance(task, this.slots, "fast")
      : this.#giveBack(task, "fast");
    this.#started.set(birth, answer);
    const told = await answer;
    this.#over.add(birth);
    return told;
  }

  /** Whether the birth waits or runs; once it has ended, or is void, its task is like any other. */
  holds(birth: Birth): boolean {
    return this.#parts.births.has(birth) || (this.#started.has(birth) && !this.#over.has(birth));
  }

  /** Proves a birth committed, then starts it. Never rejects. */
  async startBirth(birth: Birth): Promise<ExecutionAnswer> {
    const running = this.#started.get(birth);
    if (running !== undefined) return await running;
    if (!this.#parts.births.has(birth)) return "notClaimed";
    const standing = await this.#readings.ask(birth).catch((): BornClaimStanding => "open");
    if (standing === "gone") this.#parts.births.forget(birth);
    if (standing !== "committed") return "notClaimed";
    return await this.startProven(birth);
  }

  /** Claims a committed task by id and executes it, if there is room. Never rejects. */
  async startById(taskId: string, path: "fast" | "direct"): Promise<ExecutionAnswer> {
    const { process, executors, births, isOpen } = this.#parts;
    if (this.#isStopped || !process.mayStart || !isOpen() || executors.isEmpty) return "notClaimed";
    const slots = path === "direct" ? this.directSlots : this.slots;
    const reserved = path === "direct" ? 0 : births.size;
    const claiming = this.#claiming(slots);
    if (slots.free <= claiming + reserved) return "notClaimed";
    this.#claimingFor.set(slots, claiming + 1);
    let task: ClaimedTask | null = null;
    try {
      task = await this.#claimings.ask(taskId);
    } catch {
      return "notClaimed"; // the claim's outcome is unknown: its rows are looked for by the watch
    } finally {
      this.#claimingFor.set(slots, this.#claiming(slots) - 1);
    }
    return task === null ? "notClaimed" : await this.#startClaimed(task, slots, path);
  }

  /** Starts what was claimed by id; what came too late for a stop, or finds no room any more, is given back. */
  async #startClaimed(task: ClaimedTask, slots: Slots, path: "fast" | "direct"): Promise<ExecutionAnswer> {
    const hasRoom = this.#hasRoom(task, slots);
    return await (hasRoom ? this.#parts.funnel.advance(task, slots, path) : this.#giveBack(task, path));
  }

  #hasRoom(task: ClaimedTask, slots: Slots): boolean {
    const { gate, isOpen } = this.#parts;
    return !this.#isStopped && isOpen() && slots.freeFor(task.type) > 0 && gate.mayStart(task);
  }

  async #giveBack(task: ClaimedTask, path: "fast" | "direct"): Promise<ExecutionAnswer> {
    const answer = await this.#parts.funnel.release(task, path);
    this.#parts.onGivenBack(task.type);
    return answer;
  }

  #claiming(slots: Slots): number {
    return this.#claimingFor.get(slots) ?? 0;
  }

  /** Starts the watch over births that nobody asks for. */
  start(): void {
    this.#isStopped = false;
    this.#scheduleWatch();
  }

  /** Starts nothing more; what runs has the grace, then it is aborted, then given back. */
  async stop(graceMs: number): Promise<void> {
    this.#isStopped = true;
    this.#watch?.cancel();
    this.#watch = null;
    await this.#windDown.run(
      Promise.all([this.#watching, this.#lastClaim, this.slots.whenQuiet(), this.directSlots.whenQuiet()]),
      graceMs,
    );
    if (this.#unanswered === null) return;
    // Nobody waits for its answer any more: whatever it takes is freed by the watch.
    this.#parts.claims.drop(this.#unanswered);
    this.#parts.strays.doubtAll();
  }

  /** Cuts the grace of a stop under way short. */
  hurry(): void {
    this.#windDown.limit(0);
  }

  /** After the stop: gives back the births that never started, as far as they are committed, and what nobody heard of. */
  async giveBack(): Promise<void> {
    const { births, strays } = this.#parts;
    const unstarted = births.sentBefore(Number.POSITIVE_INFINITY);
    await Promise.all(unstarted.map((birth) => this.#resolve(birth)));
    await this.#watched("ended claims", () => strays.freeEnded());
  }

  #scheduleWatch(): void {
    if (this.#isStopped) return;
    const look = (): void => {
      this.#watching = this.#lookAfterBirths().finally(() => this.#scheduleWatch());
    };
    this.#watch = this.#parts.ports.timers.after(this.#options.leaseMs / 6, look, {
      keepsProcessAlive: false,
    });
  }

  /** After a third of the lease a birth is run or given back, so that a lost receipt strands nothing. */
  async #lookAfterBirths(): Promise<void> {
    const { births, ports, strays } = this.#parts;
    const old = births.sentBefore(ports.clock.monotonicMs() - this.#options.leaseMs / 6);
    await Promise.all(old.slice(0, MAX_BATCH).map((birth) => this.#resolve(birth)));
    await Promise.all(strays.taskIds.map((taskId) => this.#lookForStray(taskId)));
    await this.#watched("ended claims", () => strays.freeEnded());
  }

  /** Only a look that was answered counts: in an outage nothing can be said, and nobody else frees what this process holds. */
  async #lookForStray(taskId: string): Promise<void> {
    if (!this.#parts.process.mayStart) return;
    let task: ClaimedTask | null;
    try {
      task = await this.#claimings.ask(taskId);
    } catch {
      return;
    }
    this.#parts.strays.looked(taskId);
    if (task !== null) void this.#startClaimed(task, this.slots, "fast");
  }

  async #resolve(birth: Birth): Promise<void> {
    const { births } = this.#parts;
    const standing = await this.#watched("watch", () => this.#readings.ask(birth));
    if (standing === null || standing === "open") return;
    if (standing === "gone") return births.forget(birth);
    const started = this.startProven(birth);
    if (this.#isStopped) await started;
  }

  /** A step of the watch: what fails is tried again at its next look. */
  async #watched<Value>(operation: string, step: () => Promise<Value>): Promise<Value | null> {
    const { availability } = this.#parts;
    try {
      const value = await step();
      availability.succeeded(operation);
      return value;
    } catch (error) {
      availability.failed(operation, error);
      return null;
    }
  }

  async #claimById(taskIds: readonly string[]): Promise<readonly (ClaimedTask | null)[]> {
    const { store, process, claims, executors, gate, strays } = this.#parts;
    const owner = process.owner;
    if (owner === null || this.#isStopped) return taskIds.map(() => null);
    const claim = claims.take();
    this.#unanswered = claim;
    try {
      const unique = [...new Set(taskIds)];
      const tasks = await store.claimById({
        owner,
        claim,
        liveClaims: claims.list(),
        taskIds: unique,
        types: openTypes(executors.types, gate),
        without: gate.fullKeys(),
      });
      claims.hold(claim, tasks.length);
      const byTaskId = new Map(tasks.map((task) => [task.taskId, task]));
      return taskIds.map((taskId) => {
        const task = byTaskId.get(taskId) ?? null;
        byTaskId.delete(taskId);
        return task;
      });
    } catch (error) {
      if (isOutcomeUnknown(error)) strays.watch(taskIds, null);
      throw error;
    } finally {
      this.#unanswered = null;
      claims.drop(claim);
    }
  }
}

/** The types that no breaker stops. Those of a raw scheduler have none. */
function openTypes(types: Executors["types"], gate: Gate): Executors["types"] {
  return types === "all" ? types : types.filter((type) => gate.roomOfType(type) > 0);
}
