// Which worker had nothing to do for how long, and when nothing was wrong: upper bounds of time hold only then.
import { countBelow } from "./bisect.ts";
import type { Life } from "./lives.ts";
import type { Attempt, ClaimCall } from "./process-log.ts";
import { LOSSES_BEFORE_ALONE } from "./story.ts";
import type { Timeline } from "./timeline.ts";

/** Answers questions about idle workers and quiet times. All times are of the database's clock. */
export interface Idleness {
  /** A worker that claims this type, polled all the time without a failure, and held nothing; null when there was none. */
  idleWorker(type: string, fromMs: number, toMs: number): Life | null;
  /** No fault was going on, and none had its after-effects. */
  isQuiet(fromMs: number, toMs: number): boolean;
}

interface Take {
  readonly atMs: number;
  readonly claim: number;
}

interface Span {
  readonly fromMs: number;
  toMs: number;
}

/** How long a process holds back other work for a task that must be alone. */
const PATIENCE_MS = 10_000;
/** More claims than this within one span are not looked through. */
const MOST_CLAIMS = 100_000;

/** Builds the answers; costs one pass over all claims. */
export function idlenessOf(timeline: Timeline): Idleness {
  const { takes, busy } = workOf(timeline);
  const unquiet = mergedSpans(unquietSpans(timeline));
  return {
    isQuiet: (fromMs, toMs) => !isTouched(unquiet, fromMs, toMs),
    idleWorker(type, fromMs, toMs) {
      for (const life of timeline.lives.values()) {
        const ofType = takes.get(`${life.owner} ${type}`);
        if (ofType === undefined || life.said?.hasZombies === true) continue;
        const from = ofType[countBelow(ofType, ({ atMs }) => atMs <= fromMs) - 1];
        const after = ofType[countBelow(ofType, ({ atMs }) => atMs < toMs)];
        if (from === undefined || after === undefined) continue;
        if (isTouched(busy.get(life.owner) ?? [], fromMs, toMs)) continue;
        if (polls(timeline, life, from.claim, after.claim)) return life;
      }
      return null;
    },
  };
}

function workOf({ stories, lives, activity, bounds }: Timeline): {
  readonly takes: ReadonlyMap<string, readonly Take[]>;
  readonly busy: ReadonlyMap<string, readonly Span[]>;
} {
  const takes = new Map<string, Take[]>();
  const spans = new Map<string, Span[]>();
  for (const { taskId, type, tenures } of stories.values()) {
    for (const { token, begin, end, isBorn } of tenures) {
      const endMs = end?.at.atMs ?? Number.POSITIVE_INFINITY;
      const executedMs = begin.atMs + executionMs(activity.attempts.get(taskId, token));
      // An executor may outlive the claim; its start is told on another clock, so that much is added.
      const toMs = executedMs > endMs ? executedMs + bounds.toleranceMs : endMs;
      push(spans, token.owner, { fromMs: begin.atMs, toMs });
      const call = lives.get(token.owner)?.said?.claims.get(token.claim);
      if (!isBorn && !isById(call))
        push(takes, `${token.owner} ${type}`, { atMs: begin.atMs, claim: token.claim });
    }
  }
  for (const list of takes.values()) list.sort((left, right) => left.atMs - right.atMs);
  const busy = new Map([...spans].map(([owner, list]) => [owner, mergedSpans(list)]));
  return { takes, busy };
}

/** How long an executor ran, 0 when it never began. */
function executionMs(attempt: Attempt | undefined): number {
  const begin = attempt?.starts.at(0);
  const end = attempt?.ends.at(-1);
  if (begin === undefined) return 0;
  return end === undefined ? Number.POSITIVE_INFINITY : end.monotonicMs - begin.monotonicMs;
}

function push<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

/** Faults with the time it takes to get over them, and tasks for which a process holds back the others. */
function unquietSpans({ faults, stories, settings, bounds }: Timeline): Span[] {
  const { leaseMs, heartbeatMs, pollIntervalMs } = settings;
  const recoveryMs = leaseMs + 2 * heartbeatMs + 2 * pollIntervalMs + bounds.retryCapMs + bounds.toleranceMs;
  const spans: Span[] = faults.all.map(({ fromMs, toMs, jumpMs }) => {
    const jump = Math.abs(jumpMs);
    return { fromMs: fromMs - jump - bounds.toleranceMs, toMs: toMs + jump + recoveryMs };
  });
  for (const { steps } of stories.values()) {
    steps.forEach(({ after, at }, place) => {
      if (after === null || after.lostAttempts < LOSSES_BEFORE_ALONE) return;
      const fromMs = after.owner === null ? after.dueAtMs : at.atMs;
      const untilMs = steps[place + 1]?.at.atMs ?? Number.POSITIVE_INFINITY;
      spans.push({ fromMs, toMs: untilMs + PATIENCE_MS + pollIntervalMs });
    });
  }
  return spans;
}

function mergedSpans(spans: Span[]): Span[] {
  const merged: Span[] = [];
  for (const { fromMs, toMs } of spans.sort((left, right) => left.fromMs - right.fromMs)) {
    const last = merged.at(-1);
    if (last !== undefined && fromMs <= last.toMs) last.toMs = Math.max(last.toMs, toMs);
    else merged.push({ fromMs, toMs });
  }
  return merged;
}

/** Whether any of the spans, which are in order and apart, touches the time asked for. */
function isTouched(spans: readonly Span[], fromMs: number, toMs: number): boolean {
  const span = spans[countBelow(spans, (one) => one.toMs < fromMs)];
  return span !== undefined && span.fromMs <= toMs;
}

/** Whether all claims between two of its numbers were answered in time, with no longer wait between them than a poll. */
function polls({ settings, bounds }: Timeline, life: Life, first: number, last: number): boolean {
  const claims = life.said?.claims;
  if (claims === undefined || last - first > MOST_CLAIMS) return false;
  let previousMs: number | null = null;
  for (let number = first; number <= last; number += 1) {
    const call = claims.get(number);
    if (call === undefined || isById(call)) continue;
    // Two claims in a row may stand between a task and its claim: the one that came too early, and the one that takes it.
    if (!isPrompt(call, bounds.toleranceMs / 2)) return false;
    const askedMs = call.invoke?.monotonicMs ?? 0;
    if (previousMs !== null && askedMs - previousMs > settings.pollIntervalMs + bounds.toleranceMs)
      return false;
    previousMs = askedMs;
  }
  return previousMs !== null;
}

/** Whoever asks for one task sees no other. */
function isById(call: ClaimCall | undefined): boolean {
  return call?.invoke?.event.byId === true;
}

function isPrompt({ invoke, answer }: ClaimCall, toleranceMs: number): boolean {
  if (invoke === null || answer === null || answer.event.seen !== "ok") return false;
  return answer.monotonicMs - invoke.monotonicMs <= toleranceMs;
}
