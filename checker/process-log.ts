// What each process says of itself, by life of the process and by the owner ids it bore.
import type { HistoryToken, ProcessEvent, ProcessEventBody, Seen } from "./history.ts";

type EventOf<Kind extends ProcessEventBody["kind"]> = Extract<ProcessEventBody, { readonly kind: Kind }>;

/** An event of which the kind is known. */
export interface EventAs<Kind extends ProcessEventBody["kind"]> extends ProcessEvent {
  readonly event: EventOf<Kind>;
}

/** Whether an event is of a kind. */
export function isKind<Kind extends ProcessEventBody["kind"]>(
  event: ProcessEvent,
  kind: Kind,
): event is EventAs<Kind> {
  return event.event.kind === kind;
}

/** One life of a process, from its start to its end. */
export interface ProcessLog {
  readonly process: string;
  readonly boot: number;
  /** In its own order. */
  readonly events: ProcessEvent[];
  readonly heartbeats: EventAs<"heartbeat">[];
  stopBegin: EventAs<"stop.begin"> | null;
  /** When its worker was told to stop, alone or with the whole scheduler. */
  readonly workerStops: ProcessEvent[];
  stopEnd: ProcessEvent | null;
}

/** One call that claims. */
export interface ClaimCall {
  readonly claim: number;
  readonly invoke: EventAs<"claim.invoke"> | null;
  readonly answer: EventAs<"claim.answer"> | null;
}

/** What a process did under one owner id. */
export interface OwnerLog {
  readonly owner: string;
  /** Life of the process that bore it. */
  readonly log: ProcessLog;
  registered: EventAs<"process.registered"> | null;
  /** It learned that it had been declared dead. */
  lost: ProcessEvent | null;
  readonly heartbeats: EventAs<"heartbeat">[];
  readonly claims: Map<number, ClaimCall>;
  /** An executor outlived its timeout, and may still hold a slot. */
  hasZombies: boolean;
}

/** All processes of a history. */
export interface ProcessLogs {
  readonly logs: readonly ProcessLog[];
  readonly owners: ReadonlyMap<string, OwnerLog>;
}

/** Whether one event of a process came before another of the same process. */
export function isBefore(left: ProcessEvent, right: ProcessEvent): boolean {
  return left.boot < right.boot || (left.boot === right.boot && left.seq < right.seq);
}

/** Sorts events by process, life and order; those that are in order already are left alone. */
export function processLogs(events: readonly ProcessEvent[]): ProcessLogs {
  const logs = new Map<string, ProcessLog>();
  for (const event of events) {
    const key = `${event.process} ${event.boot}`;
    let log = logs.get(key);
    if (log === undefined) {
      log = {
        process: event.process,
        boot: event.boot,
        events: [],
        heartbeats: [],
        stopBegin: null,
        workerStops: [],
        stopEnd: null,
      };
      logs.set(key, log);
    }
    log.events.push(event);
  }
  const owners = new Map<string, OwnerLog>();
  for (const log of logs.values()) {
    sortOnce(log.events);
    for (const event of log.events) takeIn(owners, log, event);
  }
  return { logs: [...logs.values()], owners };
}

function sortOnce(events: ProcessEvent[]): void {
  for (let index = 1; index < events.length; index += 1) {
    if ((events[index]?.seq ?? 0) < (events[index - 1]?.seq ?? 0)) {
      events.sort((left, right) => left.seq - right.seq);
      return;
    }
  }
}

function takeIn(owners: Map<string, OwnerLog>, log: ProcessLog, event: ProcessEvent): void {
  if (isKind(event, "stop.begin") || isKind(event, "worker.stop.begin")) log.workerStops.push(event);
  if (isKind(event, "stop.begin")) log.stopBegin ??= event;
  else if (isKind(event, "stop.end")) log.stopEnd ??= event;
  else if (isKind(event, "process.registered")) ownerLog(owners, log, event.event.owner).registered = event;
  else if (isKind(event, "process.lost")) ownerLog(owners, log, event.event.owner).lost ??= event;
  else if (isKind(event, "heartbeat")) {
    log.heartbeats.push(event);
    ownerLog(owners, log, event.event.owner).heartbeats.push(event);
  } else if (isKind(event, "claim.invoke")) {
    const { owner, claim } = event.event;
    const { claims } = ownerLog(owners, log, owner);
    claims.set(claim, { claim, invoke: claims.get(claim)?.invoke ?? event, answer: null });
  } else if (isKind(event, "claim.answer")) {
    const { owner, claim } = event.event;
    const { claims } = ownerLog(owners, log, owner);
    claims.set(claim, { claim, invoke: claims.get(claim)?.invoke ?? null, answer: event });
  } else if (isKind(event, "execution.end")) {
    const { token, outcome } = event.event;
    if (outcome === "timed-out") ownerLog(owners, log, token.owner).hasZombies = true;
  } else if (isKind(event, "execution.start")) ownerLog(owners, log, event.event.token.owner);
}

function ownerLog(owners: Map<string, OwnerLog>, log: ProcessLog, owner: string): OwnerLog {
  let found = owners.get(owner);
  if (found === undefined) {
    found = {
      owner,
      log,
      registered: null,
      lost: null,
      heartbeats: [],
      claims: new Map(),
      hasZombies: false,
    };
    owners.set(owner, found);
  }
  return found;
}

/** One try to write an outcome. */
export interface SettleCall {
  readonly decision: EventOf<"settle.invoke">["decision"];
  readonly invoke: ProcessEvent;
  answer: { readonly event: ProcessEvent; readonly seen: Seen; readonly verdict: string | null } | null;
}

/** What a process says of one claim on one task. */
export interface Attempt {
  readonly taskId: string;
  readonly token: HistoryToken;
  readonly starts: EventAs<"execution.start">[];
  readonly ends: EventAs<"execution.end">[];
  readonly settles: SettleCall[];
  effects: number;
}
