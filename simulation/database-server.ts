// The database: one memory store, reached by commands only. It can be down, lose its clock, and come back from a backup.
import { StoreUnavailableError } from "../src/errors.ts";
import type {
  BeatAnswer,
  BirthClaim,
  HeldTask,
  NewTask,
  OwnTransaction,
  Savepoint,
} from "../src/store/contract.ts";
import {
  type MemoryRows,
  type MemoryStore,
  type MemoryTransaction,
  memoryStore,
} from "../src/store/memory/index.ts";
import { DEFAULT_START_MS } from "../src/testing/index.ts";
import type { Agenda } from "./agenda.ts";
import type { Recorder } from "./recorder.ts";

/** Methods that need no transaction of the caller's. */
export type PlainMethod =
  | "migrate"
  | "warnings"
  | "readConfirmations"
  | "readCommitted"
  | "claim"
  | "claimById"
  | "freeEndedClaims"
  | "settle"
  | "register"
  | "beat"
  | "removeProcess"
  | "processes"
  | "examine"
  | "get"
  | "list"
  | "listByTaskId"
  | "count"
  | "statistics"
  | "balance"
  | "cancel"
  | "redrive"
  | "erase"
  | "delete"
  | "prune"
  | "countPrunable"
  | "recordAct"
  | "acts"
  | "recordRollUps"
  | "rollUps"
  | "foldRollUps";

/** What can be asked of the database. */
export type Command =
  | { readonly kind: "call"; readonly method: PlainMethod; readonly with: readonly unknown[] }
  | { readonly kind: "begin"; readonly transaction: number; readonly frozen: boolean }
  | {
      readonly kind: "insert";
      readonly transaction: number;
      readonly tasks: readonly NewTask[];
      readonly birth: BirthClaim | null;
    }
  | {
      readonly kind: "resolveDuplicates";
      readonly transaction: number;
      readonly tasks: readonly NewTask[];
      readonly birth: BirthClaim | null;
      readonly createdIds: readonly string[];
    }
  | {
      readonly kind: "savepoint" | "rollbackTo" | "release";
      readonly transaction: number;
      readonly savepoint: number;
    }
  | {
      readonly kind: "get" | "put";
      readonly transaction: number;
      readonly key: string;
      readonly value: number;
    }
  | { readonly kind: "confirm"; readonly transaction: number; readonly task: HeldTask }
  /** A statement that fails, and aborts the transaction. */
  | { readonly kind: "abort"; readonly transaction: number }
  | { readonly kind: "commit"; readonly transaction: number }
  | { readonly kind: "rollback"; readonly transaction: number };

interface Session {
  readonly own: OwnTransaction<MemoryTransaction, MemoryRows>;
  readonly savepoints: Map<number, Savepoint>;
}

/** Methods that only read, and work while the database is read-only. */
const readers: ReadonlySet<string> = new Set([
  "warnings",
  "readConfirmations",
  "readCommitted",
  "get",
  "list",
  "count",
  "statistics",
  "balance",
  "acts",
  "rollUps",
]);

/** Whether a call has nothing to do with tasks, so that it counts in no plan. */
export function isAside(method: string): boolean {
  return method === "recordRollUps" || method === "foldRollUps";
}

const lost = (): StoreUnavailableError =>
  new StoreUnavailableError("the connection was lost", { outcomeUnknown: true });

/** The database of a simulation. */
export class DatabaseServer {
  readonly #agenda: Agenda;
  readonly #recorder: Recorder;
  readonly #chunkTasks: number;
  /** What was carried out, so that it can be carried out again up to an earlier point; null when nobody will ask. */
  readonly #log: { readonly command: Command; readonly nowMs: number }[] | null;
  #store: MemoryStore;
  #sessions = new Map<number, Session>();
  #era = 0;
  #replayedNowMs: number | null = null;
  #pending = new Set<string>();
  /** Transactions whose connection was gone before they began. */
  readonly #stillborn = new Set<number>();
  /** How far the database's clock is off. */
  skewMs = 0;
  standing: "up" | "readOnly" | "down" = "up";

  constructor(agenda: Agenda, recorder: Recorder, chunkTasks: number, keepsLog: boolean) {
    this.#agenda = agenda;
    this.#recorder = recorder;
    this.#chunkTasks = chunkTasks;
    this.#log = keepsLog ? [] : null;
    this.#store = this.#open();
    recorder.databaseClock = () => this.nowMs;
  }

  /** The store itself, for the eyes of the simulator. */
  get store(): MemoryStore {
    return this.#store;
  }

  /** The database's clock. */
  get nowMs(): number {
    return this.#replayedNowMs ?? Math.round(DEFAULT_START_MS + this.#agenda.nowMs + this.skewMs);
  }

  /** Tasks that are still owed. */
  get pending(): number {
    return this.#pending.size;
  }

  /** Transactions that are open. */
  get openTransactions(): number {
    return this.#sessions.size;
  }

  /** Whether the command would be refused now. */
  refuses(command: Command): boolean {
    if (this.standing === "up") return false;
    return this.standing === "down" || command.kind !== "call" || !readers.has(command.method);
  }

  /** Carries a command out. Rejects as the database would. */
  async execute(command: Command): Promise<unknown> {
    const era = this.#era;
    this.#log?.push({ command, nowMs: this.nowMs });
    try {
      const value = await this.#carryOut(command);
      if (era !== this.#era) throw lost();
      return value;
    } catch (error) {
      throw era === this.#era ? error : lost();
    }
  }

  /** The connection of a transaction is gone: it is rolled back. */
  disconnect(transaction: number): void {
    if (this.#sessions.has(transaction)) void this.execute({ kind: "rollback", transaction });
    else this.#stillborn.add(transaction);
  }

  /** All connections are gone. */
  disconnectAll(): void {
    for (const transaction of this.#sessions.keys()) this.disconnect(transaction);
  }

  /** Comes back from a backup that lacks the last commits. */
  async restore(commits: number): Promise<void> {
    const log = this.#log ?? [];
    let cut = log.length;
    for (let left = commits; cut > 0 && left > 0; cut -= 1) {
      if (isWrite(log[cut - 1]?.command)) left -= 1;
    }
    log.splice(cut);
    this.#era += 1;
    this.#sessions = new Map();
    this.#pending = new Set();
    this.#store = this.#open();
    for (const { command, nowMs } of log) {
      this.#replayedNowMs = nowMs;
      const done = this.#carryOut(command).catch(() => undefined);
      await Promise.race([done, new Promise((resolve) => setImmediate(resolve))]); // one that waits for a lock goes on later
    }
    this.#replayedNowMs = null;
    this.disconnectAll();
  }

  #open(): MemoryStore {
    const era = this.#era;
    const store = memoryStore({
      clock: { wallMs: () => this.nowMs },
      audit: (change) => {
        if (change.kind === "task") {
          const isPending = change.after !== null && "dueAtMs" in change.after.standing;
          if (isPending) this.#pending.add(change.taskId);
          else this.#pending.delete(change.taskId);
        }
        if (era === this.#era && this.#replayedNowMs === null) this.#recorder.change(change);
      },
    });
    return { ...store, chunkTasks: this.#chunkTasks };
  }

  async #carryOut(command: Command): Promise<unknown> {
    if (command.kind === "call") {
      const method = this.#store[command.method] as (...parameters: readonly unknown[]) => Promise<unknown>; // the wire typed it
      const value = await method(...command.with);
      const tellsEra = command.method === "beat" || command.method === "register";
      return tellsEra ? { ...(value as BeatAnswer), era: String(this.#era) } : value; // what both answer
    }
    if (command.kind === "begin") {
      if (this.#stillborn.has(command.transaction)) throw lost();
      const own = await this.#store.begin({ isolationLevel: command.frozen ? "repeatable read" : null });
      this.#sessions.set(command.transaction, { own, savepoints: new Map() });
      return undefined;
    }
    const session = this.#sessions.get(command.transaction);
    if (session === undefined) throw lost();
    if (command.kind === "commit" || command.kind === "rollback") {
      this.#sessions.delete(command.transaction);
      return await session.own[command.kind]();
    }
    return await this.#carryOutIn(session, command);
  }

  async #carryOutIn(
    { own, savepoints }: Session,
    command: Exclude<Command, { readonly kind: "call" | "begin" | "commit" | "rollback" }>,
  ): Promise<unknown> {
    switch (command.kind) {
      case "insert":
        return await this.#store.insert(own.transaction, command.tasks, command.birth);
      case "resolveDuplicates": {
        const { tasks, birth, createdIds } = command;
        return await this.#store.resolveDuplicates(own.transaction, tasks, birth, createdIds);
      }
      case "confirm":
        return await this.#store.confirmWithin(own.transaction, command.task);
      case "savepoint":
        savepoints.set(command.savepoint, await own.savepoint());
        return undefined;
      case "rollbackTo":
        return await savepoints.get(command.savepoint)?.rollback();
      case "release":
        return await savepoints.get(command.savepoint)?.release();
      case "get":
        return await own.api.get(command.key);
      case "put":
        return await own.api.put(command.key, command.value);
      case "abort": {
        const savepoint = await own.savepoint();
        await savepoint.release();
        return await savepoint.release();
      }
    }
  }
}

/** Roll-ups are figures beside the tasks: losing some of them is no commit lost. */
function isWrite(command: Command | undefined): boolean {
  if (command === undefined) return false;
  if (command.kind !== "call") return command.kind === "commit";
  return !readers.has(command.method) && !isAside(command.method);
}
