// What each worker of a run held, and when something kept it from its work: read from the history, in virtual time.
import type {
  AuditEntry,
  NemesisEvent,
  PendingImage,
  ProcessEvent,
  ProcessEventBody,
} from "../checker/history.ts";
import { DEFAULT_START_MS } from "../src/testing/index.ts";
import type { PlannedNode } from "./plan.ts";
import type { Run } from "./scenario.ts";
import type { Span } from "./spans.ts";

/** A span that may go on. */
interface OpenSpan extends Span {
  toMs: number;
}

/** A claim that stood on a task: from its commit to its end, or that of its execution if that is later. */
export interface Hold extends OpenSpan {
  readonly taskId: string;
  readonly row: PendingImage;
  /** Number of its commit in the audit. */
  readonly seq: number;
  /** Claimed by the worker: not born claimed, and not asked for by its id. */
  isOfWorker: boolean;
  isStarted: boolean;
  /** Its executor went on beyond the attempt. */
  isLate: boolean;
}

/** A task that the worker was given, until it was started or given back. */
interface Waiting extends OpenSpan {
  readonly taskId: string;
  readonly type: string;
}

/** One life of a node that has a worker. */
export interface WorkerLife {
  readonly name: string;
  readonly node: number;
  readonly worker: NonNullable<PlannedNode["worker"]>;
  readonly hasFastPath: boolean;
  readonly types: ReadonlySet<string>;
  readonly registered: (OpenSpan & { readonly owner: string })[];
  readonly holds: Hold[];
  readonly waiting: Waiting[];
  /** Its stop or death, pauses and cuts. */
  readonly disturbed: OpenSpan[];
  /** When breakers of a type, or of one key of it, were not closed. */
  readonly stops: (OpenSpan & { readonly type: string; readonly key: string | null })[];
}

/** A time during which nobody held a task. */
export interface FreeTime extends OpenSpan {
  readonly taskId: string;
  readonly row: PendingImage;
  /** Numbers of the commits that began and ended it. */
  readonly fromSeq: number;
  toSeq: number;
}

/** A claim, from when it was sent until it was answered. */
export interface Call extends OpenSpan {
  readonly owner: string;
}

/** What the laws of waiting look at. */
export interface Lives {
  readonly workers: readonly WorkerLife[];
  /** By task, in order. */
  readonly free: ReadonlyMap<string, readonly FreeTime[]>;
  readonly holds: ReadonlyMap<string, readonly Hold[]>;
  /** Outages, and the time before a jump of the database's clock. */
  readonly disturbed: readonly Span[];
  /** The claims of workers by their names; read when they are first asked for. */
  readonly calls: () => ReadonlyMap<string, Call>;
  /** The virtual time of a time of the database, after its last jump. */
  readonly virtualMs: (databaseMs: number) => number;
}

/** Names a claim. */
export function callOf({ owner, claim }: Pick<PendingImage, "owner" | "claim">): string {
  return `${owner}/${claim}`;
}

/** Reads the lives out of a run. */
export function livesOf(run: Run): Lives {
  return new Reader(run).read();
}

interface Execution {
  endMs: number;
  isLate: boolean;
}

class Reader {
  readonly #run: Run;
  readonly #lives = new Map<string, WorkerLife>();
  readonly #ofOwner = new Map<string, WorkerLife>();
  readonly #byId = new Set<string>();
  readonly #executions = new Map<string, Execution>();
  /** What a worker was given and has neither started nor given back, by task and claim. */
  readonly #given = new Map<string, Waiting>();
  readonly #disturbed: OpenSpan[] = [];
  readonly #free = new Map<string, FreeTime[]>();
  readonly #holds = new Map<string, Hold[]>();
  readonly #depths = new Map<string, number>();
  readonly #faults = new Map<string, OpenSpan>();
  #skewMs = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  read(): Lives {
    const { history, told, auditedAtMs } = this.#run;
    for (const one of told) this.#tell(one, one.event, one.atMs);
    for (const { action, atMs } of history.nemesis) this.#disturb(action, atMs);
    for (const entry of history.audit) this.#audit(entry, auditedAtMs.get(entry.seq) ?? 0);
    for (const holds of this.#holds.values()) for (const hold of holds) this.#finish(hold);
    const originMs = DEFAULT_START_MS + this.#skewMs;
    return {
      workers: [...this.#lives.values()],
      free: this.#free,
      holds: this.#holds,
      disturbed: this.#disturbed,
      calls: once(() => callsOf(this.#run)),
      virtualMs: (databaseMs) => databaseMs - originMs,
    };
  }

  #lifeOf(name: string): WorkerLife | null {
    const known = this.#lives.get(name);
    if (known !== undefined) return known;
    const { nodes, types } = this.#run.plan;
    const node = Number(name.slice(1).split(".")[0]);
    const planned = nodes[node];
    if (planned === undefined || planned.worker === null) return null;
    const life: WorkerLife = {
      name,
      node,
      worker: planned.worker,
      hasFastPath: planned.fastPath > 0,
      types: new Set(planned.types.flatMap((type) => types[type]?.name ?? [])),
      registered: [],
      holds: [],
      waiting: [],
      disturbed: [],
      stops: [],
    };
    this.#lives.set(name, life);
    return life;
  }

  #tell({ process, boot }: ProcessEvent, event: ProcessEventBody, atMs: number): void {
    switch (event.kind) {
      case "process.registered":
        return this.#register(`${process}.${boot}`, event.owner, atMs);
      case "process.lost":
        return this.#unregister(event.owner, atMs);
      case "stop.begin":
        this.#lifeOf(`${process}.${boot}`)?.disturbed.push(endless(atMs));
        return;
      case "claim.invoke":
        if (event.byId === true) this.#byId.add(callOf(event));
        return;
      case "claim.answer":
        if (event.taskIds.length > 0 && !this.#byId.has(callOf(event)))
          this.#give(event, event.taskIds, atMs);
        return;
      case "execution.start": {
        const key = `${event.taskId}/${callOf(event.token)}`;
        this.#take(key, atMs);
        this.#executions.set(key, { endMs: Number.POSITIVE_INFINITY, isLate: false });
        return;
      }
      case "execution.end": {
        const execution = this.#executions.get(`${event.taskId}/${callOf(event.token)}`);
        if (execution === undefined) return;
        // Its slot is free for certain when its executor has returned, and that is told by a second end.
        const goesOn = event.outcome === "timed-out" || event.outcome === "abandoned";
        if (goesOn && !execution.isLate) execution.isLate = true;
        else execution.endMs = atMs;
        return;
      }
      case "breaker":
        return this.#stop(`${process}.${boot}`, event, atMs);
      case "settle.invoke":
        return this.#take(`${event.taskId}/${callOf(event.token)}`, atMs);
      default:
        return;
    }
  }

  #stop(name: string, event: Extract<ProcessEventBody, { readonly kind: "breaker" }>, atMs: number): void {
    const { type, key = null, isClosed } = event;
    const stops = this.#lifeOf(name)?.stops ?? [];
    const open = stops.find((stop) => stop.type === type && stop.key === key && stop.toMs > atMs);
    if (isClosed && open !== undefined) open.toMs = atMs;
    else if (!isClosed && open === undefined) stops.push({ type, key, ...endless(atMs) });
  }

  #register(name: string, owner: string, atMs: number): void {
    const life = this.#lifeOf(name);
    if (life === null) return;
    this.#ofOwner.set(owner, life);
    life.registered.push({ owner, ...endless(atMs) });
  }

  #unregister(owner: string, atMs: number): void {
    for (const span of this.#ofOwner.get(owner)?.registered ?? []) {
      if (span.owner === owner) span.toMs = Math.min(span.toMs, atMs);
    }
  }

  #give(call: Pick<PendingImage, "owner" | "claim">, taskIds: readonly string[], atMs: number): void {
    const life = this.#ofOwner.get(call.owner ?? "");
    for (const taskId of taskIds) {
      const waiting = { taskId, type: this.#typeOf(taskId), ...endless(atMs) };
      life?.waiting.push(waiting);
      this.#given.set(`${taskId}/${callOf(call)}`, waiting);
    }
  }

  #take(key: string, atMs: number): void {
    const waiting = this.#given.get(key);
    if (waiting === undefined) return;
    waiting.toMs = atMs;
    this.#given.delete(key);
  }

  #typeOf(taskId: string): string {
    const { tasks, types } = this.#run.plan;
    return types[tasks[Number(taskId.slice(1))]?.type ?? 0]?.name ?? "";
  }

  #disturb(action: NemesisEvent["action"], atMs: number): void {
    switch (action.kind) {
      case "kill":
        this.#lives.get(`${action.process}.${action.boot}`)?.disturbed.push(endless(atMs));
        return;
      case "pause":
      case "resume": {
        const name = `${action.process}.${action.boot}`;
        // Pauses may overlap, and each is told its end.
        return this.#turn(`pause ${name}`, [name], action.kind === "pause" ? 1 : -1, atMs);
      }
      case "cut":
      case "heal": {
        const names = [...this.#lives.keys()].filter((name) => name.startsWith(`${action.process}.`));
        // The first end counts for all that overlap.
        return this.#turn(`cut ${action.process}`, names, action.kind === "cut" ? 1 : -100, atMs);
      }
      case "database.down":
      case "database.up":
        return this.#turn("outage", null, action.kind === "database.down" ? 1 : -100, atMs);
      case "clock.jump":
        if (action.process !== "database") return;
        this.#skewMs += action.byMs;
        this.#disturbed.push({ fromMs: 0, toMs: atMs });
        return;
      default:
        return;
    }
  }

  /** A fault begins or ends, of some lives or (null) of everybody. */
  #turn(fault: string, names: readonly string[] | null, change: number, atMs: number): void {
    const depth = this.#depths.get(fault) ?? 0;
    const now = Math.max(depth + change, 0);
    this.#depths.set(fault, now);
    const lives = (names ?? []).flatMap((name) => this.#lives.get(name) ?? []);
    const lists = names === null ? [this.#disturbed] : lives.map(({ disturbed }) => disturbed);
    if (depth === 0 && now > 0) {
      const span = endless(atMs);
      this.#faults.set(fault, span);
      for (const list of lists) list.push(span);
    }
    const span = this.#faults.get(fault);
    if (depth > 0 && now === 0 && span !== undefined) span.toMs = atMs;
  }

  #audit({ seq, change }: AuditEntry, atMs: number): void {
    switch (change.kind) {
      case "process.delete":
        return this.#unregister(change.owner, atMs);
      case "pending.insert":
        return this.#stands(change.taskId, change.row, true, seq, atMs);
      case "pending.update":
        this.#ends(change.taskId, seq, atMs);
        return this.#stands(change.taskId, change.after, false, seq, atMs);
      case "pending.delete":
        return this.#ends(change.taskId, seq, atMs);
      default:
        return;
    }
  }

  #stands(taskId: string, row: PendingImage, isNew: boolean, seq: number, atMs: number): void {
    if (row.owner === null) {
      listOf(this.#free, taskId).push({
        taskId,
        row,
        fromSeq: seq,
        toSeq: Number.POSITIVE_INFINITY,
        ...endless(atMs),
      });
      return;
    }
    const isOfWorker = !isNew && !this.#byId.has(callOf(row));
    const hold = { taskId, row, seq, isOfWorker, isStarted: false, isLate: false, ...endless(atMs) };
    listOf(this.#holds, taskId).push(hold);
    this.#ofOwner.get(row.owner)?.holds.push(hold);
  }

  #ends(taskId: string, seq: number, atMs: number): void {
    const free = this.#free.get(taskId)?.at(-1);
    if (free !== undefined && free.toSeq === Number.POSITIVE_INFINITY) {
      free.toSeq = seq;
      free.toMs = atMs;
    }
    const hold = this.#holds.get(taskId)?.at(-1);
    if (hold !== undefined) hold.toMs = Math.min(hold.toMs, atMs);
  }

  #finish(hold: Hold): void {
    const execution = this.#executions.get(`${hold.taskId}/${callOf(hold.row)}`);
    if (execution === undefined) return;
    hold.isStarted = true;
    hold.isLate = execution.isLate;
    hold.toMs = Math.max(hold.toMs, execution.endMs);
  }
}

function endless(fromMs: number): OpenSpan {
  return { fromMs, toMs: Number.POSITIVE_INFINITY };
}

function listOf<Value>(lists: Map<string, Value[]>, key: string): Value[] {
  let list = lists.get(key);
  if (list === undefined) {
    list = [];
    lists.set(key, list);
  }
  return list;
}

/** The claims of workers, from the history. Most of them took nothing, and nobody asks for them. */
function callsOf({ told }: Run): ReadonlyMap<string, Call> {
  const calls = new Map<string, Call>();
  for (const { event, atMs } of told) {
    if (event.kind === "claim.invoke" && event.byId !== true)
      calls.set(callOf(event), { owner: event.owner, ...endless(atMs) });
    if (event.kind !== "claim.answer") continue;
    const call = calls.get(callOf(event));
    if (call !== undefined) call.toMs = atMs;
  }
  return calls;
}

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | null = null;
  return () => (made ??= { value: make() }).value;
}
