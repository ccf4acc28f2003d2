// Task ids for whoever must bring some: UUIDs of version 7, as owed makes them.
import { randomFillSync } from "node:crypto";

/** A source of ids that ascend with time. */
export function taskIds(): () => string {
  const bytes = Buffer.alloc(16 * 256);
  let used = bytes.length;
  return () => {
    if (used === bytes.length) {
      randomFillSync(bytes);
      used = 0;
    }
    const id = bytes.subarray(used, used + 16);
    used += 16;
    id.writeUIntBE(Date.now(), 0, 6);
    id[6] = ((id[6] ?? 0) & 0x0f) | 0x70;
    id[8] = ((id[8] ?? 0) & 0x3f) | 0x80;
    const hex = id.toString("hex");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
}
