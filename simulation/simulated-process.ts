// One life of a node: its own clock, timers and luck, and how it dies or sleeps.
import type { Ports, Timer } from "../src/ports/ports.ts";
import { DEFAULT_START_MS, seededRandom } from "../src/testing/index.ts";
import type { Agenda, Liveness } from "./agenda.ts";
import { Draw } from "./draw.ts";

/** A life of a node. After its death its timers never fire and its calls are never answered. */
export class SimulatedProcess implements Liveness {
  readonly name: string;
  readonly node: number;
  readonly boot: number;
  readonly ports: Ports;
  readonly #agenda: Agenda;
  readonly #originMs: number;
  #isAlive = true;
  #resumesAtMs = 0;
  #sequence = 0;
  #timers = 0;
  /** True while the network between this node and the database drops everything. */
  isCut = false;
  /** How far the wall clock of this machine is off. */
  wallSkewMs: number;

  constructor(agenda: Agenda, seed: number, node: number, boot: number, wallSkewMs: number) {
    this.name = `n${node}`;
    this.node = node;
    this.boot = boot;
    this.wallSkewMs = wallSkewMs;
    this.#agenda = agenda;
    const luck = new Draw(seed, 2, node, boot);
    this.#originMs = luck.between(0, 1e6);
    this.ports = {
      clock: {
        monotonicMs: () => this.monotonicMs,
        wallMs: () => Math.floor(DEFAULT_START_MS + agenda.nowMs + this.wallSkewMs),
      },
      timers: { after: (delayMs, callback) => this.#setTimer(delayMs, callback) },
      random: seededRandom(luck.whole(0, 2 ** 31)),
    };
  }

  get isAlive(): boolean {
    return this.#isAlive;
  }

  get resumesAtMs(): number {
    return this.#resumesAtMs;
  }

  /** This life's own clock; it tells nothing about that of another. */
  get monotonicMs(): number {
    return this.#agenda.nowMs - this.#originMs;
  }

  /** Timers that are set. */
  get pendingTimers(): number {
    return this.#timers;
  }

  /** The next number of an event of this node's history. */
  nextSequence(): number {
    this.#sequence += 1;
    return this.#sequence;
  }

  /** It never does anything again. */
  die(): void {
    this.#isAlive = false;
  }

  /** It does nothing for a while: stopped, swapped out, or its event loop blocked. */
  pause(forMs: number): void {
    this.#resumesAtMs = Math.max(this.#resumesAtMs, this.#agenda.nowMs + forMs);
  }

  #setTimer(delayMs: number, callback: () => void): Timer {
    if (Number.isNaN(delayMs)) throw new TypeError("a timer was set with a delay that is no number");
    this.#timers += 1;
    const planned = this.#agenda.after(Math.max(delayMs, 0), this, () => {
      this.#timers -= 1;
      callback();
    });
    return {
      cancel: () => {
        if (planned.run !== null) this.#timers -= 1;
        planned.run = null;
      },
    };
  }
}
