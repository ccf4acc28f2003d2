/** Strays: tasks that may come to stand under a claim that this process has ended, because an answer was lost. */
import { OwedError, StoreUnavailableError } from "../errors.ts";
import type { Clock } from "../ports/ports.ts";
import type { EndedClaims } from "./ended-claims.ts";
import type { LiveProcess } from "./live-process.ts";

/** Most strays that are looked for by their ids: as many as one statement takes. */
const MAX_STRAYS = 500;
/** How often a stray is looked for by its id: over one lease. */
const LOOKS = 6;
/** The looks among all rows take no more than this part of the time. */
const SHARE_OF_TIME = 0.01;

interface Stray {
  /** The caller's transaction its insert was sent in; null when there is none, or more than one. */
  readonly transaction: unknown;
  readonly looksLeft: number;
}

/**
 * Remembers strays. For one lease each is looked for by its id, so that this process runs it at once. Its transaction may
 * be committed at any later time, though, and a claim be carried out: from then on, until the process ends or loses its
 * id, each look of the watch frees whatever stands under an ended claim.
 */
export class Strays {
  readonly #clock: Clock;
  readonly #process: Pick<LiveProcess, "owner">;
  readonly #endedClaims: EndedClaims;
  readonly #strays = new Map<string, Stray>();
  /** The owner some of whose strays are not looked for by id any more. */
  #outOfSightOf: string | null = null;
  #notBeforeMs = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, process: Pick<LiveProcess, "owner">, endedClaims: EndedClaims) {
    this.#clock = clock;
    this.#process = process;
    this.#endedClaims = endedClaims;
  }

  /** Tasks to be looked for by their ids. */
  get taskIds(): readonly string[] {
    return [...this.#strays.keys()];
  }

  /** Notes tasks whose statement, sent in a transaction or in none, may be carried out without our knowing. */
  watch(taskIds: readonly string[], transaction: unknown): void {
    for (const taskId of taskIds) {
      const known = this.#strays.get(taskId);
      if (known === undefined && this.#strays.size >= MAX_STRAYS) {
        this.doubtAll();
        continue;
      }
      const isSame = known === undefined || known.transaction === transaction;
      this.#strays.set(taskId, { transaction: isSame ? transaction : null, looksLeft: LOOKS });
    }
  }

  /** Notes that rows may come to stand under claims of which nobody here knows the tasks. */
  doubtAll(): void {
    this.#outOfSightOf = this.#process.owner;
  }

  /** Nothing of the transaction was committed, nor will be. */
  forget(transaction: unknown): void {
    for (const [taskId, stray] of this.#strays) {
      if (stray.transaction === transaction) this.#strays.delete(taskId);
    }
  }

  /** Every claim so far is void: what stands under one is found like the work of any process that died. */
  clear(): void {
    this.#strays.clear();
  }

  /** A look by id was answered. One that was found goes on being looked for: its statement may be carried out later still. */
  looked(taskId: string): void {
    const stray = this.#strays.get(taskId);
    if (stray === undefined) return;
    if (stray.looksLeft > 1) {
      this.#strays.set(taskId, { ...stray, looksLeft: stray.looksLeft - 1 });
      return;
    }
    this.#strays.delete(taskId);
    this.doubtAll();
  }

  /** Frees what stands under ended claims, if anything may. Rejects when the store does. */
  async freeEnded(): Promise<void> {
    const sentMs = this.#clock.monotonicMs();
    const { owner } = this.#process;
    const isDue = owner !== null && owner === this.#outOfSightOf && sentMs >= this.#notBeforeMs;
    if (isDue) this.#endedClaims.lookAgain();
    await this.#endedClaims.look();
    if (isDue) this.#notBeforeMs = sentMs + (this.#clock.monotonicMs() - sentMs) / SHARE_OF_TIME;
  }
}

/** SQLSTATEs of a statement that the server refused; those of lost connections say nothing about what was carried out. */
const refusals = /^(?!08|57P|40003)\d[0-9A-Z]{4}$/;

/** Whether a statement may have been carried out, or may yet be, although it was answered with this error. */
export function isOutcomeUnknown(error: unknown): boolean {
  if (error instanceof OwedError) return error instanceof StoreUnavailableError && error.outcomeUnknown;
  const code: unknown = (error as { readonly code?: unknown } | null | undefined)?.code;
  return typeof code !== "string" || !refusals.test(code);
}
