// Writes a history by hand: each method is one thing that the engine does, and does it right. Planted bugs go around them.
import type {
  AuditEntry,
  History,
  NemesisEvent,
  PendingImage,
  ProcessEvent,
  RunSettings,
} from "../../checker/history.ts";
import { freeRow, scriptedSettings } from "./scripted-rows.ts";

/** The end of a task. */
export interface ScriptedEnd {
  readonly state: "confirmed" | "failed" | "cancelled";
  readonly generation: number;
  readonly atMs: number;
}

/** A history that is being written. */
export class ScriptedRun {
  readonly processes: ProcessEvent[] = [];
  readonly nemesis: NemesisEvent[] = [];
  readonly audit: AuditEntry[] = [];
  /** Pending rows by task. */
  readonly pending = new Map<string, PendingImage>();
  readonly settled = new Map<string, ScriptedEnd>();
  readonly types = new Map<string, string>();
  /** Registered owners, with the number of heartbeats. */
  readonly registry = new Map<string, number>();
  nowMs = 1_900_000_000_000;
  isDown = false;
  #seq = 0;
  #owners = 0;
  #boots = new Map<string, number>();

  /** Lets time pass. */
  pass(ms: number): this {
    this.nowMs += ms;
    return this;
  }

  /** Number of the next life of a process. */
  nextBoot(name: string): number {
    const boot = (this.#boots.get(name) ?? 0) + 1;
    this.#boots.set(name, boot);
    return boot;
  }

  /** An owner id that nobody bore before. */
  newOwner(): string {
    this.#owners += 1;
    return String(1_000 + this.#owners);
  }

  /** One commit. */
  commit(...changes: readonly AuditEntry["change"][]): void {
    this.#seq += 1;
    for (const change of changes) {
      this.audit.push({ seq: this.#seq, atMs: this.nowMs, change });
      this.#apply(change);
    }
  }

  /** An update of a pending row. */
  update(taskId: string, change: Partial<PendingImage>): AuditEntry["change"] {
    const before = this.row(taskId);
    return { kind: "pending.update", taskId, before, after: { ...before, ...change } };
  }

  /** A pending row that ends. */
  ending(taskId: string, state: ScriptedEnd["state"]): readonly AuditEntry["change"][] {
    const row = this.row(taskId);
    return [
      { kind: "pending.delete", taskId, row },
      { kind: "settled.insert", taskId, state, generation: row.generation },
    ];
  }

  /** The pending row of a task. */
  row(taskId: string): PendingImage {
    const row = this.pending.get(taskId);
    if (row === undefined) throw new Error(`the script is wrong: ${taskId} is not pending`);
    return row;
  }

  /** Something the nemesis does. */
  disturb(action: NemesisEvent["action"]): this {
    this.nemesis.push({ atMs: this.nowMs, afterSeq: this.#seq, databaseMs: this.nowMs, action });
    if (action.kind === "database.down") this.isDown = true;
    if (action.kind === "database.up") this.isDown = false;
    return this;
  }

  /** An operator ends a pending task. */
  cancel(taskId: string): void {
    this.disturb({ kind: "operator", operation: "cancel", taskId });
    this.commit(...this.ending(taskId, "cancelled"));
  }

  /** An operator makes a settled task owed again. */
  redrive(taskId: string, change: Partial<PendingImage> = {}): void {
    this.disturb({ kind: "operator", operation: "redrive", taskId });
    const end = this.settled.get(taskId);
    if (end === undefined) throw new Error(`the script is wrong: ${taskId} is not settled`);
    const { state, generation } = end;
    const row = { ...freeRow(this.nowMs, this.types.get(taskId)), generation: generation + 1, ...change };
    this.commit(
      { kind: "settled.delete", taskId, state, generation },
      { kind: "pending.insert", taskId, row },
    );
  }

  /** Retention. */
  prune(taskId: string): void {
    const end = this.settled.get(taskId);
    if (end === undefined) return this.commit({ kind: "task.delete", taskId });
    const { state, generation } = end;
    this.commit({ kind: "settled.delete", taskId, state, generation }, { kind: "task.delete", taskId });
  }

  /** What has been written. */
  history(settings: Partial<RunSettings> = {}): History {
    const { processes, nemesis, audit } = this;
    return { settings: { ...scriptedSettings, ...settings }, processes, nemesis, audit };
  }

  #apply(change: AuditEntry["change"]): void {
    switch (change.kind) {
      case "pending.insert":
        this.pending.set(change.taskId, change.row);
        this.types.set(change.taskId, change.row.type);
        return;
      case "pending.update":
        this.pending.set(change.taskId, change.after);
        return;
      case "pending.delete":
        this.pending.delete(change.taskId);
        return;
      case "settled.insert":
        this.settled.set(change.taskId, { ...change, atMs: this.nowMs });
        return;
      case "settled.delete":
      case "task.delete":
        this.settled.delete(change.taskId);
        return;
      case "process.delete":
        this.registry.delete(change.owner);
        return;
      case "process.insert":
      case "process.beat":
        this.registry.set(change.owner, (this.registry.get(change.owner) ?? 0) + 1);
    }
  }
}
