/** After the database went back, rows may be held again by claims that this process has ended. They are freed here. */
import type { EndedClaimsAnswer, Store } from "../store/contract.ts";
import type { LiveClaims } from "./live-claims.ts";
import type { LiveProcess } from "./live-process.ts";

/**
 * Frees what came back. A claim that was live then can have such rows besides those it still works on, so they are
 * looked for once more after each of those has ended.
 */
export class EndedClaims {
  readonly #store: Store;
  readonly #process: Pick<LiveProcess, "owner">;
  readonly #claims: LiveClaims;
  readonly #live = new Set<number>();
  #isDue = false;

  constructor(store: Store, process: Pick<LiveProcess, "owner">, claims: LiveClaims) {
    this.#store = store;
    this.#process = process;
    this.#claims = claims;
  }

  /** The database may have gone back. */
  doubt(): void {
    for (const claim of this.#claims.list()) this.#live.add(claim);
    this.#isDue = true;
  }

  /** Rows may have come to stand under claims that have ended. */
  lookAgain(): void {
    this.#isDue = true;
  }

  /** Frees what can be freed by now, page by page. Rejects when the store does; then it is still to be done. */
  async look(): Promise<void> {
    for (const claim of this.#live) {
      if (this.#claims.has(claim)) continue;
      this.#live.delete(claim);
      this.#isDue = true;
    }
    const { owner } = this.#process;
    if (!this.#isDue || owner === null) return;
    const claim = this.#claims.take();
    const liveClaims = this.#claims.list();
    this.#isDue = false;
    let leftover = 0;
    let after: string | null = null;
    try {
      do {
        const answer: EndedClaimsAnswer = await this.#store.freeEndedClaims({
          owner,
          claim,
          liveClaims,
          after,
        });
        leftover += answer.left;
        after = answer.next;
      } while (after !== null);
    } catch (error) {
      this.#isDue = true;
      throw error;
    } finally {
      this.#claims.drop(claim);
    }
    if (leftover > 0) this.#isDue = true;
  }
}
