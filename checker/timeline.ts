// The history with its indexes, built once: every rule reads from here.
import { type Activity, gatherActivity } from "./attempts.ts";
import { type Faults, faultsOf } from "./faults.ts";
import type { AuditEntry, History, HistoryToken, RunSettings } from "./history.ts";
import { type Life, type Lives, livesOf } from "./lives.ts";
import { type Attempt, type OwnerLog, type ProcessLogs, processLogs } from "./process-log.ts";
import { replay } from "./replay.ts";
import { emptyStory, type TaskStory, type Tenure } from "./story.ts";
import { TokenMap } from "./token-map.ts";

/** Bounds of time and number, every default filled in. */
export interface Bounds {
  readonly batchSize: number;
  readonly retryCapMs: number;
  readonly toleranceMs: number;
  readonly clockToleranceMs: number;
}

/** A history and its indexes. Nothing in it changes any more. */
export interface Timeline {
  readonly history: History;
  readonly settings: RunSettings;
  readonly bounds: Bounds;
  /** In the order of the commits. */
  readonly audit: readonly AuditEntry[];
  readonly faults: Faults;
  /** Tasks by id, in the order in which they came to be. */
  readonly stories: ReadonlyMap<string, TaskStory>;
  readonly tenures: TokenMap<Tenure>;
  readonly lives: Lives;
  readonly processes: ProcessLogs;
  readonly activity: Activity;
  /** Commits that were made are missing: the database came back from a backup. */
  readonly isRestored: boolean;
  /** The database's clock jumped: its times cannot be subtracted from each other. */
  readonly hasJumped: boolean;
  /** When the audit ends, by the database's clock. */
  readonly endMs: number;
}

/** Builds all indexes. */
export function timelineOf(history: History): Timeline {
  const { settings, nemesis } = history;
  const audit = inCommitOrder(history.audit);
  const faults = faultsOf(nemesis, audit);
  const stories = storiesOf(audit, history, faults.restores);
  const processes = processLogs(history.processes);
  return Object.freeze({
    history,
    settings,
    bounds: boundsOf(settings),
    audit,
    faults,
    stories,
    tenures: tenuresOf(stories),
    lives: livesOf(audit, processes.owners, faults.restores),
    processes,
    activity: gatherActivity(processes.logs),
    isRestored: faults.restores.length > 0,
    hasJumped: faults.all.some(({ kind, process }) => kind === "clock jump" && process === null),
    endMs: audit.reduce((latest, { atMs }) => Math.max(latest, atMs), Number.NEGATIVE_INFINITY),
  });
}

function boundsOf({ batchSize, retryCapMs, toleranceMs, clockToleranceMs }: RunSettings): Bounds {
  return {
    batchSize: batchSize ?? 500,
    retryCapMs: retryCapMs ?? 2_000,
    toleranceMs: toleranceMs ?? 1_000,
    clockToleranceMs: clockToleranceMs ?? 250,
  };
}

function inCommitOrder(audit: readonly AuditEntry[]): readonly AuditEntry[] {
  const isOrdered = audit.every(({ seq }, index) => index === 0 || (audit[index - 1]?.seq ?? 0) <= seq);
  return isOrdered ? audit : audit.toSorted((left, right) => left.seq - right.seq);
}

function storiesOf(
  audit: readonly AuditEntry[],
  { nemesis }: History,
  restores: readonly number[],
): Map<string, TaskStory> {
  const stories = new Map<string, TaskStory>();
  audit.forEach(({ change }, index) => {
    if (!("taskId" in change)) return;
    let story = stories.get(change.taskId);
    if (story === undefined) {
      story = emptyStory(change.taskId);
      stories.set(change.taskId, story);
    }
    story.entries.push(index);
  });
  for (const { action } of nemesis) {
    if (action.kind !== "operator" || action.operation !== "edit") continue;
    const story = stories.get(action.taskId);
    if (story !== undefined) story.isEdited = true;
  }
  for (const story of stories.values()) replay(story, audit, restores);
  return stories;
}

function tenuresOf(stories: ReadonlyMap<string, TaskStory>): TokenMap<Tenure> {
  const tenures = new TokenMap<Tenure>();
  for (const { tenures: own } of stories.values()) for (const tenure of own) tenures.add(tenure);
  return tenures;
}

/** Stories of tasks that nobody edited by hand. */
export function* unedited(timeline: Timeline): Generator<TaskStory, void> {
  for (const story of timeline.stories.values()) if (!story.isEdited) yield story;
}

/** What the process says of a claim on a task. */
export function attemptOf(timeline: Timeline, taskId: string, token: HistoryToken): Attempt | undefined {
  return timeline.activity.attempts.get(taskId, token);
}

/** What the database says of a claim on a task. */
export function tenureOf(timeline: Timeline, taskId: string, token: HistoryToken): Tenure | undefined {
  return timeline.tenures.get(taskId, token);
}

/** What the process that bore an owner id says; undefined when it told nothing. */
export function ownerLogOf(timeline: Timeline, owner: string): OwnerLog | undefined {
  return timeline.processes.owners.get(owner);
}

/** The life of an owner id; undefined when it was never registered. */
export function lifeOf(timeline: Timeline, owner: string): Life | undefined {
  return timeline.lives.get(owner);
}

/** Names the process of an owner for people. */
export function processNameOf(timeline: Timeline, owner: string): string | undefined {
  const log = ownerLogOf(timeline, owner)?.log;
  return log === undefined ? undefined : `${log.process}.${log.boot}`;
}
