/** A connection of either binding behind one face: named parameters, plain rows, statements prepared once. */
import { StoreRefusedError } from "../../errors.ts";
import { BEGIN, ROLLBACK } from "./connection-statements.ts";
import type { RawHandle, RawStatement } from "./driver.ts";

/** What can be bound. Whole numbers are bound as integers; one that may exceed 53 bits goes in as a bigint. */
export type SqlValue = string | number | bigint | Uint8Array | null;

/** Named parameters, without their colon. */
export type SqlParameters = Readonly<Record<string, SqlValue>>;

/** One connection. Throws what the binding throws; `storeErrorOf` translates. */
export class Connection {
  readonly #handle: RawHandle;
  readonly #statements = new Map<string, RawStatement>();

  constructor(handle: RawHandle) {
    this.#handle = handle;
  }

  /** True while a transaction is open on it; false once it is closed. */
  get inTransaction(): boolean {
    return isInTransaction(this.#handle);
  }

  /** Runs statements without parameters or rows. */
  exec(sql: string): void {
    this.#handle.exec(sql);
  }

  /** The rows of a statement. Nothing checks that they are of the type asked for: the statement's text promises it. */
  all<Row>(sql: string, parameters: SqlParameters = {}): Row[] {
    return this.#use(sql, (statement) => statement.all(bound(parameters)) as Row[]);
  }

  /** The first row of a statement, as above. */
  first<Row>(sql: string, parameters: SqlParameters = {}): Row | undefined {
    return this.all<Row>(sql, parameters)[0];
  }

  /** Runs a statement without rows, answers how many rows it changed. */
  run(sql: string, parameters: SqlParameters = {}): number {
    return this.#use(sql, (statement) => Number(statement.run(bound(parameters)).changes));
  }

  /** Closes it, whatever state it is in. */
  close(): void {
    this.#statements.clear();
    try {
      this.#handle.close();
    } catch {
      // It was closed already, which is what was wanted.
    }
  }

  #use<Value>(sql: string, work: (statement: RawStatement) => Value): Value {
    const kept = this.#statements.get(sql);
    if (kept === undefined) return work(this.#prepare(sql));
    try {
      return work(kept);
    } catch (error) {
      // node:sqlite finalizes all statements of a connection that its user closes and opens again.
      if ((error as { code?: unknown }).code !== "ERR_INVALID_STATE") throw error;
      return work(this.#prepare(sql));
    }
  }

  #prepare(sql: string): RawStatement {
    const statement = this.#handle.prepare(sql);
    statement.safeIntegers?.(false);
    statement.setReadBigInts?.(false);
    statement.setReturnArrays?.(false);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** Whether a transaction is open on a connection, by whatever means its binding has. */
export function isInTransaction(handle: RawHandle): boolean {
  if (typeof handle.inTransaction === "boolean") return handle.inTransaction;
  try {
    if (typeof handle.isTransaction === "boolean") return handle.isTransaction;
  } catch {
    return false;
  }
  try {
    handle.exec(BEGIN);
  } catch (error) {
    return error instanceof Error && error.message.includes("within a transaction");
  }
  handle.exec(ROLLBACK);
  return false;
}

/** A decimal number of up to 64 bits as it is bound. Throws StoreRefusedError when it is none. */
export function integerOf(decimal: string): bigint {
  if (!/^-?\d{1,19}$/.test(decimal)) throw new StoreRefusedError(`"${decimal}" is no 64-bit integer`);
  return checked(BigInt(decimal));
}

function bound(parameters: SqlParameters): Record<string, string | number | bigint | Uint8Array | null> {
  const values: Record<string, string | number | bigint | Uint8Array | null> = {};
  for (const [name, value] of Object.entries(parameters)) {
    values[name] = typeof value === "number" ? boundNumber(name, value) : value;
  }
  return values;
}

/** Both bindings would bind every number as a float. */
function boundNumber(name: string, value: number): number | bigint {
  if (Number.isSafeInteger(value)) return BigInt(value);
  if (Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value;
  throw new StoreRefusedError(`${name} is ${value}, which SQLite cannot keep exactly`);
}

function checked(value: bigint): bigint {
  if (value === BigInt.asIntN(64, value)) return value;
  throw new StoreRefusedError(`${value} does not fit into 64 bits`);
}
