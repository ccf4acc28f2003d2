// Virtual time: what happens next, in order of time, ties by luck; after each event all promises that can go on go on.
import { Draw } from "./draw.ts";

/** Whose event it is: nothing happens any more in one that is dead, and nothing before it wakes in one that is paused. */
export interface Liveness {
  readonly isAlive: boolean;
  readonly resumesAtMs: number;
}

/** An event that is planned. */
export interface Planned {
  /** Null once it has happened, or was taken back. */
  run: (() => void) | null;
  timeMs: number;
  readonly tie: number;
  readonly owner: Liveness | null;
}

/** Steps that are queued at once: each is a turn of its own for promises, and the event loop is entered once for all. */
const STEPS_AT_ONCE = 128;

function isBefore(left: Planned, right: Planned): boolean {
  return left.timeMs < right.timeMs || (left.timeMs === right.timeMs && left.tie < right.tie);
}

/** The agenda of one simulation. */
export class Agenda {
  readonly #heap: Planned[] = [];
  readonly #luck: Draw;
  #nowMs = 0;
  #steps = 0;
  #isHeld = false;

  constructor(seed: number) {
    this.#luck = new Draw(seed, 1);
  }

  /** Virtual milliseconds since the start. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Events that have happened. */
  get steps(): number {
    return this.#steps;
  }

  /** Plans an event; one of an owner happens only while that owner lives and is awake. */
  at(timeMs: number, owner: Liveness | null, run: () => void): Planned {
    const planned = { run, timeMs: Math.max(timeMs, this.#nowMs), tie: this.#luck.fraction(), owner };
    this.#push(planned);
    return planned;
  }

  /** Plans an event after a delay. */
  after(delayMs: number, owner: Liveness | null, run: () => void): Planned {
    return this.at(this.#nowMs + delayMs, owner, run);
  }

  /** Nothing happens until the work is done: it takes no virtual time. */
  hold(work: Promise<void>): void {
    this.#isHeld = true;
    const release = (): void => {
      this.#isHeld = false;
    };
    work.then(release, release);
  }

  /** Lets events happen until the predicate holds, or nothing is planned. Rejects with what an event throws. */
  async run(isOver: () => boolean): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      let queued = 0;
      let isEnded = false;
      const step = (): void => {
        queued -= 1;
        if (isEnded) return;
        try {
          isEnded = !this.#isHeld && (isOver() || !this.#step());
        } catch (error) {
          isEnded = true;
          reject(error instanceof Error ? error : new Error(String(error)));
        }
        if (isEnded) resolve();
        else if (queued === 0) queue();
      };
      const queue = (): void => {
        queued = STEPS_AT_ONCE;
        for (let index = 0; index < STEPS_AT_ONCE; index += 1) setImmediate(step);
      };
      queue();
    });
  }

  #step(): boolean {
    for (let next = this.#pop(); next !== null; next = this.#pop()) {
      const { run, owner } = next;
      if (run === null || owner?.isAlive === false) continue;
      if (owner !== null && owner.resumesAtMs > next.timeMs) {
        next.timeMs = owner.resumesAtMs;
        this.#push(next);
        continue;
      }
      this.#nowMs = next.timeMs;
      this.#steps += 1;
      next.run = null;
      run();
      return true;
    }
    return false;
  }

  #push(planned: Planned): void {
    const heap = this.#heap;
    let place = heap.length;
    heap.push(planned);
    while (place > 0) {
      const parent = (place - 1) >>> 1;
      const above = heap[parent] as Planned; // a parent stands before its children
      if (!isBefore(planned, above)) break;
      heap[place] = above;
      place = parent;
    }
    heap[place] = planned;
  }

  #pop(): Planned | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as Planned, heap[child] as Planned)) child = right; // both within the heap
      const below = heap[child] as Planned; // within the heap
      if (!isBefore(below, last)) break;
      heap[place] = below;
      place = child;
    }
    heap[place] = last;
    return first;
  }
}
