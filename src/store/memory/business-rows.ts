/** The user's own rows: what is committed of them, with as many old versions as open snapshots can still see. */

interface Version {
  readonly commit: number;
  /** Undefined when the row was deleted. */
  readonly value: unknown;
}

/** Committed rows by key. */
export class BusinessRows {
  readonly #versions = new Map<string, Version[]>();
  /** Keys that keep more than their present value. */
  readonly #stale = new Set<string>();

  /** The value as of commit number `snapshot`; undefined when there was none. */
  read(key: string, snapshot: number): unknown {
    return this.#versions.get(key)?.findLast(({ commit }) => commit <= snapshot)?.value;
  }

  /** Number of the commit that last changed the row; 0 when none is remembered. */
  lastCommitOf(key: string): number {
    return this.#versions.get(key)?.at(-1)?.commit ?? 0;
  }

  /** The keys that have a value as of commit number `snapshot`. */
  keys(snapshot: number): string[] {
    return [...this.#versions.keys()].filter((key) => this.read(key, snapshot) !== undefined);
  }

  /** A transaction has been committed. */
  write(key: string, value: unknown, commit: number): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, [{ commit, value }]);
    else versions.push({ commit, value });
    this.#stale.add(key);
  }

  /** Forgets the versions that no snapshot from `oldest` on can see. */
  forgetBefore(oldest: number): void {
    for (const key of this.#stale) {
      const versions = this.#versions.get(key) ?? [];
      const seen = versions.findLastIndex(({ commit }) => commit <= oldest);
      const kept = versions.slice(Math.max(seen, 0));
      const only = kept.length === 1 ? kept[0] : undefined;
      if (only === undefined) this.#versions.set(key, kept);
      else {
        this.#stale.delete(key);
        if (only.value === undefined && only.commit <= oldest) this.#versions.delete(key);
        else this.#versions.set(key, kept);
      }
    }
  }
}
