/** Confirming a task inside a caller's transaction, and finding out what became of that. */
import type { ConfirmationStanding, HeldTask, StoreCall } from "../contract.ts";
import { textOf } from "./column.ts";
import type { OwnConnections } from "./connections.ts";
import type { Names } from "./identifier.ts";
import { arrayParameter, numberParameter } from "./parameters.ts";
import { confirmWithin, readConfirmations } from "./statements/confirmation.ts";
import type { CallerTransactions } from "./transaction.ts";

/** Two statements, made once. */
export class Confirming {
  readonly #own: OwnConnections;
  readonly #callers: CallerTransactions;
  readonly #confirm: string;
  readonly #read: ReturnType<typeof readConfirmations>;

  constructor(own: OwnConnections, names: Names, callers: CallerTransactions) {
    this.#own = own;
    this.#callers = callers;
    this.#confirm = confirmWithin(names);
    this.#read = readConfirmations(names);
  }

  /** See the contract. Errors are the caller's driver's own. */
  async confirmWithin(transaction: object, { id, token }: HeldTask, call: StoreCall): Promise<boolean> {
    const { owner, claim, generation } = token;
    const [row] = await this.#callers.rows(transaction, this.#confirm, [
      id,
      owner,
      String(claim),
      String(generation),
      numberParameter(call.now),
    ]);
    return row?.["confirmed"] === "true";
  }

  /**
   * See the contract. Which claim of a process it was that confirmed a task is not kept; the holder asks for the claim
   * under which the task still stands, or was confirmed.
   */
  async readConfirmations(tasks: readonly HeldTask[]): Promise<readonly ConfirmationStanding[]> {
    const rows = await this.#own.rows(this.#read, [
      arrayParameter(tasks.map(({ id }) => id)),
      arrayParameter(tasks.map(({ token }) => token.owner)),
      arrayParameter(tasks.map(({ token }) => token.claim)),
      arrayParameter(tasks.map(({ token }) => token.generation)),
    ]);
    return rows.map((row) => textOf(row, "standing") as ConfirmationStanding); // the statement makes no other words
  }
}
