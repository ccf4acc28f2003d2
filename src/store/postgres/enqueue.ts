/** Writing tasks in a caller's transaction. */
import { typeHash } from "../../task/type-hash.ts";
import type { BirthClaim, InsertAnswer, NewTask, ResolvedDuplicate, StoreCall } from "../contract.ts";
import type { Names } from "./identifier.ts";
import { arrayParameter, numberParameter, type Parameter } from "./parameters.ts";
import { insertTasks, resolveDuplicates } from "./statements/insert.ts";
import type { CallerRow, CallerTransactions } from "./transaction.ts";

/** Inserts tasks and resolves duplicates; two statements, made once. */
export class Enqueuing {
  readonly #callers: CallerTransactions;
  readonly #insert: string;
  readonly #resolve: string;

  constructor(names: Names, callers: CallerTransactions) {
    this.#callers = callers;
    this.#insert = insertTasks(names);
    this.#resolve = resolveDuplicates(names);
  }

  /** One statement; answers what is new. Errors are the caller's driver's own. */
  async insert(
    transaction: object,
    tasks: readonly NewTask[],
    birth: BirthClaim | null,
    call: StoreCall,
  ): Promise<InsertAnswer> {
    if (tasks.length === 0) return { created: [], transactionMark: null };
    const rows = await this.#callers.rows(transaction, this.#insert, [
      ...lists(tasks),
      birth?.owner ?? null,
      numberParameter(birth?.claim),
      numberParameter(call.now),
    ]);
    return {
      created: rows.flatMap(createdOf),
      transactionMark: rows[0]?.["mark"] ?? null,
    };
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
      ...lists(missing),
      arrayParameter(missing.map(({ onDuplicate }) => onDuplicate)),
      birth?.owner ?? null,
      numberParameter(birth?.claim),
      arrayParameter(createdIds),
      numberParameter(call.now),
    ]);
    return rows.map((row) => ({
      taskId: row["task_id"] as string,
      verdict: row["verdict"] as ResolvedDuplicate["verdict"],
      id: row["id"] ?? null,
    }));
  }
}

/** One row is answered even when nothing was created. */
function createdOf({ task_id: taskId = null, id = null }: CallerRow): { taskId: string; id: string }[] {
  return taskId === null || id === null ? [] : [{ taskId, id }];
}

/** The first ten parameters of both statements. */
function lists(tasks: readonly NewTask[]): Parameter[] {
  const list = (pick: (task: NewTask) => string | number | boolean | null): string =>
    arrayParameter(tasks.map(pick));
  const numbers = new Map<string, string>();
  const numberOf = (type: string): string => {
    const known = numbers.get(type) ?? typeHash(type);
    numbers.set(type, known);
    return known;
  };
  return [
    list(({ taskId }) => taskId),
    list(({ type }) => type),
    list(({ type }) => numberOf(type)),
    list(({ data }) => base64(data)),
    list(({ codec }) => codec),
    list(({ referenceId }) => referenceId),
    list(({ headers }) => (headers === null ? null : JSON.stringify(headers))),
    list(({ delayMs }) => delayMs),
    list(({ dueAtMs }) => dueAtMs),
    list(({ bornClaimed }) => bornClaimed),
  ];
}

function base64(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("base64");
}
