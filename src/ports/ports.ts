/** What the engine may ask of the world: time, timers, randomness. Real ones stand in real-ports.ts, simulated ones in testing/. */

/** Reads time. Only the database's clock decides what is due; these serve deadlines of this process and new ids. */
export interface Clock {
  /** Milliseconds that never go back and do not follow clock changes; meaningful only as differences. */
  monotonicMs(): number;
  /** Milliseconds since 1970 by this machine's clock. Used for the time part of generated ids, and nothing else. */
  wallMs(): number;
}

/** A timer that was set. */
export interface Timer {
  /** Takes the timer back; does nothing once it has fired. */
  cancel(): void;
}

/** Sets timers. */
export interface Timers {
  /** Calls `callback` once after `delayMs`; with 0 in a later turn of the event loop. With `keepsProcessAlive: false` the timer does not hold the process open. */
  after(delayMs: number, callback: () => void, options?: { readonly keepsProcessAlive?: boolean }): Timer;
}

/** A source of randomness. */
export interface RandomSource {
  /** A number from 0 (included) to 1 (excluded). */
  fraction(): number;
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array;
}

/** All ports together. */
export interface Ports {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: RandomSource;
}
