/** Tasks that are claimed and wait for a slot: few enough to start in a moment, so that slots need not wait for a claim. */
import type { Ports, Timer } from "../ports/ports.ts";
import type { ClaimedTask } from "../task/task.ts";
import { Pace } from "./pace.ts";

/** The tasks claimed ahead of the slots of one worker, in the order they came. */
export class Ahead {
  readonly #ports: Ports;
  readonly #most: number;
  readonly #longestMs: number;
  readonly #giveBack: (task: ClaimedTask) => void;
  readonly #pace = new Pace();
  #waiting: { readonly task: ClaimedTask; readonly sinceMs: number }[] = [];
  #timer: Timer | null = null;

  /** At most `most` wait; what waits longer than `longestMs` is given back. */
  constructor(ports: Ports, most: number, longestMs: number, giveBack: (task: ClaimedTask) => void) {
    this.#ports = ports;
    this.#most = most;
    this.#longestMs = longestMs;
    this.#giveBack = giveBack;
  }

  /** Looks at the clock: the pace of a moment ago counts no more. */
  refresh(): void {
    this.#pace.turn(this.#nowMs);
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** How many suspects wait. */
  get suspects(): number {
    return this.#waiting.filter(({ task }) => task.lostAttempts > 0).length;
  }

  /** How many bytes of data wait. */
  get bytes(): number {
    return this.#waiting.reduce((bytes, { task }) => bytes + task.data.byteLength, 0);
  }

  /** How many more may be claimed ahead. */
  get room(): number {
    return Math.max(this.#allowed - this.#waiting.length, 0);
  }

  /** How many more of a type may be claimed ahead. */
  roomOf(type: string): number {
    const waiting = this.#waiting.filter(({ task }) => task.type === type).length;
    return Math.max(this.#pace.of(type) - waiting, 0);
  }

  /** Whether one of the type waits. */
  waits(type: string): boolean {
    return this.#waiting.some(({ task }) => task.type === type);
  }

  /** True when it is time for the next claim: no more than half of what may wait does. */
  get isLow(): boolean {
    return this.#waiting.length <= this.#allowed / 2;
  }

  get #allowed(): number {
    return Math.min(this.#pace.total, this.#most);
  }

  /** Notes that an attempt has ended: the next may start. */
  ended(type: string): void {
    this.#pace.turn(this.#nowMs);
    this.#pace.ended(type);
  }

  /** Lets a task wait. */
  add(task: ClaimedTask): void {
    this.#waiting.push({ task, sinceMs: this.#nowMs });
    this.#timer ??= this.#ports.timers.after(this.#longestMs, () => this.#expire());
  }

  /** Takes out the first that may start. */
  next(mayStart: (task: ClaimedTask) => boolean): ClaimedTask | null {
    const index = this.#waiting.findIndex(({ task }) => mayStart(task));
    if (index < 0) return null;
    const taken = index === 0 ? this.#waiting.shift() : this.#waiting.splice(index, 1)[0];
    return taken?.task ?? null;
  }

  /** Gives back all that wait. */
  clear(): void {
    this.#timer?.cancel();
    this.#timer = null;
    for (const { task } of this.#waiting.splice(0)) this.#giveBack(task);
  }

  get #nowMs(): number {
    return this.#ports.clock.monotonicMs();
  }

  #expire(): void {
    this.#timer = null;
    const nowMs = this.#nowMs;
    const late = this.#waiting.filter(({ sinceMs }) => nowMs - sinceMs >= this.#longestMs);
    this.#waiting = this.#waiting.slice(late.length); // they stand in the order they came
    for (const { task } of late) this.#giveBack(task);
    const first = this.#waiting[0];
    if (first === undefined) return;
    // A millisecond at least: what is left by rounding would come again and again.
    const leftMs = Math.max(first.sinceMs + this.#longestMs - nowMs, 1);
    this.#timer = this.#ports.timers.after(leftMs, () => this.#expire());
  }
}
