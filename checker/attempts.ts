// Gathers what processes say of attempts, of calls to enqueue, and of hooks.
import type { HistoryToken, ProcessEvent, Seen } from "./history.ts";
import { type Attempt, type EventAs, isKind, type ProcessLog } from "./process-log.ts";
import { TokenMap } from "./token-map.ts";

/** One call to enqueue, with what became of its transaction. */
export interface EnqueueCall {
  readonly call: string;
  readonly log: ProcessLog;
  readonly invoke: EventAs<"enqueue.invoke"> | null;
  readonly taskIds: readonly string[];
  answer: EventAs<"enqueue.answer"> | null;
  commitInvoke: ProcessEvent | null;
  commit: { readonly event: ProcessEvent; readonly seen: Seen } | null;
  rollback: ProcessEvent | null;
}

/** What must have become of the tasks that a call created. */
export type Standing =
  /** They are owed. */
  | "committed"
  /** They were never owed. */
  | "rolled-back"
  /** Nobody asked for the commit. */
  | "uncommitted"
  /** Either. */
  | "unknown";

/** What processes did to tasks. */
export interface Activity {
  readonly attempts: TokenMap<Attempt>;
  readonly calls: readonly EnqueueCall[];
  readonly callsOf: ReadonlyMap<string, readonly EnqueueCall[]>;
  readonly hooks: readonly (EventAs<"hook.confirmed"> | EventAs<"hook.failed">)[];
}

/** What became of the tasks of a call, as far as its process can tell. */
export function standingOf({ answer, commit, commitInvoke, rollback }: EnqueueCall): Standing {
  if (rollback !== null || answer?.event.seen === "fail" || commit?.seen === "fail") return "rolled-back";
  if (commitInvoke === null && commit === null) return "uncommitted";
  return commit?.seen === "ok" && answer?.event.seen === "ok" ? "committed" : "unknown";
}

interface Gathering {
  readonly attempts: TokenMap<Attempt>;
  readonly calls: Map<string, EnqueueCall>;
  readonly hooks: (EventAs<"hook.confirmed"> | EventAs<"hook.failed">)[];
}

/** Goes once through the events of all processes. */
export function gatherActivity(logs: readonly ProcessLog[]): Activity {
  const gathering: Gathering = { attempts: new TokenMap(), calls: new Map(), hooks: [] };
  for (const log of logs) {
    for (const event of log.events) {
      takeAttempt(gathering, event);
      takeCall(gathering, log, event);
    }
  }
  const calls = [...gathering.calls.values()];
  return {
    attempts: gathering.attempts,
    calls,
    callsOf: byTask(calls),
    hooks: gathering.hooks,
  };
}

function byTask(calls: readonly EnqueueCall[]): Map<string, EnqueueCall[]> {
  const found = new Map<string, EnqueueCall[]>();
  for (const call of calls) {
    for (const taskId of call.taskIds) {
      const list = found.get(taskId);
      if (list === undefined) found.set(taskId, [call]);
      else list.push(call);
    }
  }
  return found;
}

function takeAttempt(gathering: Gathering, event: ProcessEvent): void {
  if (isKind(event, "execution.start")) attemptOf(gathering, event.event).starts.push(event);
  else if (isKind(event, "execution.end")) attemptOf(gathering, event.event).ends.push(event);
  else if (isKind(event, "effect")) attemptOf(gathering, event.event).effects += 1;
  else if (isKind(event, "settle.invoke")) {
    const { decision } = event.event;
    attemptOf(gathering, event.event).settles.push({ decision, invoke: event, answer: null });
  } else if (isKind(event, "settle.answer")) {
    const { seen, verdict, decision = null } = event.event;
    const call = attemptOf(gathering, event.event).settles.find(
      (one) => one.answer === null && (decision ?? one.decision) === one.decision,
    );
    if (call !== undefined) call.answer = { event, seen, verdict };
  } else if (isKind(event, "hook.confirmed") || isKind(event, "hook.failed")) gathering.hooks.push(event);
}

function attemptOf(
  { attempts }: Gathering,
  { taskId, token }: { readonly taskId: string; readonly token: HistoryToken },
): Attempt {
  let attempt = attempts.get(taskId, token);
  if (attempt === undefined) {
    attempt = { taskId, token, starts: [], ends: [], settles: [], effects: 0 };
    attempts.add(attempt);
  }
  return attempt;
}

function takeCall({ calls }: Gathering, log: ProcessLog, event: ProcessEvent): void {
  const keyOf = (call: string): string => `${log.process} ${log.boot} ${call}`;
  if (isKind(event, "enqueue.invoke")) {
    const { call, taskIds } = event.event;
    const empty = { answer: null, commitInvoke: null, commit: null, rollback: null };
    calls.set(keyOf(call), { call, log, invoke: event, taskIds, ...empty });
  } else if (isKind(event, "enqueue.answer")) {
    const call = calls.get(keyOf(event.event.call));
    if (call !== undefined) call.answer = event;
  } else if (isKind(event, "commit.invoke") || isKind(event, "commit.answer") || isKind(event, "rollback")) {
    for (const name of event.event.calls) {
      const call = calls.get(keyOf(name));
      if (call !== undefined) takeEnding(call, event);
    }
  }
}

function takeEnding(call: EnqueueCall, event: ProcessEvent): void {
  if (isKind(event, "commit.invoke")) call.commitInvoke ??= event;
  else if (isKind(event, "commit.answer")) call.commit ??= { event, seen: event.event.seen };
  else call.rollback ??= event;
}
