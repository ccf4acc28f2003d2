/** Names of schemas and files that are made to be thrown away. */

/** No application gives such a name to anything, so that what bears one may be removed. */
export const scratchNamePattern = "^owed_bench_[0-9]{14}_[0-9a-f]{8}$";

/** A new name: the instant, so that a person sees how old it is, and chance. */
export function scratchName(nowMs: number, random: Uint8Array): string {
  const instant = new Date(nowMs).toISOString().replace(/\D/g, "").slice(0, 14);
  return `owed_bench_${instant}_${Buffer.from(random.subarray(0, 4)).toString("hex")}`;
}

/** Whether something was made to be thrown away. */
export function isScratchName(name: string): boolean {
  return new RegExp(scratchNamePattern).test(name);
}
