/** Isolation levels, as `begin` takes them on every store. */
import { InvalidInputError } from "../errors.ts";
import type { BeginOptions } from "./contract.ts";

/** A level by name. */
export type IsolationLevel = NonNullable<BeginOptions["isolationLevel"]>;

/** The level asked for; null for the connection's default. Throws InvalidInputError. */
export function isolationLevelOf(options: BeginOptions = {}): IsolationLevel | null {
  if (typeof options !== "object" || options === null) {
    throw new InvalidInputError("options", "is no object", "give { isolationLevel }, or nothing");
  }
  const { isolationLevel = null } = options;
  switch (isolationLevel) {
    case null:
    case "read committed":
    case "repeatable read":
    case "serializable":
      return isolationLevel;
    default:
      throw new InvalidInputError(
        "isolationLevel",
        `is ${String(isolationLevel)}`,
        'give "read committed", "repeatable read" or "serializable", or leave it out',
      );
  }
}
