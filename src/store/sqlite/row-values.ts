/** Values as rows hold them, and as the rest of the library wants them. */
import type { RecordedError } from "../../task/task.ts";

/** Bytes as a plain Uint8Array, also where the binding hands out a Buffer, or an ArrayBuffer (libsql). */
export function bytesOf(value: Uint8Array | ArrayBuffer | null): Uint8Array | null {
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return value === null ? null : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
}

/** Headers out of their JSON. */
export function headersOf(json: string | null): Readonly<Record<string, string>> | null {
  return json === null ? null : (JSON.parse(json) as Readonly<Record<string, string>>);
}

/** An error out of its JSON. */
export function errorOf(json: string | null): RecordedError | null {
  if (json === null) return null;
  const { name, message, code, stack } = JSON.parse(json) as RecordedError;
  return { name, message, code, stack };
}

/** An error as JSON. */
export function errorJson(error: RecordedError | null): string | null {
  if (error === null) return null;
  const { name, message, code, stack } = error;
  return JSON.stringify({ name, message, code, stack });
}

/** An instant. */
export function dateOf(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds);
}
