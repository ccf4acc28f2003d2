// The interesting states: what a run of many seeds must have reached, or its generator is dead.
import type { History } from "../checker/history.ts";

/** From how many seeds on a state that was never reached fails the run. */
export const LEAST_SEEDS = 500;

/** States that some seed must reach. */
export const interesting: readonly string[] = [
  "late success accepted",
  "late success recorded only",
  "claim reply after lease",
  "process declared dead",
  "process learned that it was declared dead",
  "suspect executed",
  "alone task executed",
  "born claim released without execution",
  "born claim executed without being asked for",
  "born under a process that is dead",
  "born claim found open",
  "unknown commit found committed",
  "unknown commit found gone",
  "settlement repeated: applied",
  "stray claim freed",
  "conflict undone",
  "existing task refused",
  "duplicate recognised",
  "savepoint rolled back with births",
  "savepoint not waited for",
  "outage while settling",
  "outage while executing",
  "attempt timed out",
  "attempt abandoned",
  "attempt deferred",
  "attempt undecodable",
  "zombie succeeded",
  "zombie failed",
  "event loop blocked",
  "second signal",
  "worker stopped alone",
  "stopped in order",
  "died with a transaction open",
  "transaction left open",
  "serialization failure retried",
  "aborted transaction committed",
  "database restored",
  "operator: cancel",
  "operator: redrive",
  "operator: erase",
  "redriven task confirmed",
  "confirmed in a transaction: ok",
  "confirmed in a transaction: info",
  "confirmation found confirmed",
  "confirmation found held",
  "confirmation found open",
  "confirmation found lost",
  "failed: attempts-exhausted",
  "failed: permanent-error",
  "failed: lost-too-often",
  "settled retry refused",
  "settled fail refused",
  "settled release refused",
  "executed on the fast path",
  "executed on the worker path",
  "executed on the direct path",
  "key at its limit",
  "breaker opened",
  "breaker half-opened",
  "breaker closed",
  "task pruned",
  "woken by another process",
  "wake-up lost",
  "listener lost",
  "deaf listener closed",
  "fate late: claim",
  "fate late: commit",
  "fate late: settle",
  "fate reset: settle",
  "fate mute: insert",
  "fate slow: beat",
];

/** Tags of the recorder that go by another name here. */
const aliases: Readonly<Record<string, string>> = {
  "settled confirm late": "late success accepted",
  "settled confirm recorded": "late success recorded only",
  "request failed: OWED_TASK_CONFLICT": "conflict undone",
  "swallowed: OWED_TASK_CONFLICT": "conflict undone",
  "request failed: OWED_TASK_EXISTS": "existing task refused",
  "swallowed: OWED_TASK_EXISTS": "existing task refused",
  "request failed: OWED_TRANSACTION_ROLLED_BACK": "aborted transaction committed",
};

/** Counts what was reached: what the recorder noted, and what only the whole history shows. */
export function reached(history: History, noted: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  const add = (tag: string, count = 1): void => void counts.set(tag, (counts.get(tag) ?? 0) + count);
  for (const [tag, count] of noted) {
    add(tag, count);
    const alias = aliases[tag];
    if (alias !== undefined) add(alias, count);
  }
  const born = bornClaims(history, add);
  fromProcesses(history, born, add);
  return counts;
}

type Add = (tag: string, count?: number) => void;

const keyOf = (taskId: string, owner: string | null, claim: number | null): string =>
  `${taskId}/${owner}/${claim}`;

/** What the audit shows; answers the claims that tasks were born under. */
function bornClaims({ audit }: History, add: Add): ReadonlySet<string> {
  const born = new Set<string>();
  const alive = new Set<string>();
  for (const { change } of audit) {
    switch (change.kind) {
      case "process.insert":
        alive.add(change.owner);
        break;
      case "process.delete":
        alive.delete(change.owner);
        break;
      case "pending.insert": {
        const { owner, claim } = change.row;
        if (owner === null) break;
        born.add(keyOf(change.taskId, owner, claim));
        if (!alive.has(owner)) add("born under a process that is dead");
        break;
      }
      case "pending.update": {
        const { before, after } = change;
        if (before.owner !== null && before.owner === after.owner && before.claim !== after.claim)
          add("stray claim freed");
        break;
      }
      case "settled.insert":
        if (change.state === "failed") add(`failed: ${change.reason ?? "unknown"}`);
        if (change.state === "confirmed" && change.generation > 1) add("redriven task confirmed");
        break;
      case "task.delete":
        add("task pruned");
        break;
      default:
        break;
    }
  }
  return born;
}

function fromProcesses({ processes }: History, born: ReadonlySet<string>, add: Add): void {
  const started = new Set<string>();
  const asked = new Set<string>();
  for (const { event } of processes) {
    if (event.kind === "fast.call") for (const taskId of event.taskIds) asked.add(taskId);
    if (event.kind !== "execution.start" && event.kind !== "settle.invoke") continue;
    const { owner, claim } = event.token;
    const key = keyOf(event.taskId, owner, claim);
    if (!born.has(key)) continue;
    if (event.kind === "execution.start") {
      started.add(key);
      if (!asked.has(event.taskId)) add("born claim executed without being asked for");
    } else if (event.decision === "release" && !started.has(key)) {
      add("born claim released without execution");
    }
  }
}
