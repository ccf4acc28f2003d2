// Writes the history of a simulation as it happens, and a hash of it, so that two runs can be compared.
import type {
  AuditEntry,
  NemesisEvent,
  PendingImage,
  ProcessEvent,
  ProcessEventBody,
} from "../checker/history.ts";
import type { AuditedChange, AuditedTask } from "../src/store/memory/index.ts";
import type { FailureReason } from "../src/task/task.ts";
import type { Agenda } from "./agenda.ts";
import { mix, mixText } from "./draw.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** Everything that is noted about a run. */
export class Recorder {
  readonly processes: ProcessEvent[] = [];
  /** Virtual time of each of `processes`. */
  readonly toldAtMs: number[] = [];
  /** Virtual time of each commit of the audit. */
  readonly auditedAtMs = new Map<number, number>();
  readonly nemesis: NemesisEvent[] = [];
  readonly audit: AuditEntry[] = [];
  /** How often something interesting happened. */
  readonly seen = new Map<string, number>();
  /** Most claims that a process has called live when it claimed. */
  mostLiveClaims = 0;
  /** Keeps counts and hash, and no history: for runs that are too long for one. */
  isForgetful = false;
  /** Reads the database's clock; set by whoever keeps it. */
  databaseClock: () => number = () => 0;
  /** What is wrong already, besides what the checker will find. */
  readonly problems: string[] = [];
  readonly #agenda: Agenda;
  /** Owners by the process that registered them. */
  readonly #processOf = new Map<string, SimulatedProcess>();
  #changes: AuditedChange[] = [];
  #auditSequence = 0;
  #hash = 0;

  constructor(agenda: Agenda) {
    this.#agenda = agenda;
  }

  /** A number that two runs of the same plan share. */
  get hash(): number {
    return this.#hash >>> 0;
  }

  /** Counts something interesting. */
  note(tag: string): void {
    this.seen.set(tag, (this.seen.get(tag) ?? 0) + 1);
  }

  /** Notes an event of a process; the dead tell nothing. */
  record(process: SimulatedProcess, event: ProcessEventBody): void {
    if (!process.isAlive) return;
    const { name, boot, monotonicMs } = process;
    if (!this.isForgetful)
      this.processes.push({ process: name, boot, seq: process.nextSequence(), monotonicMs, event });
    if (!this.isForgetful) this.toldAtMs.push(this.#agenda.nowMs);
    this.trace(event.kind, "taskId" in event ? event.taskId : name);
  }

  /** Notes what the nemesis or an operator did. */
  disturb(action: NemesisEvent["action"]): void {
    const databaseMs = this.databaseClock();
    if (!this.isForgetful)
      this.nemesis.push({ atMs: this.#agenda.nowMs, afterSeq: this.#auditSequence, databaseMs, action });
    this.note(`nemesis: ${action.kind}`);
    this.trace(action.kind, "");
  }

  /** Mixes what happens into the hash. */
  trace(what: string, whom: string): void {
    this.#hash = mix(mixText(mixText(this.#hash, what), whom), Math.round(this.#agenda.nowMs * 1_000));
  }

  /** Whose owner id this is. */
  own(owner: string, process: SimulatedProcess): void {
    this.#processOf.set(owner, process);
  }

  /** The process that bears, or bore, an owner id. */
  processOf(owner: string): SimulatedProcess | undefined {
    return this.#processOf.get(owner);
  }

  /** Takes in a committed change; all of one turn share their number in the audit. */
  change(change: AuditedChange): void {
    this.#changes.push(change);
    if (this.#changes.length === 1) queueMicrotask(() => this.#flush(this.databaseClock()));
  }

  #flush(atMs: number): void {
    this.#auditSequence += 1;
    const seq = this.#auditSequence;
    if (!this.isForgetful) this.auditedAtMs.set(seq, this.#agenda.nowMs);
    for (const change of merged(this.#changes)) {
      for (const entry of entriesOf(change)) {
        if (!this.isForgetful) this.audit.push({ seq, atMs, change: entry });
        this.trace(entry.kind, "taskId" in entry ? entry.taskId : "");
      }
    }
    this.#changes = [];
  }
}

/** A statement that touches a row twice is one change, as a trigger would see it. */
function merged(changes: readonly AuditedChange[]): AuditedChange[] {
  const result: AuditedChange[] = [];
  const places = new Map<string, number>();
  for (const change of changes) {
    const place = change.kind === "task" ? places.get(change.taskId) : undefined;
    const earlier = place === undefined ? undefined : result[place];
    if (place !== undefined && earlier?.kind === "task" && change.kind === "task") {
      result[place] = { ...earlier, after: change.after };
      continue;
    }
    if (change.kind === "task") places.set(change.taskId, result.length);
    result.push(change);
  }
  return result;
}

type Entry = AuditEntry["change"];

function entriesOf(change: AuditedChange): Entry[] {
  if (change.kind === "process") return [{ kind: `process.${change.change}`, owner: change.owner }];
  const { taskId } = change;
  const before = side(change, change.before);
  const after = side(change, change.after);
  if (before?.pending && after?.pending) {
    return [{ kind: "pending.update", taskId, before: before.pending, after: after.pending }];
  }
  const entries: Entry[] = [];
  if (before?.pending) entries.push({ kind: "pending.delete", taskId, row: before.pending });
  else if (before) {
    const { state, generation } = before.settled;
    entries.push({ kind: "settled.delete", taskId, state, generation });
  }
  if (after?.pending) entries.push({ kind: "pending.insert", taskId, row: after.pending });
  else if (after) {
    const { reason, ...settled } = after.settled;
    entries.push({ kind: "settled.insert", taskId, ...settled, ...(reason === null ? {} : { reason }) });
  }
  if (after === null) entries.push({ kind: "task.delete", taskId });
  return entries;
}

type Side =
  | { readonly pending: PendingImage; readonly settled?: undefined }
  | {
      readonly pending?: undefined;
      readonly settled: {
        readonly state: "confirmed" | "failed" | "cancelled";
        readonly generation: number;
        readonly reason: FailureReason | null;
      };
    };

function side(
  { type, key }: Extract<AuditedChange, { readonly kind: "task" }>,
  task: AuditedTask | null,
): Side | null {
  if (task === null) return null;
  const { generation, standing } = task;
  if ("atMs" in standing) return { settled: { state: standing.state, generation, reason: standing.reason } };
  const { dueAtMs, failedAttempts, lostAttempts, deferredAttempts, claim } = standing;
  return {
    pending: {
      type,
      ...(key === null ? {} : { key }),
      dueAtMs,
      failedAttempts,
      lostAttempts,
      deferredAttempts,
      generation,
      owner: claim?.owner ?? null,
      claim: claim?.number ?? null,
    },
  };
}
