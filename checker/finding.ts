// What a rule answers: what it looked at, and what broke a guarantee.
import type { Timeline } from "./timeline.ts";

/** A guarantee of GUARANTEES.md. */
export type Guarantee = `G${number}`;

/** A sentence that must be true of every history, and the guarantee it is a part of. */
export interface Law {
  readonly guarantee: Guarantee;
  readonly says: string;
}

/** One place at which a law was broken. */
export interface Finding {
  readonly law: Law;
  /** The task it happened to; null when it happened to a process. */
  readonly taskId: string | null;
  /** The process it happened to or in, where one is known. */
  readonly process: string | null;
  /** What happened, with the numbers. */
  readonly detail: string;
}

/** Everything that was found of one law. Only the first place is kept whole. */
export interface LawFindings {
  readonly law: Law;
  /** How many things the law was held against: 0 means that the history cannot show it. */
  looked: number;
  broken: number;
  first: Finding | null;
}

/** Where a finding is. */
export interface Place {
  readonly taskId?: string | undefined;
  readonly process?: string | undefined;
}

/** Collects what rules look at and find. */
export class Findings {
  readonly #byLaw = new Map<Law, LawFindings>();

  /** All laws that were looked at. */
  get all(): readonly LawFindings[] {
    return [...this.#byLaw.values()];
  }

  /** Counts things that a law was held against. */
  looked(law: Law, count = 1): void {
    this.#of(law).looked += count;
  }

  /** Notes a breach. */
  broken(law: Law, place: Place, detail: string): void {
    const found = this.#of(law);
    found.broken += 1;
    found.first ??= { law, taskId: place.taskId ?? null, process: place.process ?? null, detail };
  }

  /** Holds a law against one thing. */
  expect(law: Law, holds: boolean, place: Place, detail: () => string): void {
    this.looked(law);
    if (!holds) this.broken(law, place, detail());
  }

  #of(law: Law): LawFindings {
    let found = this.#byLaw.get(law);
    if (found === undefined) {
      found = { law, looked: 0, broken: 0, first: null };
      this.#byLaw.set(law, found);
    }
    return found;
  }
}

/** Holds some laws against a history. Pure. */
export type Rule = (timeline: Timeline) => Findings;
