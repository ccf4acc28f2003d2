/** Wake-ups across processes, part of the store contract. They are hints: one may come late, twice or never, and nothing is lost. */

/** What a database that can wake others offers. Either half may be missing: it was switched off. */
export interface WakeUps {
  /** Tells all that listen, this process included, that work is due. On a connection of the store's own, in no caller's transaction. */
  announce?(): Promise<void>;
  /**
   * Opens a connection that hears what is announced. Resolves with null where none can be heard, because sessions are not
   * kept apart (a transaction pooler); rejects when it cannot be had now. Once `signal` is aborted the connection is closed
   * at once, whatever the network does, and no event follows.
   */
  listen?(events: WakeUpEvents, signal: AbortSignal): Promise<Listening | null>;
}

/** What a listener is told. */
export interface WakeUpEvents {
  /** Somebody has announced work. */
  onWake(): void;
  /** The connection is lost. Told once, and nothing after it. */
  onLost(error: unknown): void;
}

/** A connection that listens. */
export interface Listening {
  /** Sends a wake-up to this listener alone, over another connection. Resolves once it is sent; `heard` does when it has come. */
  probe(): Promise<{ readonly heard: Promise<void> }>;
}
