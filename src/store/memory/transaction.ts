/** What a user of the memory store holds in hand: a transaction that takes tasks and the user's own rows. */
import type { OwnTransaction, Savepoint } from "../contract.ts";
import type { Session } from "./session.ts";

/** The user's own rows within a transaction: a small key-value map, so that one commit covers them and the tasks. */
export interface MemoryRows {
  /** A copy of the value; undefined when there is none. Sees its own writes and what is committed. */
  get(key: string): Promise<unknown>;
  /** Keeps a copy of the value. Waits while another open transaction has written the same key. */
  put(key: string, value: unknown): Promise<void>;
  delete(key: string): Promise<void>;
  /** The keys that have a value, sorted. */
  keys(): Promise<readonly string[]>;
}

/** A transaction of the memory store; what `begin` gives and what enqueue takes. */
export class MemoryTransaction implements OwnTransaction<MemoryTransaction, MemoryRows>, MemoryRows {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  get transaction(): MemoryTransaction {
    return this;
  }

  get api(): MemoryRows {
    return this;
  }

  /** Always true: there is no statement by which a user could end it unseen. */
  provesCommit(): boolean {
    return true;
  }

  get(key: string): Promise<unknown> {
    return this.#session.statement(() => structuredClone(this.#session.readBusinessRow(key)));
  }

  async put(key: string, value: unknown): Promise<void> {
    if (value === undefined) throw new TypeError("undefined cannot be kept: delete the row instead");
    await this.#write(key, structuredClone(value));
  }

  async delete(key: string): Promise<void> {
    await this.#write(key, undefined);
  }

  keys(): Promise<readonly string[]> {
    return this.#session.statement(() => this.#session.businessKeys());
  }

  savepoint(): Promise<Savepoint> {
    return this.#session.savepoint();
  }

  commit(): Promise<void> {
    return this.#session.commit();
  }

  rollback(): Promise<void> {
    return this.#session.rollback();
  }

  #write(key: string, value: unknown): Promise<void> {
    const session = this.#session;
    return session.statement(async () => {
      await session.lock(`row ${key}`);
      session.assertNotNewer(session.database.businessRows.lastCommitOf(key));
      session.writeBusinessRow(key, value);
    });
  }
}
