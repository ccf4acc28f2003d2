// A transaction of a process over its wire: it costs the connection when a statement has a bad fate, and its COMMIT may stay unanswered.
import { CommitUnknownError, StoreUnavailableError } from "../src/errors.ts";
import type { HeldTask, OwnTransaction, Savepoint } from "../src/store/contract.ts";
import type { Command } from "./database-server.ts";
import type { Fate } from "./plan.ts";
import type { Wire } from "./wire.ts";
import { noteConfirmation } from "./witness.ts";

/** What may become of a call outside of transactions. */
export const anywhere: readonly Fate[] = ["slow", "refused", "reset", "late", "mute"];
const inTransaction: readonly Fate[] = [...anywhere, "aborted"];

/** The error of a call that was not answered. */
export const unavailable = (
  outcomeUnknown: boolean,
  problem = "the connection was lost",
): StoreUnavailableError => new StoreUnavailableError(problem, { outcomeUnknown });

/** A transaction over the wire; what a client's code holds in hand. */
export class WireTransaction implements OwnTransaction<WireTransaction, WireTransaction> {
  readonly wire: Wire;
  readonly number: number;
  /** The calls to enqueue that stand in it, by the names the client gave them. */
  calls: string[] = [];
  /** Tasks its statements have created since somebody last looked. */
  readonly created = new Set<string>();
  /** Tasks that were confirmed in it. */
  readonly confirmed: HeldTask[] = [];
  /** The database's name of it, once it is known. */
  mark: string | null = null;
  /** Whether any of its tasks was born claimed. */
  hasBirths = false;
  #isLost = false;
  #isOver = false;
  /** A COMMIT was sent: whatever follows, it cannot be taken back. */
  #wasCommitted = false;
  #savepoints = 0;

  constructor(wire: Wire, number: number) {
    this.wire = wire;
    this.number = number;
    wire.open.add(this);
  }

  get transaction(): WireTransaction {
    return this;
  }

  get api(): WireTransaction {
    return this;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Always true, as in the memory store. */
  provesCommit(): boolean {
    return true;
  }

  get(key: string): Promise<unknown> {
    return this.statement({ kind: "get", transaction: this.number, key, value: 0 });
  }

  async put(key: string, value: number): Promise<void> {
    await this.statement({ kind: "put", transaction: this.number, key, value });
  }

  async savepoint(): Promise<Savepoint> {
    this.#savepoints += 1;
    const named = { transaction: this.number, savepoint: this.#savepoints };
    await this.statement({ kind: "savepoint", ...named });
    return {
      rollback: async () => void (await this.statement({ kind: "rollbackTo", ...named })),
      release: async () => void (await this.statement({ kind: "release", ...named })),
    };
  }

  /** Runs a statement. One whose fate is bad costs the connection, and with it the transaction. */
  async statement(command: Command): Promise<unknown> {
    if (this.#isLost) throw unavailable(false);
    if (this.#isOver) throw new Error("the transaction has ended");
    const { wire } = this;
    const sent = wire.send(command, inTransaction);
    try {
      return await sent;
    } catch (error) {
      if (error instanceof StoreUnavailableError) this.hangUp();
      throw error;
    }
  }

  async commit(): Promise<void> {
    const { wire } = this;
    const calls = [...this.calls];
    const { recorder } = wire.parts;
    this.#wasCommitted = true;
    recorder.record(wire.process, { kind: "commit.invoke", calls });
    const answered = (seen: "ok" | "fail" | "info"): void => {
      recorder.record(wire.process, { kind: "commit.answer", calls, seen });
      for (const task of this.confirmed) noteConfirmation(wire, task, seen);
    };
    if (this.#isLost) {
      answered("fail");
      throw unavailable(false);
    }
    this.#end();
    try {
      await wire.send({ kind: "commit", transaction: this.number }, anywhere);
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) {
        answered("fail");
        throw error;
      }
      this.hangUp();
      answered("info");
      recorder.note("unknown commit outcome");
      if (this.mark !== null) wire.parts.unknownMarks.add(this.mark);
      throw new CommitUnknownError([], { cause: error });
    }
    answered("ok");
  }

  async rollback(): Promise<void> {
    const { wire } = this;
    const calls = [...this.calls];
    if (this.#wasCommitted || (this.#isOver && !this.#isLost)) return;
    wire.parts.recorder.record(wire.process, { kind: "rollback", calls });
    if (this.#isLost) return;
    this.#end();
    try {
      await wire.send({ kind: "rollback", transaction: this.number }, anywhere);
    } catch {
      this.hangUp();
    }
  }

  /** The connection is gone; the server rolls back when it notices. */
  hangUp(): void {
    this.#isLost = true;
    this.#end();
    const { parts } = this.wire;
    parts.agenda.after(this.wire.disconnectMs(this.number), null, () => parts.server.disconnect(this.number));
  }

  #end(): void {
    this.#isOver = true;
    this.wire.open.delete(this);
  }
}
