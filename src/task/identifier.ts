/** Ids and names: what is allowed, and how new ones are made. Pure: time and randomness are passed in. */
import { InvalidInputError } from "../errors.ts";

/** Longest taskId, in bytes of UTF-8. */
export const MAX_TASK_ID_BYTES = 512;
/** Longest type, in bytes of UTF-8. */
export const MAX_TYPE_BYTES = 200;
/** Longest key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 200;
/** Longest referenceId, in bytes of UTF-8. */
export const MAX_REFERENCE_ID_BYTES = 512;
/** Largest headers, keys and values together, in bytes of UTF-8. */
export const MAX_HEADERS_BYTES = 4_096;

function checkText(field: string, value: unknown, maxBytes: number): string {
  if (typeof value !== "string") {
    throw new InvalidInputError(field, `is ${value === null ? "null" : `a ${typeof value}`}`, "give text");
  }
  if (value === "") throw new InvalidInputError(field, "is empty", "give at least one character");
  if (value.includes("\0")) throw new InvalidInputError(field, "contains NUL (U+0000)", "remove it");
  if (!value.isWellFormed()) {
    throw new InvalidInputError(field, "contains a lone surrogate", "cut text at whole characters");
  }
  const sizeBytes = Buffer.byteLength(value, "utf8");
  if (sizeBytes > maxBytes) {
    throw new InvalidInputError(
      field,
      `is ${sizeBytes} bytes long`,
      `use at most ${maxBytes} bytes of UTF-8`,
    );
  }
  return value;
}

/** Throws InvalidInputError unless `value` can be a taskId: 1 to 512 bytes, no NUL, no lone surrogate. */
export function checkTaskId(value: unknown): string {
  return checkText("taskId", value, MAX_TASK_ID_BYTES);
}

/** Throws InvalidInputError unless `value` can be a type: 1 to 200 bytes, no NUL, no lone surrogate. */
export function checkType(value: unknown): string {
  return checkText("type", value, MAX_TYPE_BYTES);
}

/** Throws InvalidInputError unless `value` can be a key: 1 to 200 bytes, no NUL, no lone surrogate. */
export function checkKey(value: unknown): string {
  return checkText("key", value, MAX_KEY_BYTES);
}

/** Throws InvalidInputError unless `value` can be a referenceId; undefined and null mean none. */
export function checkReferenceId(value: unknown): string | null {
  return value === undefined || value === null
    ? null
    : checkText("referenceId", value, MAX_REFERENCE_ID_BYTES);
}

/** Throws InvalidInputError unless `value` is a small record of text; undefined and null mean none. */
export function checkHeaders(value: unknown): Readonly<Record<string, string>> | null {
  if (value === undefined || value === null) return null;
  const prototype: unknown = typeof value === "object" ? Object.getPrototypeOf(value) : undefined;
  if (prototype !== null && prototype !== Object.prototype) {
    throw new InvalidInputError(
      "headers",
      "is no record",
      "give an object of text, for example { traceparent }",
    );
  }
  let sizeBytes = 0;
  const entries: [string, string][] = [];
  for (const [key, text] of Object.entries(value)) {
    checkText("headers key", key, MAX_HEADERS_BYTES);
    if (text !== "") checkText(`headers.${key}`, text, MAX_HEADERS_BYTES);
    sizeBytes += Buffer.byteLength(key) + Buffer.byteLength(text as string);
    entries.push([key, text as string]);
  }
  if (sizeBytes > MAX_HEADERS_BYTES) {
    throw new InvalidInputError(
      "headers",
      `is ${sizeBytes} bytes`,
      `use at most ${MAX_HEADERS_BYTES} bytes in all`,
    );
  }
  return entries.length === 0 ? null : Object.freeze(Object.fromEntries(entries));
}

/** A new UUIDv7 (RFC 9562): 48 bits of time, then randomness, so that ids made later sort later. */
export function uuidv7(wallMs: number, randomBytes: Uint8Array): string {
  const bytes = randomBytes.slice(0, 16);
  let time = Math.max(0, Math.floor(wallMs));
  for (let index = 5; index >= 0; index -= 1) {
    bytes[index] = time % 256;
    time = Math.floor(time / 256);
  }
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  const hex = Buffer.from(bytes).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

/** A process id: 63 random bits in decimal, never 0. */
export function processId(randomBytes: Uint8Array): string {
  const bits = Buffer.from(randomBytes.slice(0, 8)).readBigUInt64BE(0) & 0x7fff_ffff_ffff_ffffn;
  return (bits === 0n ? 1n : bits).toString();
}
