/** Decides which other processes are dead. Pure but for what it remembers. */
import type { ObservedProcess } from "../store/contract.ts";

interface Sighting {
  readonly beats: number;
  /** When this heartbeat was first seen, on the observer's monotonic clock. */
  readonly sinceMs: number;
  readonly leaseMs: number;
}

/**
 * Watches heartbeats. A process is dead when its heartbeat has not changed over its lease, and that lease is spanned by
 * the observer's own successful heartbeats: after a gap in those (an outage, a pause) all watching starts anew.
 */
export class Observer {
  readonly #sightings = new Map<string, Sighting>();
  readonly #longestGapMs: number;
  #lastBeatSentMs = Number.NEGATIVE_INFINITY;

  /** @param longestGapMs the longest time between two own heartbeats that still counts as unbroken */
  constructor(longestGapMs: number) {
    this.#longestGapMs = longestGapMs;
  }

  /** Takes in the answer to an own heartbeat that was sent and received at these monotonic times. */
  saw(others: readonly ObservedProcess[], sentMs: number, receivedMs: number): void {
    if (sentMs - this.#lastBeatSentMs > this.#longestGapMs) this.#sightings.clear();
    this.#lastBeatSentMs = sentMs;
    const present = new Set<string>();
    for (const { owner, beats, leaseMs } of others) {
      present.add(owner);
      if (this.#sightings.get(owner)?.beats === beats) continue;
      this.#sightings.set(owner, { beats, sinceMs: receivedMs, leaseMs });
    }
    for (const owner of this.#sightings.keys()) if (!present.has(owner)) this.#sightings.delete(owner);
  }

  /** Forgets everything seen: an own heartbeat failed. */
  reset(): void {
    this.#sightings.clear();
    this.#lastBeatSentMs = Number.NEGATIVE_INFINITY;
  }

  /** Those whose lease has passed, for a heartbeat sent now. */
  overdue(nowMs: number): { readonly owner: string; readonly beats: number }[] {
    if (nowMs - this.#lastBeatSentMs > this.#longestGapMs) return [];
    return [...this.#sightings]
      .filter(([, sighting]) => nowMs - sighting.sinceMs >= sighting.leaseMs)
      .map(([owner, { beats }]) => ({ owner, beats }));
  }

  /** The next instant at which somebody could be overdue, on the monotonic clock; Infinity when nobody is watched. */
  nextOverdueMs(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { sinceMs, leaseMs } of this.#sightings.values()) next = Math.min(next, sinceMs + leaseMs);
    return next;
  }
}
