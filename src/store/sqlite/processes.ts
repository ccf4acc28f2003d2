/** The registry of processes: who is alive, and who was declared dead. */
import type { BeatAnswer, ProcessRecord } from "../contract.ts";
import { type Connection, integerOf } from "./connection.ts";
import { beatOwn, deleteProcess, readOthers, registerProcess, removeSilent } from "./process-statements.ts";

/** Registers a process. */
export function register(connection: Connection, record: ProcessRecord, nowMs: number): void {
  const { owner, host, pid, types, slots, leaseMs } = record;
  connection.run(registerProcess, {
    owner: integerOf(owner),
    host,
    pid,
    slots,
    lease_ms: leaseMs,
    types: types === "all" ? null : JSON.stringify(types),
    now: nowMs,
  });
}

/** Writes the own heartbeat, removes those of `dead` whose heartbeat is unchanged, reads all others. */
export function beat(
  connection: Connection,
  owner: string,
  dead: readonly { readonly owner: string; readonly beats: number }[],
  nowMs: number,
): BeatAnswer {
  const own = { owner: integerOf(owner) };
  if (connection.run(beatOwn, { ...own, now: nowMs }) === 0) {
    return { alive: false, others: [], declaredDead: [] };
  }
  const declaredDead = dead
    .filter((seen) => seen.owner !== owner)
    .filter(({ owner: other, beats }) => connection.run(removeSilent, { owner: integerOf(other), beats }) > 0)
    .map((seen) => seen.owner);
  const others = connection
    .all<{ readonly owner: string; readonly beats: number; readonly lease_ms: number }>(readOthers, own)
    .map(({ owner: other, beats, lease_ms }) => ({ owner: other, beats, leaseMs: lease_ms }));
  return { alive: true, others, declaredDead };
}

/** Removes a process. */
export function removeProcess(connection: Connection, owner: string): void {
  connection.run(deleteProcess, { owner: integerOf(owner) });
}
