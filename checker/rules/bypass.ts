// No starvation: how many younger tasks of the same type were claimed while an older one was due and free.
import { countBelow } from "../bisect.ts";
import { Findings, type Law } from "../finding.ts";
import type { PendingImage } from "../history.ts";
import type { Step } from "../story.ts";
import { type Timeline, unedited } from "../timeline.ts";

const fair: Law = {
  guarantee: "G11",
  says: "due tasks are claimed in due order, up to what all workers take in one claim each",
};
const bounded: Law = {
  guarantee: "G11",
  says: "one claim takes no more than a batch",
};

/** A claim of a free task that was never lost. */
interface Take {
  readonly index: number;
  readonly dueMs: number;
}

/** A task that is due and free from one moment of the audit to another. */
interface Wait extends Take {
  readonly taskId: string;
  readonly toIndex: number;
}

/** Bypass, by a sweep over due times. */
export function bypassRule(timeline: Timeline): Findings {
  const findings = new Findings();
  const takes = new Map<string, Take[]>();
  const waits = new Map<string, Wait[]>();
  const owners = new Set<string>();
  const latestMs = runningMaximum(timeline);
  for (const { taskId, type, steps } of unedited(timeline)) {
    steps.forEach((step, place) => {
      const group = groupOf(type, step.after ?? step.before);
      if (isTake(step)) {
        listOf(takes, group).push({ index: step.at.index, dueMs: step.before?.dueAtMs ?? 0 });
        owners.add(step.after?.owner ?? "");
      }
      const { after } = step;
      if (after === null || after.owner !== null || after.lostAttempts > 0) return;
      const dueIndex = countBelow(latestMs, (ms) => ms < after.dueAtMs);
      const index = Math.max(step.at.index, dueIndex);
      const toIndex = steps[place + 1]?.at.index ?? timeline.audit.length;
      if (toIndex > index) listOf(waits, group).push({ taskId, dueMs: after.dueAtMs, index, toIndex });
    });
  }
  // Twice: what one claimer has locked for a moment is passed over by the others.
  const most = 2 * timeline.bounds.batchSize * (owners.size + 1);
  for (const [type, list] of waits) checkType(findings, list, takes.get(type) ?? [], most);
  checkBatches(timeline, findings);
  return findings;
}

/** Keys may have limits of their own: due order holds within each. */
function groupOf(type: string, row: PendingImage | null): string {
  return row?.key === undefined ? type : `${type}\0${row.key}`;
}

function isTake({ kind, before }: Step): boolean {
  return kind === "claimed" && before?.owner === null && before.lostAttempts === 0;
}

function listOf<Value>(lists: Map<string, Value[]>, key: string): Value[] {
  let list = lists.get(key);
  if (list === undefined) {
    list = [];
    lists.set(key, list);
  }
  return list;
}

/** The latest time seen up to each entry: in order, whatever long transactions and jumps of the clock do. */
function runningMaximum({ audit }: Timeline): readonly number[] {
  let latest = Number.NEGATIVE_INFINITY;
  return audit.map(({ atMs }) => {
    latest = Math.max(latest, atMs);
    return latest;
  });
}

/** From the youngest due time to the oldest: the tree holds the takes that are younger than the task at hand. */
function checkType(findings: Findings, waits: Wait[], takes: Take[], most: number): void {
  const places = takes.map(({ index }) => index).sort((left, right) => left - right);
  const tree = new Int32Array(places.length + 1);
  takes.sort((left, right) => right.dueMs - left.dueMs);
  waits.sort((left, right) => right.dueMs - left.dueMs);
  let added = 0;
  for (const { taskId, dueMs, index, toIndex } of waits) {
    for (; added < takes.length && (takes[added] as Take).dueMs > dueMs; added += 1) {
      const place = countBelow(places, (one) => one < (takes[added] as Take).index);
      add(tree, place + 1);
    }
    const bypassed =
      sum(
        tree,
        countBelow(places, (one) => one < toIndex),
      ) -
      sum(
        tree,
        countBelow(places, (one) => one <= index),
      );
    findings.expect(fair, bypassed <= most, { taskId }, () => {
      return `${bypassed} younger tasks were claimed while it was due and free; at most ${most} may be`;
    });
  }
}

function add(tree: Int32Array, from: number): void {
  for (let node = from; node < tree.length; node += node & -node) tree[node] = (tree[node] ?? 0) + 1;
}

function sum(tree: Int32Array, upTo: number): number {
  let total = 0;
  for (let node = upTo; node > 0; node -= node & -node) total += tree[node] ?? 0;
  return total;
}

function checkBatches({ tenures, bounds }: Timeline, findings: Findings): void {
  const sizes = new Map<string, { size: number; readonly taskId: string }>();
  for (const { taskId, token, isBorn } of tenures.values()) {
    if (isBorn) continue;
    const key = `${token.owner} ${token.claim}`;
    const batch = sizes.get(key);
    if (batch === undefined) sizes.set(key, { size: 1, taskId });
    else batch.size += 1;
  }
  for (const [key, { size, taskId }] of sizes) {
    findings.expect(bounded, size <= bounds.batchSize, { taskId }, () => {
      return `claim ${key} took ${size} tasks; a batch is ${bounds.batchSize}`;
    });
  }
}
