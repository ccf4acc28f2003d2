/** The stable number of a type: what the hot rows keep in place of its name. */
import { createHash } from "node:crypto";

/** First eight bytes of the SHA-256 of the type's UTF-8 name, as a signed 64-bit integer in decimal. */
export function typeHash(type: string): string {
  return createHash("sha256").update(type, "utf8").digest().readBigInt64BE(0).toString();
}
