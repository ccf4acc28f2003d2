/** Checks of options, and how an error shows a value that cannot be used. Pure. */
import { InvalidInputError } from "../errors.ts";
import { nearestWord } from "./spelling.ts";

/** A wrong value as an error shows it: plain values as they are, others by kind. */
export function shown(value: unknown): string {
  if (typeof value === "string") return `"${value.slice(0, 40)}"`;
  if (Array.isArray(value)) return "a list";
  const isKind = (typeof value === "object" && value !== null) || typeof value === "function";
  return isKind || typeof value === "symbol" ? `of type ${typeof value}` : String(value);
}

/** Throws InvalidInputError unless `value` is a number of at least `least`; answers `fallback` for undefined. */
export function numberOption(field: string, value: unknown, fallback: number, least: number): number {
  return value === undefined ? fallback : finiteNumber(field, value, least);
}

/** As `numberOption`, for whole numbers. */
export function countOption(field: string, value: unknown, fallback: number, least: number): number {
  return value === undefined ? fallback : wholeNumber(field, value, least);
}

/** Throws InvalidInputError unless `value` is a finite number of at least `least`. */
export function finiteNumber(field: string, value: unknown, least: number): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= least) return value;
  throw new InvalidInputError(field, `is ${shown(value)}`, `give a finite number, ${least} or more`);
}

/** Throws InvalidInputError unless `value` is a whole number of at least `least`. */
export function wholeNumber(field: string, value: unknown, least: number): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw new InvalidInputError(field, `is ${shown(value)}`, `give a whole number, ${least} or more`);
}

/** Whether a value holds options: an object, and no list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Throws InvalidInputError unless `options` is an object. */
export function checkObject(field: string, options: unknown, remedy: string): void {
  if (!isRecord(options)) throw new InvalidInputError(field, `is ${shown(options)}`, remedy);
}

/** The names of all options of that kind; one that is left out does not compile. */
export function optionNames<Options>(
  names: {
    readonly [Name in keyof Required<Options>]: true;
  },
): ReadonlySet<string> {
  return new Set(Object.keys(names));
}

/**
 * Throws InvalidInputError when `options` has a key that is none of `names`: a misspelt option would else be ignored.
 * One that is undefined is refused as well; what the object inherits is not looked at.
 */
export function checkNames(place: string, options: object, names: ReadonlySet<string>): void {
  for (const name in options) {
    if (!names.has(name) && Object.hasOwn(options, name)) throw unknownOption(place, name, names);
  }
}

function unknownOption(place: string, name: string, names: ReadonlySet<string>): InvalidInputError {
  const known = [...names];
  const meant = nearestWord(name, known);
  const remedy = meant === null ? `there are ${known.join(", ")}` : `did you mean ${meant}?`;
  return new InvalidInputError(name.slice(0, 40), `is no option of ${place}`, remedy);
}

/** Throws InvalidInputError unless `value` is a function. */
export function checkFunction(field: string, value: unknown, remedy: string): void {
  if (typeof value !== "function") throw new InvalidInputError(field, `is ${shown(value)}`, remedy);
}
