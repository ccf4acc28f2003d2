/** The stable numbers of types and keys: what the hot rows keep in place of their names. */
import { createHash } from "node:crypto";

/** First eight bytes of the SHA-256 of the type's UTF-8 name, as a signed 64-bit integer in decimal. */
export function typeHash(type: string): string {
  return createHash("sha256").update(type, "utf8").digest().readBigInt64BE(0).toString();
}

/** The number of a key among all keys of all types, made as that of a type from both names with a NUL between them. */
export function keyHash(type: string, key: string): string {
  return typeHash(`${type}\0${key}`);
}
