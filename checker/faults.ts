// What the nemesis did, placed in the database's order and on the database's clock.
import { countBelow } from "./bisect.ts";
import type { AuditEntry, NemesisEvent } from "./history.ts";

/** A nemesis event with its place in the audit: it came before the entry at `index`. */
export interface PlacedNemesis {
  readonly nemesis: NemesisEvent;
  readonly index: number;
  /** The database's clock. */
  readonly atMs: number;
}

/** What a fault is. */
export type FaultKind = "kill" | "pause" | "cut" | "outage" | "restore" | "clock jump";

/** A fault from its beginning to its end. */
export interface Fault {
  readonly kind: FaultKind;
  /** Whom it touched; null for everybody. */
  readonly process: string | null;
  /** Which life of it; null for all. */
  readonly boot: number | null;
  readonly fromMs: number;
  /** Infinity when it did not end. */
  toMs: number;
  readonly fromIndex: number;
  toIndex: number;
  /** By how much a clock jumped. */
  readonly jumpMs: number;
}

/** All faults. */
export interface Faults {
  readonly placed: readonly PlacedNemesis[];
  readonly all: readonly Fault[];
  /** Indexes of the audit before which the database came back from a backup. */
  readonly restores: readonly number[];
}

/** Below this a clock counts from the start of its run, above it from 1970. */
const EPOCH_MS = 100_000_000_000;

/** Places the events of the nemesis: by the commit they name, else by time, jumps of the database's clock undone. */
export function faultsOf(nemesis: readonly NemesisEvent[], audit: readonly AuditEntry[]): Faults {
  const placed = placeAll(nemesis, audit);
  const all: Fault[] = [];
  const restores: number[] = [];
  for (const event of placed) {
    takeIn(all, event);
    if (event.nemesis.action.kind === "database.restored") restores.push(event.index);
  }
  return { placed, all, restores };
}

function placeAll(nemesis: readonly NemesisEvent[], audit: readonly AuditEntry[]): PlacedNemesis[] {
  const firstMs = audit[0]?.atMs ?? 0;
  const startsWithRun = firstMs > EPOCH_MS && (nemesis[0]?.atMs ?? EPOCH_MS) < EPOCH_MS;
  let offsetMs = startsWithRun ? firstMs : 0;
  let index = 0;
  return nemesis.map((event) => {
    const { afterSeq, action } = event;
    let atMs = event.databaseMs ?? event.atMs + offsetMs;
    if (afterSeq === undefined) {
      while (index < audit.length && (audit[index] as AuditEntry).atMs <= atMs) index += 1;
    } else {
      const place = countBelow(audit, ({ seq }) => seq <= afterSeq);
      index = Math.max(index, place);
      if (event.databaseMs === undefined) atMs = between(audit[index - 1], atMs, audit[index]);
    }
    if (action.kind === "clock.jump" && action.process === "database") offsetMs += action.byMs;
    return { nemesis: event, index, atMs };
  });
}

/** Where the driver's own clock tells nothing, the commits before and after still bound the time. */
function between(before: AuditEntry | undefined, atMs: number, after: AuditEntry | undefined): number {
  const least = before?.atMs ?? Number.NEGATIVE_INFINITY;
  return Math.max(least, Math.min(atMs, after?.atMs ?? Number.POSITIVE_INFINITY));
}

function takeIn(all: Fault[], { nemesis: { action }, index, atMs }: PlacedNemesis): void {
  const begin = (kind: FaultKind, process: string | null, boot: number | null): void => {
    const isMoment = kind === "kill" || kind === "restore" || kind === "clock jump";
    const end = isMoment ? { toMs: atMs, toIndex: index } : { toMs: Infinity, toIndex: Infinity };
    const jumpMs = action.kind === "clock.jump" ? action.byMs : 0;
    all.push({ kind, process, boot, fromMs: atMs, fromIndex: index, ...end, jumpMs });
  };
  const end = (kind: FaultKind, process: string | null, boot: number | null): void => {
    for (let place = all.length - 1; place >= 0; place -= 1) {
      const fault = all[place] as Fault; // within its length
      if (fault.kind !== kind || fault.process !== process || fault.boot !== boot) continue;
      if (fault.toMs !== Infinity) continue;
      fault.toMs = atMs;
      fault.toIndex = index;
      return;
    }
  };
  switch (action.kind) {
    case "kill":
      end("pause", action.process, action.boot);
      return begin("kill", action.process, action.boot);
    case "pause":
      return begin("pause", action.process, action.boot);
    case "resume":
      return end("pause", action.process, action.boot);
    case "cut":
      return begin("cut", action.process, null);
    case "heal":
      return end("cut", action.process, null);
    case "database.down":
      return begin("outage", null, null);
    case "database.up":
      return end("outage", null, null);
    case "database.restored":
      return begin("restore", null, null);
    case "clock.jump":
      return begin("clock jump", action.process === "database" ? null : action.process, null);
    case "restart":
    case "operator":
    case "quiet":
      return;
  }
}

/** Whether a fault touches a life of a process. */
export function touches(fault: Fault, process: string, boot: number): boolean {
  if (fault.process === null) return true;
  return fault.process === process && (fault.boot === null || fault.boot === boot);
}

/** Whether a fault was going on at some time of a span of the database's clock. */
export function overlaps(fault: Fault, fromMs: number, toMs: number): boolean {
  return fault.fromMs <= toMs && fault.toMs >= fromMs;
}
