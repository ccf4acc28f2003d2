// A few laws in their plainest form, held against every run: a second opinion beside the checker, written without it.
import type { History, ProcessEvent } from "../checker/history.ts";

/** Something that must not be. */
export interface Violation {
  /** The guarantee, and what about it. */
  readonly law: string;
  readonly taskId: string | null;
  readonly detail: string;
}

/** Holds the first laws against a history. After a restored backup what was lost excuses what the laws would find. */
export function firstLaws(history: History): readonly Violation[] {
  const isRestored = history.nemesis.some(({ action }) => action.kind === "database.restored");
  const always = [...tokenLaws(history), ...startLaws(history), ...confirmLaws(history)];
  return isRestored ? always : [...commitLaws(history), ...always];
}

/** What was committed stands, and nothing else does. */
function commitLaws({ processes, audit }: History): Violation[] {
  const tasksOf = new Map<string, readonly string[]>();
  const isDone = new Map<string, "ok" | "fail" | "info">();
  for (const { event } of processes) {
    if (event.kind === "enqueue.invoke") tasksOf.set(event.call, event.taskIds);
    if (event.kind === "enqueue.answer" && event.seen === "fail") isDone.set(event.call, "fail");
    if (event.kind === "rollback") for (const call of event.calls) isDone.set(call, "fail");
    if (event.kind === "commit.invoke")
      for (const call of event.calls) if (!isDone.has(call)) isDone.set(call, "info");
    if (event.kind === "commit.answer") for (const call of event.calls) isDone.set(call, event.seen);
  }
  const inserted = new Set(
    audit.flatMap(({ change }) => (change.kind === "pending.insert" ? change.taskId : [])),
  );
  const possible = new Set<string>();
  const violations: Violation[] = [];
  for (const [call, taskIds] of tasksOf) {
    const seen = isDone.get(call);
    for (const taskId of taskIds) {
      if (seen !== "fail" && seen !== undefined) possible.add(taskId);
      if (seen === "ok" && !inserted.has(taskId)) {
        violations.push({ law: "G1: a committed task was lost", taskId, detail: call });
      }
    }
  }
  for (const taskId of inserted) {
    if (!possible.has(taskId))
      violations.push({ law: "G1: a task stands that nobody committed", taskId, detail: "" });
  }
  return violations;
}

/** Every execution has a claim of its own, that the database granted. */
function tokenLaws({ processes, audit }: History): Violation[] {
  const granted = new Set<string>();
  for (const { change } of audit) {
    const row =
      change.kind === "pending.insert" ? change.row : change.kind === "pending.update" ? change.after : null;
    if (row !== null && row.owner !== null && "taskId" in change) {
      granted.add(`${change.taskId}/${row.owner}/${row.claim}/${row.generation}`);
    }
  }
  const started = new Set<string>();
  const violations: Violation[] = [];
  for (const { event } of processes) {
    if (event.kind !== "execution.start") continue;
    const { taskId, token } = event;
    const key = `${taskId}/${token.owner}/${token.claim}/${token.generation}`;
    if (!granted.has(key)) violations.push({ law: "G3: executed without a claim", taskId, detail: key });
    if (started.has(key)) violations.push({ law: "G7: one claim was executed twice", taskId, detail: key });
    started.add(key);
  }
  return violations;
}

/** Nothing starts beyond the lease, counted from when the last successful heartbeat was sent. */
function startLaws({ processes, settings }: History): Violation[] {
  const sentMs = new Map<string, number>();
  const violations: Violation[] = [];
  const startOf = ({ event, monotonicMs }: ProcessEvent): void => {
    if (event.kind === "process.registered") sentMs.set(event.owner, event.sentMs ?? monotonicMs);
    if (event.kind === "heartbeat" && event.seen === "ok") sentMs.set(event.owner, event.sentMs);
    if (event.kind !== "execution.start") return;
    const lateMs =
      monotonicMs - (sentMs.get(event.token.owner) ?? Number.NEGATIVE_INFINITY) - settings.leaseMs;
    if (lateMs <= 0) return;
    const detail = `${Math.round(lateMs)} ms after the lease of ${event.token.owner}`;
    violations.push({ law: "G6: started after the lease", taskId: event.taskId, detail });
  };
  for (const event of processes) startOf(event);
  return violations;
}

/** Confirmed means that an executor returned, or that its transaction committed. A restore takes rows of effects away. */
function confirmLaws({ processes, audit, nemesis, settings }: History): Violation[] {
  const isRestored = nemesis.some(({ action }) => action.kind === "database.restored");
  const excused = new Set<string>();
  for (const { change } of audit) {
    if (change.kind !== "pending.insert" || !isRestored) continue;
    if (settings.types[change.row.type]?.transactional === true) excused.add(change.taskId);
  }
  const succeeded = new Set<string>();
  for (const { event } of processes) {
    if (event.kind === "effect") succeeded.add(`${event.taskId}/${event.token.generation}`);
  }
  return audit.flatMap(({ change }) => {
    if (change.kind !== "settled.insert" || change.state !== "confirmed") return [];
    const { taskId, generation } = change;
    if (excused.has(taskId) || succeeded.has(`${taskId}/${generation}`)) return [];
    return [{ law: "G5: confirmed without a success", taskId, detail: `generation ${generation}` }];
  });
}
