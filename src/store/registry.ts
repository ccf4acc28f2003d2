/** Processes: as they register, as people see them, and as they see each other. */

/** A process that registers. */
export interface ProcessRecord {
  readonly owner: string;
  readonly host: string;
  readonly pid: number;
  /** Types it executes; "all" for a raw scheduler that takes any. */
  readonly types: readonly string[] | "all";
  /**
   * How many fast-path attempts it runs at once, for people who read the registry. The concurrency of a worker, which may
   * start after the registration, comes on top.
   */
  readonly slots: number;
  readonly leaseMs: number;
}

/** A registered process as people see it. */
export interface RegisteredProcess extends ProcessRecord {
  readonly registeredAt: Date;
  /** When its last heartbeat was written. */
  readonly beatAt: Date;
  /** How long ago that was, by the database's clock. Longer than its lease: it is dead, or cannot reach the database. */
  readonly silentForMs: number;
}

/** Another live process as seen by a heartbeat. `beats` changes with each of its heartbeats. */
export interface ObservedProcess {
  readonly owner: string;
  readonly beats: number;
  readonly leaseMs: number;
}

/** Answer to `beat`. */
export interface BeatAnswer {
  /** False: this process is not registered any more, all its claims are void, nothing was written. */
  readonly alive: boolean;
  /** The own heartbeats so far. It goes back only when the database does. */
  readonly beats: number;
  /** Names the life of the database: another one after a restart, a restore, or when a standby takes over, as far as the store can tell. */
  readonly era: string;
  /** All other registered processes, those just declared dead left out. */
  readonly others: readonly ObservedProcess[];
  /** Which of `dead` were removed: their heartbeat was still the one seen. */
  readonly declaredDead: readonly string[];
}
