/** Exclusive locks of transactions on keys, held until they end. Whoever waits in a circle is told so. */
import { databaseError } from "./database-error.ts";

/** Stands for a transaction; only its identity matters. */
type LockOwner = object;

/** Who holds which key, and who waits for whom. */
export class Locks {
  readonly #holders = new Map<string, LockOwner>();
  readonly #waiters = new Map<string, (() => void)[]>();
  readonly #waitsFor = new Map<LockOwner, LockOwner>();

  /**
   * Takes the lock, after waiting for its holder if there is one. Answers false when it was held already.
   * Rejects when waiting would close a circle. An owner waits for one lock at a time.
   */
  async acquire(key: string, owner: LockOwner): Promise<boolean> {
    for (let holder = this.#holders.get(key); holder !== undefined; holder = this.#holders.get(key)) {
      if (holder === owner) return false;
      if (this.#reaches(holder, owner)) throw databaseError("40P01");
      this.#waitsFor.set(owner, holder);
      await new Promise<void>((resolve) => {
        const waiting = this.#waiters.get(key);
        if (waiting === undefined) this.#waiters.set(key, [resolve]);
        else waiting.push(resolve);
      });
      this.#waitsFor.delete(owner);
    }
    this.#holders.set(key, owner);
    return true;
  }

  /** Whether somebody holds the lock. */
  isHeld(key: string): boolean {
    return this.#holders.has(key);
  }

  /** Gives a lock back; those who wait for it try again, first come first. */
  release(key: string): void {
    this.#holders.delete(key);
    const waiting = this.#waiters.get(key) ?? [];
    this.#waiters.delete(key);
    for (const resolve of waiting) resolve();
  }

  #reaches(from: LockOwner, target: LockOwner): boolean {
    for (let at: LockOwner | undefined = from; at !== undefined; at = this.#waitsFor.get(at)) {
      if (at === target) return true;
    }
    return false;
  }
}
