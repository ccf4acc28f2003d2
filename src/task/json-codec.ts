/** The JSON codec: canonical bytes (sorted keys) that give back exactly what was given, or a typed error. */
import { DataNotEncodableError, DataTooLargeError } from "../errors.ts";

/** Name of this codec in the store. */
export const JSON_CODEC = "json";
/** Name of the codec of the raw layer: bytes nobody looks into. */
export const BYTES_CODEC = "bytes";
/** How deep data may be nested. */
export const MAX_DATA_DEPTH = 200;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** How much may be written, and for which type of task. */
export interface EncodingLimit {
  readonly type: string;
  readonly maxDataBytes: number;
}

/** What is being written. */
interface Writing {
  readonly limit: EncodingLimit | null;
  /** The objects that are being written, outermost first. */
  readonly open: Set<object>;
  /** How many there are so far, at least; each takes a byte or more. */
  characters: number;
}

/**
 * Encodes `data` with sorted keys, so that equal data is equal bytes. Throws DataNotEncodableError, and DataTooLargeError
 * instead of going on far beyond the limit: shared objects multiply, and forty of them can be more than memory holds. The
 * exact size is for the caller to check.
 */
export function encodeJson(data: unknown, limit: EncodingLimit | null = null): Uint8Array {
  return encoder.encode(writeValue(data, "data", { limit, open: new Set(), characters: 0 }, 0));
}

/** Decodes what `encodeJson` wrote. Throws SyntaxError or TypeError for anything else. */
export function decodeJson(bytes: Uint8Array): unknown {
  return JSON.parse(decoder.decode(bytes));
}

function refuse(field: string, problem: string, remedy: string): never {
  throw new DataNotEncodableError(field, problem, remedy);
}

/** Called for every value, so that no more of them are visited than may be written. */
function grow(writing: Writing, by: number): void {
  writing.characters += by;
  const { limit, characters } = writing;
  if (limit !== null && characters > limit.maxDataBytes)
    throw new DataTooLargeError(limit.type, characters, limit.maxDataBytes);
}

function writeValue(value: unknown, path: string, writing: Writing, depth: number): string {
  if (typeof value === "object" && value !== null) return writeObject(value, path, writing, depth);
  if (typeof value === "string") return writeString(value, path, writing);
  const text = writeAtom(value, path);
  grow(writing, text.length);
  return text;
}

function writeAtom(value: unknown, path: string): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isFinite(value))
        return refuse(path, `is ${value}`, "JSON has finite numbers only, send null or text");
      return Object.is(value, -0) ? "-0" : JSON.stringify(value);
    case "bigint":
      return refuse(path, "is a bigint", "send it as text and parse it in the executor");
    case "undefined":
      return refuse(path, "is undefined", "leave the property out, or send null");
    default:
      return refuse(
        path,
        `is a ${typeof value}`,
        "send plain data: objects, arrays, text, numbers, booleans, null",
      );
  }
}

function writeString(value: string, path: string, writing: Writing): string {
  if (value.includes("\0")) return refuse(path, "contains NUL (U+0000)", "remove it, or send base64");
  if (!value.isWellFormed())
    return refuse(path, "contains a lone surrogate", "cut text at whole characters, see toWellFormed()");
  grow(writing, value.length + 2);
  return JSON.stringify(value);
}

function writeObject(value: object, path: string, writing: Writing, depth: number): string {
  const { open } = writing;
  if (open.has(value))
    return refuse(path, "refers back to an object it is part of", "send plain data without cycles");
  if (depth >= MAX_DATA_DEPTH)
    return refuse(path, `is nested deeper than ${MAX_DATA_DEPTH}`, "flatten the data");
  grow(writing, 2);
  open.add(value);
  const text = Array.isArray(value)
    ? writeArray(value, path, writing, depth)
    : writeRecord(value, path, writing, depth);
  open.delete(value);
  return text;
}

function writeArray(value: readonly unknown[], path: string, writing: Writing, depth: number): string {
  const isPlain = Object.getPrototypeOf(value) === Array.prototype || value.constructor?.name === "Array";
  if (!isPlain || Object.keys(value).length > value.length) {
    return refuse(path, "is a list with a class or properties of its own", "send a plain array");
  }
  const parts: string[] = [];
  for (let index = 0; index < value.length; index += 1) {
    parts.push(writeValue(value[index], `${path}[${index}]`, writing, depth + 1));
  }
  return `[${parts.join(",")}]`;
}

function writeRecord(value: object, path: string, writing: Writing, depth: number): string {
  const prototype = Object.getPrototypeOf(value) as object | null;
  if (prototype !== null && prototype !== Object.prototype) {
    const isRecordOfOtherRealm =
      Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, "hasOwnProperty");
    if (!isRecordOfOtherRealm) {
      const name = Object.prototype.toString.call(value).slice(8, -1);
      return refuse(
        path,
        `is a class instance (${name})`,
        "send plain data; a date as toISOString(), a map as an object",
      );
    }
  }
  if (Object.getOwnPropertySymbols(value).length > 0) return refuse(path, "has symbol keys", "use text keys");
  const parts: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const field: unknown = (value as Record<string, unknown>)[key];
    if (field === undefined) continue;
    parts.push(
      `${writeString(key, `a key of ${path}`, writing)}:${writeValue(field, `${path}.${key}`, writing, depth + 1)}`,
    );
  }
  return `{${parts.join(",")}}`;
}
