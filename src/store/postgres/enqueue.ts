/** Writing tasks in a caller's transaction. */
import { TaskConflictError, TaskExistsError } from "../../errors.ts";
import { JSON_CODEC } from "../../task/json-codec.ts";
import { keyHash, typeHash } from "../../task/type-hash.ts";
import type { BirthClaim, InsertAnswer, NewTask, ResolvedDuplicate, StoreCall } from "../contract.ts";
import type { Names } from "./identifier.ts";
import { arrayParameter, numberParameter, type Parameter } from "./parameters.ts";
import {
  insertKeyedTasks,
  insertTask,
  insertTasks,
  resolveDuplicates,
  setKeys,
} from "./statements/insert.ts";
import type { CallerTransactions } from "./transaction.ts";

/** Of how many types the numbers are remembered: an application has few. */
const REMEMBERED_TYPES = 1_000;

/** Inserts tasks and resolves duplicates; the statements are made once. */
export class Enqueuing {
  readonly #callers: CallerTransactions;
  readonly #insertOne: string;
  readonly #insertMany: string;
  readonly #insertKeyed: string;
  readonly #setKeys: string;
  readonly #resolve: string;
  readonly #typeNumbers = new Map<string, string>();

  constructor(names: Names, callers: CallerTransactions) {
    this.#callers = callers;
    this.#insertOne = insertTask(names);
    this.#insertMany = insertTasks(names);
    this.#insertKeyed = insertKeyedTasks(names);
    this.#setKeys = setKeys(names);
    this.#resolve = resolveDuplicates(names);
  }

  #numberOf(type: string): string {
    let number = this.#typeNumbers.get(type);
    if (number === undefined) {
      if (this.#typeNumbers.size >= REMEMBERED_TYPES) this.#typeNumbers.clear();
      number = typeHash(type);
      this.#typeNumbers.set(type, number);
    }
    return number;
  }

  /** One statement; answers what is new. Errors are the caller's driver's own. */
  async insert(
    transaction: object,
    tasks: readonly NewTask[],
    birth: BirthClaim | null,
    call: StoreCall,
    refuses = false,
  ): Promise<InsertAnswer> {
    const [first] = tasks;
    if (first === undefined) return { created: [], transactionMark: null };
    return tasks.length === 1 && first.key === null
      ? await this.#one(transaction, first, birth, call, refuses)
      : await this.#many(transaction, tasks, birth, call, refuses);
  }

  /** The same, with duplicates resolved in that statement; see the contract. */
  async insertOrRefuse(
    transaction: object,
    tasks: readonly NewTask[],
    birth: BirthClaim | null,
    call: StoreCall,
  ): Promise<InsertAnswer> {
    try {
      return await this.insert(transaction, tasks, birth, call, true);
    } catch (error) {
      throw refusalOf(error, tasks) ?? error;
    }
  }

  async #one(
    transaction: object,
    task: NewTask,
    birth: BirthClaim | null,
    call: StoreCall,
    refuses: boolean,
  ): Promise<InsertAnswer> {
    const claim = task.bornClaimed ? birth : null;
    const [row] = await this.#callers.rows(transaction, this.#insertOne, [
      task.taskId,
      task.type,
      this.#numberOf(task.type),
      base64(task.data),
      codecOf(task),
      task.referenceId,
      headersOf(task),
      task.delayMs === 0 ? null : String(task.delayMs),
      numberParameter(task.dueAtMs),
      claim?.owner ?? null,
      numberParameter(claim?.claim),
      refuses ? task.onDuplicate : null,
      numberParameter(call.now),
    ]);
    const [id = "", transactionMark = null] = row?.["answer"]?.split(" ") ?? [];
    return { created: id === "" ? [] : [{ taskId: task.taskId, id }], transactionMark };
  }

  async #many(
    transaction: object,
    tasks: readonly NewTask[],
    birth: BirthClaim | null,
    call: StoreCall,
    refuses: boolean,
  ): Promise<InsertAnswer> {
    const isKeyed = tasks.some(({ key }) => key !== null);
    const statement = isKeyed ? this.#insertKeyed : this.#insertMany;
    const [row] = await this.#callers.rows(transaction, statement, [
      arrayParameter(tasks.map(({ taskId }) => taskId)),
      oneForAll(tasks.map(({ type }) => type)),
      oneForAll(tasks.map(({ type }) => this.#numberOf(type))),
      base64List(tasks),
      nullForAll(tasks.map(codecOf)),
      nullForAll(tasks.map(({ referenceId }) => referenceId)),
      nullForAll(tasks.map(headersOf)),
      oneForAll(tasks.map(({ delayMs }) => delayMs)),
      nullForAll(tasks.map(({ dueAtMs }) => dueAtMs)),
      oneForAll(tasks.map(({ bornClaimed }) => bornClaimed)),
      birth?.owner ?? null,
      numberParameter(birth?.claim),
      refuses ? oneForAll(tasks.map(({ onDuplicate }) => onDuplicate)) : null,
      numberParameter(call.now),
      ...(isKeyed ? keyLists(tasks) : []),
    ]);
    const ids = row?.["ids"]?.slice(1, -1).split(",") ?? [];
    const created: { taskId: string; id: string }[] = [];
    tasks.forEach(({ taskId }, index) => {
      const id = ids[index];
      if (id !== undefined && id !== "NULL") created.push({ taskId, id });
    });
    return { created, transactionMark: row?.["mark"] ?? null };
  }

  /** Compares what stands; see the contract. */
  async resolve(
    transaction: object,
    missing: readonly NewTask[],
    birth: BirthClaim | null,
    createdIds: readonly string[],
    call: StoreCall,
  ): Promise<readonly ResolvedDuplicate[]> {
    if (missing.length === 0) return [];
    const rows = await this.#callers.rows(transaction, this.#resolve, [
      arrayParameter(missing.map(({ taskId }) => taskId)),
      arrayParameter(missing.map(({ type }) => type)),
      arrayParameter(missing.map(({ type }) => this.#numberOf(type))),
      base64List(missing),
      arrayParameter(missing.map(({ codec }) => codec)),
      arrayParameter(missing.map(({ referenceId }) => referenceId)),
      arrayParameter(missing.map(headersOf)),
      arrayParameter(missing.map(({ delayMs }) => delayMs)),
      arrayParameter(missing.map(({ dueAtMs }) => dueAtMs)),
      arrayParameter(missing.map(({ bornClaimed }) => bornClaimed)),
      arrayParameter(missing.map(({ onDuplicate }) => onDuplicate)),
      birth?.owner ?? null,
      numberParameter(birth?.claim),
      arrayParameter(createdIds),
      numberParameter(call.now),
    ]);
    const resolved = rows.map((row) => ({
      taskId: row["task_id"] as string,
      verdict: row["verdict"] as ResolvedDuplicate["verdict"],
      id: row["id"] ?? null,
    }));
    await this.#giveKeys(transaction, missing, resolved);
    return resolved;
  }

  /** What resolving has written after all, since its original had vanished, has no key yet. */
  async #giveKeys(
    transaction: object,
    missing: readonly NewTask[],
    resolved: readonly ResolvedDuplicate[],
  ): Promise<void> {
    if (resolved.some(({ id }) => id === null)) return; // refused: nothing of the call remains
    const byTaskId = new Map(missing.map((task) => [task.taskId, task]));
    const keyed = resolved.flatMap(({ taskId, verdict, id }) => {
      const task = byTaskId.get(taskId);
      return verdict === "created" && id !== null && task !== undefined && task.key !== null
        ? [{ id, task }]
        : [];
    });
    if (keyed.length === 0) return;
    await this.#callers.rows(transaction, this.#setKeys, [
      arrayParameter(keyed.map(({ id }) => id)),
      ...keyLists(keyed.map(({ task }) => task)),
    ]);
  }
}

/** The function's own errors, which tell the places of the tasks that were refused; null for any other. */
function refusalOf(error: unknown, tasks: readonly NewTask[]): Error | null {
  const { code, detail } = (error ?? {}) as { readonly code?: unknown; readonly detail?: unknown };
  if (code !== "OW001" && code !== "OW002") return null;
  const places = String(detail).split(",").map(Number);
  const taskIds = places.flatMap((place) => tasks[place - 1]?.taskId ?? []);
  return code === "OW001" ? new TaskConflictError(taskIds) : new TaskExistsError(taskIds);
}

/** The keys of tasks and their numbers. */
function keyLists(tasks: readonly NewTask[]): Parameter[] {
  return [
    arrayParameter(tasks.map(({ key }) => key)),
    arrayParameter(tasks.map(({ type, key }) => (key === null ? null : keyHash(type, key)))),
  ];
}

/** A list of one value stands for as many of it as there are tasks. */
function oneForAll(values: readonly (string | number | boolean)[]): string {
  const [first] = values;
  return arrayParameter(values.every((value) => value === first) ? values.slice(0, 1) : values);
}

/** An empty list stands for as many nulls as there are tasks. */
function nullForAll(values: readonly (string | number | null)[]): string {
  return values.every((value) => value === null) ? "{}" : arrayParameter(values);
}

function codecOf({ codec }: NewTask): string | null {
  return codec === JSON_CODEC ? null : codec;
}

function headersOf({ headers }: NewTask): string | null {
  return headers === null ? null : JSON.stringify(headers);
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString("base64");
}

/** Base64 holds nothing that an array literal would have to escape. */
function base64List(tasks: readonly NewTask[]): string {
  return tasks.length === 0 ? "{}" : `{"${tasks.map(({ data }) => base64(data)).join('","')}"}`;
}
