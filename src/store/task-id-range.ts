/** The task ids that begin alike, as a range of the order of code points. */
import { InvalidInputError } from "../errors.ts";
import type { ListByTaskIdRequest } from "./page.ts";

const MOST_PER_PAGE = 1_000;
const LAST_CODE_POINT = 0x10ffff;

/** What a page of task ids reads: ids behind `after` (or from `from` on), below `below` where there is a bound. */
export interface TaskIdRange {
  readonly from: string;
  /** Empty for the first page: every id comes behind it. */
  readonly after: string;
  /** Null: no id that begins with the prefix is followed by one that does not. */
  readonly below: string | null;
  readonly limit: number;
}

/** The range of a page. Throws InvalidInputError for a request that no page answers. */
export function taskIdRange({ prefix, cursor = "", limit }: ListByTaskIdRequest): TaskIdRange {
  if (!Number.isInteger(limit) || limit < 1 || limit > MOST_PER_PAGE) {
    throw new InvalidInputError("limit", `is ${limit}`, `give a whole number from 1 to ${MOST_PER_PAGE}`);
  }
  if (typeof prefix !== "string" || !prefix.isWellFormed() || prefix.includes("\0")) {
    throw new InvalidInputError("prefix", "can begin no task id", "give text without NUL or half surrogates");
  }
  if (typeof cursor !== "string" || (cursor !== "" && !cursor.startsWith(prefix)) || cursor.includes("\0")) {
    throw new InvalidInputError("cursor", "is not one of this list", "pass a page's nextCursor unchanged");
  }
  return { from: prefix, after: cursor, below: endOf(prefix), limit };
}

/** The first text, by code points, behind all that begin with `prefix`. */
function endOf(prefix: string): string | null {
  const points = Array.from(prefix, (character) => character.codePointAt(0) ?? 0);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return null;
  // No text holds half a surrogate pair.
  const next = last + 1 === 0xd800 ? 0xe000 : last + 1;
  return String.fromCodePoint(...points, next);
}

/** Compares two ids as the databases do: by code points. */
export function compareTaskIds(left: string, right: string): number {
  return Buffer.compare(Buffer.from(left, "utf8"), Buffer.from(right, "utf8"));
}
