/** Telling a library's open transaction from everything else that may be passed in its place. */
import { NotATransactionError } from "../errors.ts";

/** What any library's transaction is before anything is known of it: an object, or a function with properties. */
export type CallerObject = Readonly<Record<PropertyKey, unknown>>;

/** The candidate with all its properties unknown. Throws NotATransactionError when it can have none. */
export function callerObject(candidate: unknown, remedy: string): CallerObject {
  const isObject = (typeof candidate === "object" && candidate !== null) || typeof candidate === "function";
  if (!isObject) throw new NotATransactionError("this is no transaction of the library", remedy);
  return candidate as CallerObject;
}

/** Throws NotATransactionError unless `isOpen`. */
export function assertOpen(isOpen: boolean, problem: string, remedy: string): void {
  if (!isOpen) throw new NotATransactionError(problem, remedy);
}
