/** The cursor of a list: where the last page ended, and of which list it was. */
import { InvalidInputError } from "../../errors.ts";
import type { ListRequest } from "../contract.ts";

const LARGEST_ID = 2n ** 63n - 1n;

/** The cursor behind a task. */
export function cursorBehind(id: number, { state, order }: ListRequest): string {
  return Buffer.from(`${state}:${order}:${id}`, "utf8").toString("base64url");
}

/** The id behind which the page begins. Throws InvalidInputError when the cursor is none of such a list. */
export function startOf({ state, order, cursor }: ListRequest): bigint {
  if (cursor === undefined) return order === "ascending" ? 0n : LARGEST_ID;
  const [ofState, ofOrder, id = "", ...more] = Buffer.from(cursor, "base64url").toString("utf8").split(":");
  const isSame = ofState === state && ofOrder === order && more.length === 0;
  if (!isSame || !/^\d{1,18}$/.test(id)) {
    throw new InvalidInputError(
      "cursor",
      "is not one of this list",
      "pass a page's nextCursor unchanged, with the same state and order",
    );
  }
  return BigInt(id);
}
