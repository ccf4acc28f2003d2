/** What is committed: the tasks, their indexes, and the counts of which the balance is made. */
import { type TaskState, taskStates } from "../../task/task.ts";
import type { Audit, AuditedTask } from "./audit.ts";
import { OrderedList } from "./ordered-list.ts";
import { isPending, type Pending, type PendingRow, type Settled, stateOf, type TaskRow } from "./rows.ts";

/** How often a task was lost decides who may claim it: anybody, anybody with room for a suspect, or somebody idle. */
export type Suspicion = "healthy" | "suspect" | "alone";

/** The queue a pending task stands in, by its losses. */
export function suspicionOf(lostAttempts: number): Suspicion {
  if (lostAttempts === 0) return "healthy";
  return lostAttempts === 1 ? "suspect" : "alone";
}

/** Pending tasks of one type and one key, by suspicion, each in due order. */
type Queues = Readonly<Record<Suspicion, OrderedList<PendingRow>>>;

/** The queues of a type by key; those without a key stand under null. */
type QueuesByKey = ReadonlyMap<string | null, Queues>;

const none: QueuesByKey = new Map();

/** Due order: who has been due longest comes first, then who was enqueued first. */
export function inDueOrder(left: PendingRow, right: PendingRow): number {
  return left.standing.dueAtMs - right.standing.dueAtMs || left.id - right.id;
}

type Aged = Pick<TaskRow, "id">;

/** Tasks, oldest first; the number alone tells the age. */
type TasksByAge = OrderedList<TaskRow, Aged>;

const byAge = (left: Aged, right: Aged): number => left.id - right.id;

const bySettlement = (left: TaskRow, right: TaskRow): number =>
  (left.standing as Settled).atMs - (right.standing as Settled).atMs || left.id - right.id;

/** The committed tasks. Every change goes through a method here, so that no index can be forgotten. */
export class Tables {
  readonly #byId = new Map<number, TaskRow>();
  readonly #byTaskId = new Map<string, TaskRow>();
  readonly #queues = new Map<string, Map<string | null, Queues>>();
  readonly #byState: Readonly<Record<TaskState, TasksByAge>>;
  readonly #prunable = new OrderedList<TaskRow>(bySettlement);
  readonly #audit: Audit | undefined;
  #enqueued = 0;
  #pruned = 0;

  constructor(audit?: Audit) {
    this.#audit = audit;
    const lists = taskStates.map((state) => [state, new OrderedList<TaskRow, Aged>(byAge)]);
    // The states are all there, which the type of fromEntries cannot tell.
    this.#byState = Object.fromEntries(lists) as Record<TaskState, TasksByAge>;
  }

  /** Tasks ever committed, and those of them that were pruned: counters of their own. */
  get counters(): { readonly enqueued: number; readonly pruned: number } {
    return { enqueued: this.#enqueued, pruned: this.#pruned };
  }

  find(taskId: string): TaskRow | undefined {
    return this.#byTaskId.get(taskId);
  }

  findById(id: string): TaskRow | undefined {
    return this.#byId.get(Number(id));
  }

  /** All tasks, in no order that means anything. */
  all(): Iterable<TaskRow> {
    return this.#byTaskId.values();
  }

  /** The tasks of a state, oldest first. */
  inState(state: TaskState): TasksByAge {
    return this.#byState[state];
  }

  /** The types that have pending tasks. */
  pendingTypes(): Iterable<string> {
    return this.#queues.keys();
  }

  /** The pending tasks of a type, by key. */
  queuesOf(type: string): QueuesByKey {
    return this.#queues.get(type) ?? none;
  }

  /** Confirmed and cancelled tasks, longest settled first. */
  prunable(): OrderedList<TaskRow> {
    return this.#prunable;
  }

  /** A task has been committed. */
  add(row: TaskRow): void {
    this.#byId.set(row.id, row);
    this.#byTaskId.set(row.taskId, row);
    this.#enqueued += 1;
    this.#index(row);
    this.#tell(row, null, imageOf(row));
  }

  /** Changes what is owed of a pending task. */
  amend(row: PendingRow, change: Partial<Pending>): void {
    const before = row.standing;
    const after = { ...before, ...change };
    const moves =
      after.dueAtMs !== before.dueAtMs ||
      suspicionOf(after.lostAttempts) !== suspicionOf(before.lostAttempts);
    if (moves) this.#queueOf(row).remove(row);
    row.standing = after;
    if (moves) this.#queueOf(row).add(row);
    this.#tell(row, { generation: row.generation, standing: before }, imageOf(row));
  }

  /** Ends a pending task, or gives a settled one another end (a late success of a failed task). */
  settle(row: TaskRow, settled: Settled): void {
    const before = imageOf(row);
    this.#unindex(row);
    row.standing = settled;
    this.#index(row);
    this.#tell(row, before, imageOf(row));
  }

  /** Makes a settled task owed again, in its next generation. */
  reopen(row: TaskRow, pending: Pending): void {
    const before = imageOf(row);
    this.#unindex(row);
    row.generation += 1;
    row.standing = pending;
    this.#index(row);
    this.#tell(row, before, imageOf(row));
  }

  /** Forgets a settled task, and counts it. */
  prune(row: TaskRow): void {
    this.#unindex(row);
    this.#byId.delete(row.id);
    this.#byTaskId.delete(row.taskId);
    this.#pruned += 1;
    this.#tell(row, imageOf(row), null);
  }

  #tell(row: TaskRow, before: AuditedTask | null, after: AuditedTask | null): void {
    this.#audit?.({ kind: "task", taskId: row.taskId, type: row.type, key: row.key, before, after });
  }

  #index(row: TaskRow): void {
    this.#byState[stateOf(row)].add(row);
    if (isPending(row)) this.#queueOf(row).add(row);
    else if (stateOf(row) !== "failed") this.#prunable.add(row);
  }

  #unindex(row: TaskRow): void {
    this.#byState[stateOf(row)].remove(row);
    if (!isPending(row)) {
      if (stateOf(row) !== "failed") this.#prunable.remove(row);
      return;
    }
    this.#queueOf(row).remove(row);
    const ofType = this.#queues.get(row.type);
    const queues = ofType?.get(row.key);
    if (ofType === undefined || queues === undefined) return;
    if (queues.healthy.size + queues.suspect.size + queues.alone.size === 0) ofType.delete(row.key);
    if (ofType.size === 0) this.#queues.delete(row.type);
  }

  #queueOf(row: PendingRow): OrderedList<PendingRow> {
    let ofType = this.#queues.get(row.type);
    if (ofType === undefined) {
      ofType = new Map();
      this.#queues.set(row.type, ofType);
    }
    let queues = ofType.get(row.key);
    if (queues === undefined) {
      queues = {
        healthy: new OrderedList(inDueOrder),
        suspect: new OrderedList(inDueOrder),
        alone: new OrderedList(inDueOrder),
      };
      ofType.set(row.key, queues);
    }
    return queues[suspicionOf(row.standing.lostAttempts)];
  }
}

function imageOf({ generation, standing }: TaskRow): AuditedTask {
  return { generation, standing };
}
