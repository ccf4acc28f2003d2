/** This process in the registry: its id, its heartbeat, its lease, and its watch over the others. */
import type { Ports, Timer } from "../ports/ports.ts";
import type { BeatAnswer, ProcessRecord, Store } from "../store/contract.ts";
import { processId } from "../task/identifier.ts";
import type { Token } from "../task/task.ts";
import type { Availability } from "./availability.ts";
import { Observer } from "./observer.ts";
import type { Reporter } from "./reporter.ts";

/** Shortest wait before somebody overdue is looked at again: its row may have been locked. */
const SHORTEST_WAIT_MS = 200;

/** What the registry entry says, and how often it is renewed. */
interface LiveProcessOptions {
  readonly record: Omit<ProcessRecord, "owner">;
  readonly heartbeatMs: number;
}

/** Told when this process is declared dead, and when it declares others dead. */
interface LiveProcessEvents {
  /** All claims under this owner are void. */
  onLost(owner: string): void;
  /** Work may have become free. */
  onDeclaredDead(): void;
  /** The database was restarted, or went back: what it committed last may be lost. */
  onRestarted(): void;
}

/** Keeps this process registered for as long as it runs. */
export class LiveProcess {
  readonly #store: Store;
  readonly #ports: Ports;
  readonly #options: LiveProcessOptions;
  readonly #events: LiveProcessEvents;
  readonly #reporter: Reporter;
  readonly #availability: Availability;
  readonly #observer: Observer;
  #owner: string | null = null;
  #lastBeat: Pick<BeatAnswer, "beats" | "era"> | null = null;
  #deadlineMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;
  #dueMs = 0;
  #beating: Promise<void> = Promise.resolve();
  #stopped = true;
  #isBeating = false;
  #keepsProcessAlive = false;

  constructor(
    store: Store,
    ports: Ports,
    options: LiveProcessOptions,
    events: LiveProcessEvents,
    reporter: Reporter,
    availability: Availability,
  ) {
    this.#store = store;
    this.#ports = ports;
    this.#options = options;
    this.#events = events;
    this.#reporter = reporter;
    this.#availability = availability;
    this.#observer = new Observer(options.heartbeatMs * 2);
  }

  /** The id claims are made under; null before the first registration and while none is in force. */
  get owner(): string | null {
    return this.#owner;
  }

  /** True while this process may start attempts: its lease, counted from when it sent its last successful heartbeat, has not run out. */
  get mayStart(): boolean {
    return this.#owner !== null && this.#ports.clock.monotonicMs() < this.#deadlineMs;
  }

  /** The last look before code of the user runs: a claim whose lease may have passed starts nothing. */
  mayStartUnder({ owner }: Token): boolean {
    return this.mayStart && this.#owner === owner;
  }

  /** Registers and starts the heartbeat. Rejects when the store does. */
  async start(): Promise<void> {
    this.#stopped = false;
    try {
      await this.#register();
    } catch (error) {
      this.#stopped = true;
      throw error;
    }
    this.#schedule(0); // the watch over others begins at once: of a dead predecessor every second counts
  }

  /** Whether the heartbeat's timer holds the process open; it does while a worker runs. */
  set keepsProcessAlive(value: boolean) {
    this.#keepsProcessAlive = value;
    if (this.#timer !== null && !this.#isBeating) this.#schedule(0);
  }

  /** Stops the heartbeat and takes the entry out. Rejects when the store does; the lease then runs out by itself. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#deadlineMs = Number.NEGATIVE_INFINITY;
    await this.#beating;
    const owner = this.#owner;
    this.#owner = null;
    if (owner === null) return;
    await this.#store.removeProcess(owner);
    this.#reporter.report("process.removed", { owner });
  }

  async #register(): Promise<void> {
    const owner = processId(this.#ports.random.bytes(8));
    const sentMs = this.#ports.clock.monotonicMs();
    const { era } = await this.#store.register({ ...this.#options.record, owner });
    this.#owner = owner;
    this.#lastBeat = { beats: 0, era };
    this.#renewed(sentMs);
    this.#reporter.report("process.registered", { owner });
  }

  /** A tenth of the lease is kept back for the time between the check and the start. */
  #renewed(sentMs: number): void {
    this.#deadlineMs = sentMs + this.#options.record.leaseMs * 0.9;
  }

  #schedule(delayMs: number): void {
    this.#timer?.cancel();
    if (this.#stopped) return;
    this.#dueMs = this.#ports.clock.monotonicMs() + delayMs;
    const beat = (): void => {
      this.#beating = this.#beat();
    };
    this.#timer = this.#ports.timers.after(delayMs, beat, { keepsProcessAlive: this.#keepsProcessAlive });
  }

  async #beat(): Promise<void> {
    const sentMs = this.#ports.clock.monotonicMs();
    this.#isBeating = true;
    const lateMs = sentMs - this.#dueMs;
    if (lateMs >= this.#options.heartbeatMs)
      this.#reporter.report("process.blocked", { owner: this.#owner, lateMs });
    try {
      if (this.#owner === null) await this.#register();
      else await this.#renew(this.#owner, sentMs);
      this.#availability.succeeded("heartbeat");
      const nowMs = this.#ports.clock.monotonicMs();
      const untilOverdueMs = Math.max(this.#observer.nextOverdueMs() - nowMs, SHORTEST_WAIT_MS);
      this.#isBeating = false;
      this.#schedule(Math.min(Math.max(sentMs + this.#options.heartbeatMs - nowMs, 0), untilOverdueMs));
    } catch (error) {
      this.#observer.reset();
      this.#isBeating = false;
      this.#schedule(Math.min(this.#availability.failed("heartbeat", error), this.#options.heartbeatMs));
    }
  }

  async #renew(owner: string, sentMs: number): Promise<void> {
    const answer = await this.#store.beat(owner, this.#observer.overdue(sentMs));
    if (!answer.alive) {
      this.#owner = null;
      this.#deadlineMs = Number.NEGATIVE_INFINITY;
      this.#observer.reset();
      this.#reporter.report("process.lost", { owner });
      this.#events.onLost(owner);
      if (!this.#stopped) await this.#register();
      return;
    }
    this.#renewed(sentMs);
    const last = this.#lastBeat;
    this.#lastBeat = answer;
    if (last !== null && (answer.era !== last.era || answer.beats <= last.beats)) {
      this.#reporter.report("store.restarted", { owner });
      this.#events.onRestarted();
    }
    this.#observer.saw(answer.others, sentMs, this.#ports.clock.monotonicMs());
    if (answer.declaredDead.length === 0) return;
    for (const dead of answer.declaredDead) this.#reporter.report("process.declared-dead", { owner: dead });
    this.#events.onDeclaredDead();
  }
}
