/** The registry of processes: who is alive, and who was declared dead. */
import type { BeatAnswer, ProcessRecord, RegisteredProcess } from "../contract.ts";
import { type Connection, integerOf } from "./connection.ts";
import {
  beatOwn,
  deleteProcess,
  findProcess,
  readOthers,
  readProcesses,
  registerProcess,
  removeSilent,
} from "./process-statements.ts";

/** A file cannot tell that it was restored under its open connections; the heartbeats it lost do. */
const ERA = "sqlite";

/** Registers a process. */
export function register(
  connection: Connection,
  record: ProcessRecord,
  nowMs: number,
): Pick<BeatAnswer, "era"> {
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
  return { era: ERA };
}

/** Writes the own heartbeat, removes those of `dead` whose heartbeat is unchanged, reads all others. */
export function beat(
  connection: Connection,
  owner: string,
  dead: readonly { readonly owner: string; readonly beats: number }[],
  nowMs: number,
): BeatAnswer {
  const own = { owner: integerOf(owner) };
  const beaten = connection.first<{ readonly beats: number }>(beatOwn, { ...own, now: nowMs });
  if (beaten === undefined) return { alive: false, beats: 0, era: ERA, others: [], declaredDead: [] };
  const declaredDead = dead
    .filter((seen) => seen.owner !== owner)
    .filter(({ owner: other, beats }) => connection.run(removeSilent, { owner: integerOf(other), beats }) > 0)
    .map((seen) => seen.owner);
  const others = connection
    .all<{ readonly owner: string; readonly beats: number; readonly lease_ms: number }>(readOthers, own)
    .map(({ owner: other, beats, lease_ms }) => ({ owner: other, beats, leaseMs: lease_ms }));
  return { alive: true, beats: beaten.beats, era: ERA, others, declaredDead };
}

/** Whether a process may claim: it is registered. */
export function isRegistered(connection: Connection, owner: string): boolean {
  return connection.first(findProcess, { owner: integerOf(owner) }) !== undefined;
}

interface ProcessRow {
  readonly owner: string;
  readonly beat_at: number;
  readonly lease_ms: number;
  readonly registered_at: number;
  readonly host: string;
  readonly pid: number;
  readonly slots: number;
  readonly types: string | null;
}

/** All registered processes as people see them. */
export function showProcesses(connection: Connection, nowMs: number): RegisteredProcess[] {
  return connection.all<ProcessRow>(readProcesses).map((row) => ({
    owner: row.owner,
    host: row.host,
    pid: row.pid,
    types: row.types === null ? "all" : (JSON.parse(row.types) as readonly string[]),
    slots: row.slots,
    leaseMs: row.lease_ms,
    registeredAt: new Date(row.registered_at),
    beatAt: new Date(row.beat_at),
    silentForMs: Math.max(nowMs - row.beat_at, 0),
  }));
}

/** Removes a process. */
export function removeProcess(connection: Connection, owner: string): void {
  connection.run(deleteProcess, { owner: integerOf(owner) });
}
