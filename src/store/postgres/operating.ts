/** What operators ask for: looking tasks up, counting them, and moving them by hand. */
import { InvalidInputError } from "../../errors.ts";
import type { TaskState, TaskWithAttempts } from "../../task/task.ts";
import { typeHash } from "../../task/type-hash.ts";
import type {
  ActName,
  Balance,
  ListByTaskIdRequest,
  ListRequest,
  NewAct,
  Operator,
  OperatorAnswer,
  OperatorCall,
  PruneRequest,
  StoreCall,
  StoreStatistics,
  TaskPage,
} from "../contract.ts";
import { DISORDER_MS } from "../page.ts";
import { taskIdRange } from "../task-id-range.ts";
import { numberOf, textOf } from "./column.ts";
import type { OwnConnections, Row } from "./connections.ts";
import type { Names } from "./identifier.ts";
import { numberParameter, type Parameter } from "./parameters.ts";
import type { Recording } from "./recording.ts";
import * as counting from "./statements/count.ts";
import * as listing from "./statements/list.ts";
import * as operator from "./statements/operator.ts";
import { countPrunable, pruneCancelled, pruneConfirmed } from "./statements/prune.ts";
import type { Statement } from "./statements/statement.ts";
import { taskOf, taskWithAttemptsOf } from "./task-row.ts";

const COUNTED_UP_TO = 10_000;
const LONGEST_PAGE = 1_000;
/** Tasks that one page looks at where not every one belongs to it. */
const WALKED_AT_ONCE = 5_000;
/** A task that changes hands between two looks is looked at again; more often than this it is somebody's loop. */
const MAX_LOOKS = 3;

/** Operators' statements. */
export class Operating {
  readonly #own: OwnConnections;
  readonly #names: Names;
  readonly #recording: Recording;

  constructor(own: OwnConnections, names: Names, recording: Recording) {
    this.#own = own;
    this.#names = names;
    this.#recording = recording;
  }

  async get(taskId: string): Promise<TaskWithAttempts | null> {
    const [row] = await this.#own.rows(operator.getTask(this.#names), [taskId]);
    return row === undefined ? null : taskWithAttemptsOf(row);
  }

  async list(request: ListRequest, call: StoreCall): Promise<TaskPage> {
    const { limit } = request;
    if (!Number.isInteger(limit) || limit < 1 || limit > LONGEST_PAGE) {
      throw new InvalidInputError("limit", `is ${limit}`, `give a whole number from 1 to ${LONGEST_PAGE}`);
    }
    // Where every task fits, one more than the page holds tells whether another page follows.
    const walked = isFiltered(request) ? WALKED_AT_ONCE : limit + 1;
    const rows = await this.#page(request, limit + 1, walked, call);
    const found = rows.filter((row) => row["id"] !== null);
    const page = found.slice(0, limit);
    const tasks = page.map(taskOf);
    const last = page.at(-1);
    if (found.length > limit && last !== undefined) return { tasks, nextCursor: textOf(last, "id") };
    const [first] = rows;
    const isAtEnd = first === undefined || numberOf(first, "walked") < walked;
    return { tasks, nextCursor: isAtEnd ? null : textOf(first, "last") };
  }

  async listByTaskId(request: ListByTaskIdRequest): Promise<TaskPage> {
    const { from, after, below, limit } = taskIdRange(request);
    const values = [from, after, String(limit + 1)];
    const found =
      below === null
        ? await this.#own.rows(listing.taskIdTail(this.#names), values)
        : await this.#own.rows(listing.taskIdPage(this.#names), [...values, below]);
    const tasks = found.slice(0, limit).map(taskOf);
    return { tasks, nextCursor: found.length > limit ? (tasks.at(-1)?.taskId ?? null) : null };
  }

  async count(state: TaskState): Promise<number> {
    const [row] = await this.#own.rows(...this.#counting(state));
    return Number(row?.["count"] ?? 0);
  }

  async statistics(call: StoreCall): Promise<StoreStatistics> {
    const [row] = await this.#own.rows(counting.statistics(this.#names), [
      String(COUNTED_UP_TO),
      numberParameter(call.now),
      this.#names.confirmed,
    ]);
    if (row === undefined) throw new TypeError("the statistics answered no row");
    const oldest = row["oldest_due_ms"] ?? null;
    return {
      pending: numberOf(row, "pending"),
      failed: numberOf(row, "failed"),
      cancelled: numberOf(row, "cancelled"),
      confirmed: numberOf(row, "confirmed"),
      countedUpTo: COUNTED_UP_TO,
      oldestDueAgeMs: oldest === null ? null : Math.max(numberOf(row, "now_ms") - Number(oldest), 0),
      orphanedTypes: JSON.parse(row["orphaned_types"] ?? "[]") as string[],
      processes: numberOf(row, "processes"),
    };
  }

  async balance(): Promise<Balance> {
    const [row] = await this.#own.rows(counting.balance(this.#names));
    if (row === undefined) throw new TypeError("the balance answered no row");
    return {
      enqueued: numberOf(row, "enqueued"),
      pending: numberOf(row, "pending"),
      confirmed: numberOf(row, "confirmed"),
      failed: numberOf(row, "failed"),
      cancelled: numberOf(row, "cancelled"),
      pruned: numberOf(row, "pruned"),
    };
  }

  cancel(taskId: string, call: OperatorCall): Promise<OperatorAnswer> {
    const statement = operator.cancelTask(this.#names);
    return this.#move("cancel", statement, taskId, call, ({ state }) => state === "pending");
  }

  redrive(taskId: string, call: OperatorCall): Promise<OperatorAnswer> {
    const statement = operator.redriveTask(this.#names);
    return this.#move("redrive", statement, taskId, call, ({ state, erased }) => {
      return (state === "failed" || state === "cancelled") && erased !== "true";
    });
  }

  erase(taskId: string, call: OperatorCall): Promise<OperatorAnswer> {
    const statement = operator.eraseTask(this.#names);
    return this.#move("erase", statement, taskId, call, ({ state }) => state !== "pending");
  }

  delete(taskId: string, call: OperatorCall): Promise<OperatorAnswer> {
    const statement = operator.deleteTask(this.#names);
    return this.#move("delete", statement, taskId, call, ({ state }) => {
      return state === "failed" || state === "cancelled";
    });
  }

  async countPrunable({ olderThanMs, limit }: PruneRequest, call: StoreCall): Promise<number> {
    const values = [String(olderThanMs), String(limit), numberParameter(call.now)];
    const [row] = await this.#own.rows(countPrunable(this.#names), values);
    return Number(row?.["prunable"] ?? 0);
  }

  async prune({ olderThanMs, limit }: PruneRequest, call: StoreCall): Promise<number> {
    let left = Math.floor(Math.min(Math.max(limit, 0), 10_000));
    const before = left;
    for (const statement of [pruneConfirmed(this.#names), pruneCancelled(this.#names)]) {
      if (left === 0) break;
      const [row] = await this.#own.rows(statement, [
        String(olderThanMs),
        String(left),
        numberParameter(call.now),
      ]);
      left -= Number(row?.["pruned"] ?? 0);
    }
    return before - left;
  }

  /** Tries; when nothing was moved, reads why. Tries again when what is read would allow it. */
  async #move(
    action: ActName,
    statement: Statement,
    taskId: string,
    call: OperatorCall,
    allows: (row: Row) => boolean,
  ): Promise<OperatorAnswer> {
    const { now, generation, by } = call;
    const values = [taskId, numberParameter(now), numberParameter(generation)];
    const named = by === undefined ? [null, null, null] : [by.actor, by.via, by.reason];
    for (let look = 1; ; look += 1) {
      const moved = await this.#own.rows(statement, [...values, ...named]);
      if (moved.length > 0) return { done: true };
      const [row] = await this.#own.rows(operator.getState(this.#names), [taskId]);
      if (row !== undefined && look < MAX_LOOKS && allows(row) && isSeen(row, generation)) continue;
      // The view knows the four states and no other.
      const state = row === undefined ? "gone" : (textOf(row, "state") as TaskState);
      if (by !== undefined) await this.#recording.recordAct(refusedAct(action, taskId, row, call, by), call);
      return { done: false, state };
    }
  }

  #page(request: ListRequest, limit: number, walked: number, call: StoreCall): Promise<readonly Row[]> {
    const { state, order, type, cursor, enqueuedFrom, enqueuedBefore } = request;
    const [from, before] = [enqueuedFrom?.getTime(), enqueuedBefore?.getTime()];
    const values = (typeOrNumber: string | undefined): Parameter[] => [
      cursorOf(cursor),
      String(limit),
      typeOrNumber ?? null,
      String(walked),
      numberParameter(from),
      numberParameter(before),
      numberParameter(from === undefined ? undefined : from - DISORDER_MS),
      numberParameter(before === undefined ? undefined : before + DISORDER_MS),
    ];
    const number = type === undefined ? undefined : typeHash(type);
    switch (state) {
      case "pending":
        return request.ready === true
          ? this.#own.rows(listing.readyPage(this.#names, order), [
              ...values(number),
              numberParameter(call.now),
            ])
          : this.#own.rows(listing.pendingPage(this.#names, order), values(number));
      case "confirmed":
        return this.#own.rows(listing.confirmedPage(this.#names, order), values(type));
      case "failed":
      case "cancelled":
        return this.#own.rows(listing.settledPage(this.#names, order), [...values(number), state]);
    }
  }

  #counting(state: TaskState): [Statement, Parameter[]] {
    switch (state) {
      case "pending":
        return [counting.countPending(this.#names), []];
      case "confirmed":
        return [counting.countConfirmed(this.#names), []];
      case "failed":
      case "cancelled":
        return [counting.countSettled(this.#names), [state]];
    }
  }
}

/** Whether tasks of the state may not belong to the list. */
function isFiltered({ type, ready, enqueuedFrom, enqueuedBefore }: ListRequest): boolean {
  return type !== undefined || ready === true || enqueuedFrom !== undefined || enqueuedBefore !== undefined;
}

/** What was refused changes nothing, so that its record can follow. */
function refusedAct(
  action: ActName,
  taskId: string,
  row: Row | undefined,
  { generation }: OperatorCall,
  by: Operator,
): NewAct {
  if (row === undefined) {
    const nothing = { type: null, referenceId: null, generation: null, state: null };
    return { ...by, action, taskId, ...nothing, outcome: "gone" };
  }
  const state = textOf(row, "state") as TaskState; // as above
  return {
    ...by,
    action,
    taskId,
    type: textOf(row, "type"),
    referenceId: row["reference_id"] ?? null,
    generation: generation ?? numberOf(row, "generation"),
    state,
    outcome: state,
  };
}

/** Whether the task is in the generation that a person saw. */
function isSeen(row: Row, generation: number | undefined): boolean {
  return generation === undefined || numberOf(row, "generation") === generation;
}

/** The number of the last task of the page before. Throws InvalidInputError for anything we did not write. */
function cursorOf(cursor: string | undefined): string | null {
  if (cursor === undefined) return null;
  if (typeof cursor === "string" && /^[1-9][0-9]{0,17}$/.test(cursor)) return cursor;
  throw new InvalidInputError(
    "cursor",
    "is not one this store has answered",
    "pass nextCursor of the page before",
  );
}
