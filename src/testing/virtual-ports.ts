/** Ports on a virtual clock: tests set the time and never sleep. */
import type { Ports, Timer } from "../ports/ports.ts";
import { seededRandom } from "./seeded-random.ts";
import { TurnEnd, VirtualTimers } from "./virtual-timers.ts";

/** Where the wall clock starts unless told otherwise: a fixed day in 2033, so that a real clock is found out. */
export const DEFAULT_START_MS = 2_000_000_000_000;

/** Virtual time that `until` lets pass at most, unless told otherwise: ten minutes. */
export const DEFAULT_LIMIT_MS = 600_000;

/** How to make virtual ports. */
export interface VirtualPortsOptions {
  /** Fixes every random number. Default 1. */
  readonly seed?: number;
  /** The wall clock's first instant, in milliseconds since 1970. */
  readonly startMs?: number;
}

/** Ports whose time moves only by the methods here; a timer of no delay fires by itself, in a later turn of the event loop. */
export interface VirtualPorts extends Ports {
  /** The virtual wall clock, in milliseconds since 1970. */
  readonly nowMs: number;
  /** Timers that are set. */
  readonly pendingTimers: number;
  /** Timers that would hold a real process open. */
  readonly holdingTimers: number;
  /**
   * Lets virtual time pass: fires every timer that falls due, in order, and after each waits until all promises that
   * can go on have gone on. Work that waits for the real world (sockets, files) is not waited for. Rejects with what a
   * timer's callback throws.
   */
  advance(durationMs: number): Promise<void>;
  /** `advance(0)`: only lets promises go on. */
  settle(): Promise<void>;
  /**
   * Lets time pass from timer to timer until the promise settles, and answers with it. Rejects when it has not settled
   * after `limitMs` of virtual time (default ten minutes), or when no timer is left that could bring it about.
   */
  until<Value>(promise: Promise<Value>, limitMs?: number): Promise<Value>;
  /** Moves the wall clock alone, as an administrator or NTP would; the monotonic clock does not follow. */
  shiftWallClock(byMs: number): void;
}

/**
 * Time, timers and randomness under a test's control: pass them to `new Scheduler({ ports })` and to
 * `memoryStore({ ports })`.
 */
export function virtualPorts(options: VirtualPortsOptions = {}): VirtualPorts {
  const timers = new VirtualTimers();
  const turn = new TurnEnd();
  let originMs = options.startMs ?? DEFAULT_START_MS;
  const wallMs = (): number => originMs + timers.nowMs;

  async function advanceTo(endMs: number): Promise<void> {
    await turn.reached();
    while (timers.nextMs <= endMs) {
      timers.stepTo(endMs);
      await turn.reached();
    }
    timers.stepTo(endMs);
  }

  async function advance(durationMs: number): Promise<void> {
    if (!(durationMs >= 0 && Number.isFinite(durationMs))) {
      throw new RangeError(`time cannot be advanced by ${durationMs} ms`);
    }
    await advanceTo(timers.nowMs + durationMs);
  }

  async function until<Value>(promise: Promise<Value>, limitMs = DEFAULT_LIMIT_MS): Promise<Value> {
    let isSettled = false;
    const note = (): void => {
      isSettled = true;
    };
    promise.then(note, note);
    const endMs = timers.nowMs + limitMs;
    await turn.reached();
    while (!isSettled) {
      if (timers.nextMs > endMs) throw new Error(`the promise did not settle within ${limitMs} virtual ms`);
      await advanceTo(timers.nextMs);
    }
    return await promise;
  }

  /** What takes no time needs nobody who lets time pass. */
  function after(...[delayMs, callback, settings]: Parameters<Ports["timers"]["after"]>): Timer {
    if (delayMs <= 0) void turn.reached().then(() => timers.stepTo(timers.nowMs));
    return timers.after(delayMs, callback, settings);
  }

  return Object.freeze({
    clock: { monotonicMs: () => timers.nowMs, wallMs },
    timers: { after },
    random: seededRandom(options.seed ?? 1),
    get nowMs() {
      return wallMs();
    },
    get pendingTimers() {
      return timers.pending;
    },
    get holdingTimers() {
      return timers.holding;
    },
    advance,
    settle: () => advance(0),
    until,
    shiftWallClock(byMs: number) {
      originMs += byMs;
    },
  });
}
