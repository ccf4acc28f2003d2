// A short name for data, so that a history can tell whether what was delivered is what was enqueued.
import { hash } from "node:crypto";

/** Equal for equal bytes, and for nothing else that a run will ever hold. Text stands for its UTF-8. */
export function digestOf(data: string | Uint8Array): string {
  return hash("sha1", data).slice(0, 16);
}
