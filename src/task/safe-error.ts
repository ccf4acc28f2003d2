/** Turns whatever an executor threw into something that can always be stored and shown. Total: it never throws. */
import type { RecordedError } from "./task.ts";

/** Longest message kept, in UTF-16 units. */
export const MAX_ERROR_MESSAGE_LENGTH = 4_096;
/** Longest stack kept, causes included, in UTF-16 units. */
export const MAX_ERROR_STACK_LENGTH = 16_384;
/** How many causes of causes are followed; a cycle ends here too. */
const MAX_CAUSES = 5;

/** A quoted value, or what follows up to an end that the pattern names. */
const QUOTED = String.raw`"(?:[^"\\]|\\.)*"|'[^']*'`;

/** Credentials in connection strings, in headers (the rest of the line), in settings. */
const SECRETS: readonly [RegExp, string][] = [
  [/\b([a-z][a-z0-9+.-]{1,30}:\/\/)[^\s/]{1,500}@/gi, "$1***@"],
  [
    new RegExp(
      String.raw`\b(authorization|proxy-authorization|cookie|set-cookie|x-api-key)(\\?["']?\s*[:=]\s*)(?:${QUOTED}|[^\r\n]*)`,
      "gi",
    ),
    "$1$2***",
  ],
  [/\b(bearer)\s+[a-z0-9._~+/=-]{8,500}/gi, "$1 ***"],
  [
    new RegExp(
      String.raw`\b(password|passwd|pwd|secret|client_secret|api_?key|access_?token)(\\?["']?\s*[:=]\s*)(?:${QUOTED}|[^\s,;&]+)`,
      "gi",
    ),
    "$1$2***",
  ],
];

/** Strips NUL and lone surrogates, which text columns refuse, takes known secrets out, and cuts. */
export function safeText(text: string, maxLength: number): string {
  let clean = text
    .slice(0, maxLength * 2)
    .replaceAll("\0", "")
    .toWellFormed();
  for (const [pattern, replacement] of SECRETS) clean = clean.replace(pattern, replacement);
  return clean.length > maxLength ? `${clean.slice(0, maxLength - 1).toWellFormed()}…` : clean;
}

/** Reads a text (or number) property of a value that may throw at every touch (a proxy, a getter); null when there is none. */
export function readText(value: unknown, property: string): string | null {
  try {
    const found: unknown = (value as Record<string, unknown>)[property];
    if (typeof found === "string") return found;
    return typeof found === "number" ? String(found) : null;
  } catch {
    return null;
  }
}

function describe(value: unknown): string {
  try {
    if (typeof value === "object" && value !== null) {
      const text = JSON.stringify(value);
      return typeof text === "string" ? text : Object.prototype.toString.call(value);
    }
    return String(value);
  } catch {
    return `a thrown ${typeof value} that cannot be shown`;
  }
}

function isErrorLike(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return readText(value, "message") !== null;
}

function causesOf(value: unknown): string {
  let text = "";
  let current: unknown = value;
  for (let depth = 0; depth < MAX_CAUSES; depth += 1) {
    try {
      current = (current as { cause?: unknown }).cause;
    } catch {
      break;
    }
    if (current === undefined || current === null) break;
    const line = isErrorLike(current)
      ? (readText(current, "stack") ?? readText(current, "message") ?? "")
      : describe(current).slice(0, MAX_ERROR_MESSAGE_LENGTH);
    text += `\ncaused by: ${line.slice(0, MAX_ERROR_STACK_LENGTH)}`;
  }
  return text;
}

/**
 * Records a thrown value of any shape. Only name, message, code and stack (with causes) are kept: the request, response
 * and config that HTTP clients hang on their errors carry credentials and are dropped.
 */
export function safeError(thrown: unknown): RecordedError {
  if (!isErrorLike(thrown)) {
    const message = safeText(`thrown value: ${describe(thrown)}`, MAX_ERROR_MESSAGE_LENGTH);
    return { name: "NonError", message, code: null, stack: null };
  }
  const stack = readText(thrown, "stack");
  const code = readText(thrown, "code");
  const withCauses = `${(stack ?? "").slice(0, MAX_ERROR_STACK_LENGTH)}${causesOf(thrown)}`;
  return {
    name: safeText(readText(thrown, "name") || "Error", 200),
    message: safeText(readText(thrown, "message") ?? "", MAX_ERROR_MESSAGE_LENGTH),
    code: code === null ? null : safeText(code, 200),
    stack: withCauses === "" ? null : safeText(withCauses, MAX_ERROR_STACK_LENGTH),
  };
}
