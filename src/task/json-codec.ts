/** The JSON codec: canonical bytes (sorted keys) that give back exactly what was given, or a typed error. */
import { DataNotEncodableError } from "../errors.ts";

/** Name of this codec in the store. */
export const JSON_CODEC = "json";
/** Name of the codec of the raw layer: bytes nobody looks into. */
export const BYTES_CODEC = "bytes";
/** How deep data may be nested. */
export const MAX_DATA_DEPTH = 200;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Encodes `data` with sorted keys, so that equal data is equal bytes. Throws DataNotEncodableError. */
export function encodeJson(data: unknown): Uint8Array {
  return encoder.encode(writeValue(data, "data", new Set(), 0));
}

/** Decodes what `encodeJson` wrote. Throws SyntaxError or TypeError for anything else. */
export function decodeJson(bytes: Uint8Array): unknown {
  return JSON.parse(decoder.decode(bytes));
}

function refuse(field: string, problem: string, remedy: string): never {
  throw new DataNotEncodableError(field, problem, remedy);
}

function writeValue(value: unknown, path: string, open: Set<object>, depth: number): string {
  if (value === null) return "null";
  switch (typeof value) {
    case "string":
      return writeString(value, path);
    case "boolean":
      return value ? "true" : "false";
    case "number":
      if (!Number.isFinite(value))
        return refuse(path, `is ${value}`, "JSON has finite numbers only, send null or text");
      return Object.is(value, -0) ? "-0" : JSON.stringify(value);
    case "object":
      return writeObject(value, path, open, depth);
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

function writeString(value: string, path: string): string {
  if (value.includes("\0")) return refuse(path, "contains NUL (U+0000)", "remove it, or send base64");
  if (!value.isWellFormed())
    return refuse(path, "contains a lone surrogate", "cut text at whole characters, see toWellFormed()");
  return JSON.stringify(value);
}

function writeObject(value: object, path: string, open: Set<object>, depth: number): string {
  if (open.has(value))
    return refuse(path, "refers back to an object it is part of", "send plain data without cycles");
  if (depth >= MAX_DATA_DEPTH)
    return refuse(path, `is nested deeper than ${MAX_DATA_DEPTH}`, "flatten the data");
  open.add(value);
  const text = Array.isArray(value)
    ? writeArray(value, path, open, depth)
    : writeRecord(value, path, open, depth);
  open.delete(value);
  return text;
}

function writeArray(value: readonly unknown[], path: string, open: Set<object>, depth: number): string {
  const isPlain = Object.getPrototypeOf(value) === Array.prototype || value.constructor?.name === "Array";
  if (!isPlain || Object.keys(value).length > value.length) {
    return refuse(path, "is a list with a class or properties of its own", "send a plain array");
  }
  const parts: string[] = [];
  for (let index = 0; index < value.length; index += 1) {
    parts.push(writeValue(value[index], `${path}[${index}]`, open, depth + 1));
  }
  return `[${parts.join(",")}]`;
}

function writeRecord(value: object, path: string, open: Set<object>, depth: number): string {
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
      `${writeString(key, `a key of ${path}`)}:${writeValue(field, `${path}.${key}`, open, depth + 1)}`,
    );
  }
  return `{${parts.join(",")}}`;
}
