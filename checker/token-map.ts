// A map by task and token that makes no key per look-up: most tasks have few claims, and those that have many get an index.
import type { HistoryToken } from "./history.ts";

/** What is kept under a task and a token. */
export interface Tokened {
  readonly taskId: string;
  readonly token: HistoryToken;
}

/** More values of one task than this are found by key. */
const MOST_SCANNED = 16;

/** Values by task and token; the first one set stays. */
export class TokenMap<Value extends Tokened> {
  readonly #byTask = new Map<string, Value[]>();
  readonly #byKey = new Map<string, Value>();
  #size = 0;

  /** How many values there are. */
  get size(): number {
    return this.#size;
  }

  /** All values of a task, in the order in which they were added. */
  of(taskId: string): readonly Value[] {
    return this.#byTask.get(taskId) ?? [];
  }

  get(taskId: string, token: HistoryToken): Value | undefined {
    const values = this.#byTask.get(taskId);
    if (values === undefined) return undefined;
    if (values.length > MOST_SCANNED) return this.#byKey.get(keyOf(taskId, token));
    return values.find((value) => isSame(value.token, token));
  }

  /** Adds a value, unless one stands under its token. */
  add(value: Value): void {
    const { taskId, token } = value;
    if (this.get(taskId, token) !== undefined) return;
    this.#size += 1;
    const values = this.#byTask.get(taskId);
    if (values === undefined) {
      this.#byTask.set(taskId, [value]);
      return;
    }
    values.push(value);
    if (values.length === MOST_SCANNED + 1)
      for (const one of values) this.#byKey.set(keyOf(taskId, one.token), one);
    else if (values.length > MOST_SCANNED) this.#byKey.set(keyOf(taskId, token), value);
  }

  /** All values, task by task. */
  *values(): Generator<Value, void> {
    for (const values of this.#byTask.values()) yield* values;
  }
}

/** Names a claim on a task. */
export function keyOf(taskId: string, { owner, claim, generation }: HistoryToken): string {
  return `${taskId} ${owner} ${claim} ${generation}`;
}

function isSame(left: HistoryToken, right: HistoryToken): boolean {
  return left.claim === right.claim && left.owner === right.owner && left.generation === right.generation;
}
