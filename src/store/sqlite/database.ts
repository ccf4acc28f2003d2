/** The store's own connections to its file: how they are opened, what they wait for, how their transactions end. */
import { statSync } from "node:fs";
import { dirname } from "node:path";

import { InvalidInputError, StoreUnavailableError } from "../../errors.ts";
import type { Ports } from "../../ports/ports.ts";
import { Connection } from "./connection.ts";
import {
  BEGIN,
  BEGIN_IMMEDIATE,
  COMMIT,
  NEVER_BLOCK,
  ROLLBACK,
  SYNC_FULL,
  SYNC_NORMAL,
  USE_WAL,
} from "./connection-statements.ts";
import type { RawHandle, SqliteDriver } from "./driver.ts";
import { isBusy, sqliteCodeOf, storeErrorOf } from "./sqlite-error.ts";
import { WriteQueue } from "./write-queue.ts";

const FIRST_PAUSE_MS = 1;
const LONGEST_PAUSE_MS = 50;

/** A connection and the binding's object behind it. */
export interface OpenHandle {
  readonly handle: RawHandle;
  readonly connection: Connection;
}

/** What a database is opened with. */
interface DatabaseParts {
  readonly file: string;
  readonly driver: SqliteDriver;
  readonly ports: Ports;
  /** How long a lock of another connection is waited for. */
  readonly lockWaitMs: number;
}

/**
 * Two connections: one for what the library reads and writes itself, one for `begin()`. All writing goes through one
 * queue, in transactions that take the write lock as they begin. Waiting for that lock never blocks the event loop.
 */
export class Database {
  readonly #parts: DatabaseParts;
  readonly #queue: WriteQueue;
  #own: Promise<OpenHandle> | null = null;
  #callers: Promise<OpenHandle> | null = null;
  #isRelaxed = false;
  #isClosed = false;

  constructor(parts: DatabaseParts) {
    this.#parts = parts;
    this.#queue = new WriteQueue(parts.ports);
  }

  /** Reads in one snapshot. */
  async read<Value>(work: (connection: Connection) => Value): Promise<Value> {
    const deadlineMs = this.#deadline();
    return await this.#retried(deadlineMs, async () => {
      const { connection } = await this.#ownHandle(deadlineMs);
      connection.exec(BEGIN);
      return this.#endWith(connection, work);
    });
  }

  /**
   * Writes in one transaction. `relaxed`: the commit need not survive a crash of the machine, since what it says is
   * void then. Rejects with StoreUnavailableError when the lock cannot be had in time.
   */
  async write<Value>(
    work: (connection: Connection) => Value,
    durability: "full" | "relaxed" = "full",
  ): Promise<Value> {
    const deadlineMs = this.#deadline();
    const giveBack = await this.#turn();
    try {
      // Nothing may be awaited while the transaction is open: a read would come upon it on the same connection.
      return await this.#retried(
        deadlineMs,
        async () => {
          const { connection } = await this.#ownHandle(deadlineMs);
          this.#relax(connection, durability === "relaxed");
          connection.exec(BEGIN_IMMEDIATE);
          return this.#endWith(connection, work);
        },
        (error) => storeErrorOf(error, sqliteCodeOf(error) === "IOERR"),
      );
    } finally {
      giveBack();
    }
  }

  /** Opens a write transaction on the callers' connection. `end` gives the turn back, and must be called. */
  async begin(): Promise<OpenHandle & { end(): void }> {
    const deadlineMs = this.#deadline();
    const giveBack = await this.#turn();
    try {
      const open = await this.#retried(deadlineMs, async () => {
        this.#callers ??= this.#open(deadlineMs);
        const callers = await this.#kept(this.#callers, () => (this.#callers = null));
        callers.connection.exec(BEGIN_IMMEDIATE);
        return callers;
      });
      return { ...open, end: () => this.#end(open, giveBack) };
    } catch (error) {
      giveBack();
      throw storeErrorOf(error);
    }
  }

  /** Closes both connections; transactions open on them are rolled back, and what waits is sent away. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#queue.refuseAll(closed());
    const opening = [this.#own, this.#callers].filter((open) => open !== null);
    this.#own = null;
    this.#callers = null;
    for (const open of await Promise.allSettled(opening)) {
      if (open.status === "fulfilled") open.value.connection.close();
    }
  }

  /** Runs the work of a transaction that is open, and ends it: with a commit, or as if nothing had happened. */
  #endWith<Value>(connection: Connection, work: (connection: Connection) => Value): Value {
    try {
      const value = work(connection);
      connection.exec(COMMIT);
      return value;
    } catch (error) {
      this.#rollBack(connection);
      throw error;
    }
  }

  #rollBack(connection: Connection): void {
    if (!connection.inTransaction) return;
    try {
      connection.exec(ROLLBACK);
    } catch {
      // The error that led here tells more. A connection stuck in its transaction is replaced.
      connection.close();
      this.#own = null;
    }
  }

  #end({ connection }: OpenHandle, giveBack: () => void): void {
    if (connection.inTransaction) {
      // A connection whose transaction cannot be ended is of no more use.
      connection.close();
      this.#callers = null;
    }
    giveBack();
  }

  #deadline(): number {
    return this.#parts.ports.clock.monotonicMs() + this.#parts.lockWaitMs;
  }

  async #turn(): Promise<() => void> {
    if (this.#isClosed) throw closed();
    return await this.#queue.turn(this.#parts.lockWaitMs);
  }

  #relax(connection: Connection, relaxed: boolean): void {
    if (this.#isRelaxed === relaxed) return;
    connection.exec(relaxed ? SYNC_NORMAL : SYNC_FULL);
    this.#isRelaxed = relaxed;
  }

  async #ownHandle(deadlineMs: number): Promise<OpenHandle> {
    if (this.#isClosed) throw closed();
    if (this.#own === null) {
      this.#isRelaxed = false;
      this.#own = this.#open(deadlineMs);
    }
    return await this.#kept(this.#own, () => (this.#own = null));
  }

  async #kept(opening: Promise<OpenHandle>, forget: () => void): Promise<OpenHandle> {
    try {
      return await opening;
    } catch (error) {
      forget();
      throw error;
    }
  }

  async #open(deadlineMs: number): Promise<OpenHandle> {
    const { file, driver } = this.#parts;
    assertFolder(file);
    const handle = driver.open(file);
    const connection = new Connection(handle);
    try {
      for (const setting of [NEVER_BLOCK, USE_WAL, SYNC_FULL]) {
        await this.#retried(deadlineMs, async () => connection.exec(setting));
      }
    } catch (error) {
      connection.close();
      throw error;
    }
    return { handle, connection };
  }

  /** Tries until the lock is free or the deadline has passed, at least once. Pauses grow, with jitter. */
  async #retried<Value>(
    deadlineMs: number,
    attempt: () => Promise<Value>,
    errorOf: (error: unknown) => unknown = (error) => storeErrorOf(error),
  ): Promise<Value> {
    const { clock, timers, random } = this.#parts.ports;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      try {
        return await attempt();
      } catch (error) {
        if (this.#isClosed) throw closed();
        if (!isBusy(error) || clock.monotonicMs() >= deadlineMs) throw errorOf(error);
      }
      await new Promise<void>((resolve) => timers.after(pauseMs * (0.5 + random.fraction()), resolve));
    }
  }
}

function assertFolder(file: string): void {
  const folder = dirname(file);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found?.isDirectory() !== true) {
    throw new InvalidInputError("file", `lies in ${folder}, which is no folder`, "create the folder first");
  }
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) {
    throw new InvalidInputError("file", `is ${file}, a folder`, "name a file in it");
  }
}

function closed(): StoreUnavailableError {
  return new StoreUnavailableError("the store was closed", { outcomeUnknown: false });
}
