/** What the engine publishes on diagnostics_channel. Free while nobody listens. */
import { type Channel, channel } from "node:diagnostics_channel";

import type { FailureReason, RecordedError, TaskState } from "../task/task.ts";

/** All events by name; each is published on the channel `owed:<name>`. None carries task data. */
export interface TelemetryEvents {
  /** A statement that enqueues is about to be sent. */
  "enqueue.start": EnqueueStatement;
  /** It was answered, or failed. Nothing of it is committed yet. */
  "enqueue.end": EnqueueEnd;
  /** Tasks were written in a transaction that is not yet committed. */
  "enqueue.done": { readonly created: number; readonly existing: number; readonly bornClaimed: number };
  /** A claim statement was answered. */
  "claim.done": {
    readonly owner: string;
    readonly claim: number;
    readonly tasks: number;
    readonly durationMs: number;
  };
  /** An attempt starts. `ageMs`: for how long this generation of the task had been due when it was claimed; 0 when it was born claimed. */
  "attempt.start": AttemptEvent & Beginning & { readonly ageMs: number };
  "attempt.end": AttemptEvent & {
    readonly outcome: string;
    readonly durationMs: number;
    /** What the executor threw; null when it did not. */
    readonly error: RecordedError | null;
  };
  /** Outcomes were written by one statement; `task.settled` follows for each that is not busy. */
  "flush.done": { readonly durationMs: number; readonly outcomes: readonly FlushedOutcome[] };
  /** An executor ignored its signal and holds its slot beyond the timeout. */
  "attempt.zombie": AttemptEvent & { readonly zombies: number };
  /** An outcome was written; `state` is where the task stands. */
  "task.settled": AttemptEvent & { readonly verdict: string; readonly state: string };
  /** A task ended as failed: somebody must look. */
  "task.failed": AttemptEvent & { readonly reason: FailureReason; readonly error: RecordedError };
  /** An operator cancelled a pending task; an attempt under way learns it when it ends. */
  "task.cancelled": TaskName;
  /** An operator made a failed or cancelled task pending again, as a new generation. */
  "task.redriven": TaskName;
  /** An operator removed the data of a settled task; its record stays. */
  "task.erased": TaskName;
  /** An operator deleted a failed or cancelled task. */
  "task.deleted": TaskName;
  /** A person who was named did something, or tried to: `outcome` is `done`, or where the task stood instead. The store has it on record. */
  "operator.acted": {
    /** Who: as `authorize` named them, the account that ran the command, or what the application said. */
    readonly actor: string;
    /** `dashboard`, `command`, or what the application calls its own way. */
    readonly via: string;
    readonly action: "redrive" | "cancel" | "erase" | "delete" | "reveal";
    readonly taskId: string;
    readonly type: string | null;
    readonly referenceId: string | null;
    /** The generation the person saw, a redrive begins the next; null when none was named. */
    readonly generation: number | null;
    /** The state before; null where nobody has looked. */
    readonly state: TaskState | null;
    readonly outcome: "done" | TaskState | "gone";
    /** What the person gave as the reason. */
    readonly reason: string | null;
  };
  /** The dashboard could not answer a request. */
  "dashboard.error": { readonly error: RecordedError };
  /** Confirmed and cancelled tasks were deleted after their retention; told for each deletion that found any. */
  "prune.done": { readonly tasks: number };
  "process.registered": { readonly owner: string };
  /**
   * A heartbeat was sent so many milliseconds after its time, a whole interval or more: something held the event loop,
   * or the process was paused. `owner` is null while none is in force.
   */
  "process.blocked": { readonly owner: string | null; readonly lateMs: number };
  /** This process was declared dead by another; its claims are void and it took a new id. */
  "process.lost": { readonly owner: string };
  /** This process took itself out of the registry as it stopped. */
  "process.removed": { readonly owner: string };
  /** This process declared another dead. */
  "process.declared-dead": { readonly owner: string };
  /** Failures in a row, or a probe that failed, opened a circuit breaker of this process. `key` is null when it stops the whole type. */
  "breaker.opened": {
    readonly type: string;
    readonly key: string | null;
    readonly failures: number;
    /** How often it has opened since it was last closed. */
    readonly openings: number;
    readonly coolDownMs: number;
    /** The last failure that counted. */
    readonly error: RecordedError | null;
  };
  /** It has been open for long enough: probes go through. */
  "breaker.half-opened": { readonly type: string; readonly key: string | null };
  /** A probe succeeded. */
  "breaker.closed": { readonly type: string; readonly key: string | null };
  "worker.started": { readonly concurrency: number; readonly types: readonly string[] | "all" };
  "worker.stopped": { readonly clean: boolean };
  /**
   * Types with pending tasks that no live process executes. A worker looks once a minute; told when they change, and
   * every hour while they last.
   */
  "types.orphaned": { readonly types: readonly string[] };
  /** An operation of the engine's own failed; it is tried again until `store.recovered`. */
  "store.unavailable": { readonly operation: string; readonly error: RecordedError };
  /** It has been failing all the while; told every minute, for each operation. `start` is that of a worker. */
  "store.still-unavailable": {
    readonly operation: string;
    readonly error: RecordedError;
    readonly failingForMs: number;
  };
  "store.recovered": { readonly operation: string };
  /** The database was restarted, restored, or replaced by a standby; rows that came back are looked for. */
  "store.restarted": { readonly owner: string };
  "store.warning": { readonly warning: string };
  /** This worker hears of work that other processes leave, beside its polling. */
  "wake-ups.on": Readonly<Record<string, never>>;
  /** It does not any more; polling goes on, and it tries to listen again until `wake-ups.on`. */
  "wake-ups.lost": { readonly error: RecordedError };
  /** It cannot, and tries no more: a transaction pooler stands in between, as was said (`pooler`) or as a test shows (`unheard`). */
  "wake-ups.off": { readonly reason: "pooler" | "unheard" };
  /** The engine itself threw while it advanced a task: a bug, please report it. The task will be claimed again. */
  "engine.error": AttemptEvent & { readonly error: RecordedError };
  /** A hook of the application threw. */
  "hook.error": AttemptEvent & { readonly hook: string; readonly error: RecordedError };
}

/** Names a task; what is not known when nothing more was read of it is null. */
export interface TaskName {
  readonly taskId: string;
  readonly type: string | null;
  readonly referenceId: string | null;
}

/** Something that begins. */
export interface Beginning {
  /**
   * Has what begins run inside `around`, so that a listener can make a context the active one there. `around` calls what
   * it is given, at once. Whatever it does, what begins runs once, and its value and its error pass it by.
   */
  readonly within: (around: (run: () => void) => void) => void;
}

/** One statement that enqueues, of one call or of a part of it. */
export interface EnqueueStatement extends Beginning {
  /** How many tasks. */
  readonly tasks: number;
  /** Their type; null when they are of several. */
  readonly type: string | null;
  /** The id and the reference of a single task; null for several. */
  readonly taskId: string | null;
  readonly referenceId: string | null;
  /**
   * Writes headers into each task that has none of these names: trace context. What would be too much for a task is left
   * out, the last ones first; nothing is thrown.
   */
  readonly addHeaders: (headers: Readonly<Record<string, string>>) => void;
}

/** How a statement that enqueues ended. */
export interface EnqueueEnd {
  /** The same object as at the start. */
  readonly statement: EnqueueStatement;
  readonly durationMs: number;
  /** How many tasks of each type are new; empty when it failed. */
  readonly created: ReadonlyMap<string, number>;
  /** How many stood already. */
  readonly existing: number;
  /** The claim of those that were born claimed; null when none was. */
  readonly birth: { readonly owner: string; readonly claim: number } | null;
  /** Why it failed; null when it did not. */
  readonly error: RecordedError | null;
}

/** One outcome that was written, by the claim that it ends. */
export interface FlushedOutcome {
  readonly taskId: string;
  readonly owner: string;
  readonly claim: number;
  readonly verdict: string;
  readonly state: string;
}

/** Names one attempt. */
export interface AttemptEvent {
  readonly taskId: string;
  readonly type: string;
  readonly referenceId: string | null;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly attempt: number;
  readonly owner: string;
  readonly claim: number;
  readonly generation: number;
  readonly path: "fast" | "worker" | "direct";
}

const channels = new Map<string, Channel>();

function channelOf(name: keyof TelemetryEvents): Channel {
  let found = channels.get(name);
  if (found === undefined) {
    found = channel(`owed:${name}`);
    channels.set(name, found);
  }
  return found;
}

/** Whether anybody subscribes to an event. */
export function isHeard(name: keyof TelemetryEvents): boolean {
  return channelOf(name).hasSubscribers;
}

/** Publishes an event on its channel. Subscribers that throw are reported by the runtime and harm nobody here. */
export function publish<Name extends keyof TelemetryEvents>(name: Name, event: TelemetryEvents[Name]): void {
  const target = channelOf(name);
  if (target.hasSubscribers) target.publish(event);
}
