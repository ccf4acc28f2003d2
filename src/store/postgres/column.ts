/** Columns, which all arrive as text, back into values. */
import type { RecordedError } from "../../task/task.ts";
import type { Row } from "./connections.ts";

/** The text of a column that is never null. */
export function textOf(row: Row, column: string): string {
  const value = row[column];
  if (typeof value !== "string") throw new TypeError(`column ${column} is missing`);
  return value;
}

/** The number in a column that is never null. */
export function numberOf(row: Row, column: string): number {
  return Number(textOf(row, column));
}

/** The instant in a column of milliseconds. */
export function dateOf(milliseconds: string | null | undefined): Date | null {
  return milliseconds === null || milliseconds === undefined ? null : new Date(Number(milliseconds));
}

/** Bytes of their own, not a view into a buffer that others share. */
export function bytesOf(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, "base64"));
}

/** Headers as they were given. */
export function headersOf(json: string | null | undefined): Readonly<Record<string, string>> | null {
  // Written by this library from a Record<string, string>.
  return json === null || json === undefined ? null : (JSON.parse(json) as Record<string, string>);
}

/** An error as it was recorded. */
export function errorOf(json: string | null | undefined): RecordedError | null {
  return json === null || json === undefined ? null : recordedErrorOf(JSON.parse(json));
}

/** An error out of JSON that is parsed already. */
export function recordedErrorOf(parsed: unknown): RecordedError | null {
  if (typeof parsed !== "object" || parsed === null) return null;
  const { name, message, code, stack } = parsed as Partial<RecordedError>;
  return { name: name ?? "Error", message: message ?? "", code: code ?? null, stack: stack ?? null };
}
