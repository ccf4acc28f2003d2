/** Spans of OpenTelemetry: enqueues, attempts, claims and flushes. They name tasks, and hold nothing of their data. */
import {
  type Attributes,
  type Context,
  context,
  isSpanContextValid,
  type Link,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { Clock } from "../../ports/ports.ts";
import type { RecordedError } from "../../task/task.ts";
import type { EnqueueStatement, TelemetryEvents } from "../channels.ts";
import { type Listeners, listen } from "../listening.ts";
import { remoteSpan, traceHeaders } from "./trace-headers.ts";

/** In which trace an attempt stands: that of the enqueue, or one of its own that is linked to it. */
export type AttemptTrace = "enqueue" | "own";

/** A recorded attempt that is not written yet. */
interface OpenAttempt {
  readonly span: Span;
  readonly startedMs: number;
  /** When its executor had ended. */
  endedMs: number | null;
}

/** Attempts that are open at once; a process has fewer, and what was never written must not pile up. */
const MOST_OPEN = 10_000;
/** Most links of one flush: what SDKs keep by default. */
const MOST_LINKS = 128;

/** Traces until the function that it answers is called; attempts that are open then are ended there. */
export function traceWith(
  tracer: Tracer,
  clock: Clock,
  attemptTrace: AttemptTrace,
  failed: (error: unknown) => void,
): () => void {
  const tracing = new Tracing(tracer, clock, attemptTrace);
  const stop = listen(tracing.listeners, failed);
  return () => {
    stop();
    tracing.end();
  };
}

class Tracing {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  readonly #attemptTrace: AttemptTrace;
  readonly #enqueues = new WeakMap<EnqueueStatement, Span>();
  readonly #attempts = new Map<string, OpenAttempt>();
  readonly listeners: Listeners = {
    "enqueue.start": (statement) => this.#enqueueStarts(statement),
    "enqueue.end": (event) => this.#enqueueEnds(event),
    "attempt.start": (event) => this.#attemptStarts(event),
    "attempt.end": (event) => this.#attemptEnds(event),
    "task.settled": (event) => this.#settled(event),
    "claim.done": (event) => this.#claimed(event),
    "flush.done": (event) => this.#flushed(event),
  };

  constructor(tracer: Tracer, clock: Clock, attemptTrace: AttemptTrace) {
    this.#tracer = tracer;
    this.#clock = clock;
    this.#attemptTrace = attemptTrace;
  }

  /** Ends what is open. */
  end(): void {
    for (const { span, endedMs } of this.#attempts.values()) span.end(endedMs ?? undefined);
    this.#attempts.clear();
  }

  #enqueueStarts(statement: EnqueueStatement): void {
    const { tasks, type, taskId, referenceId } = statement;
    const attributes = attributesOf("enqueue", "send", type, null);
    if (tasks > 1) attributes["messaging.batch.message_count"] = tasks;
    nameTask(attributes, taskId, referenceId);
    const span = this.#tracer.startSpan(spanName("enqueue", type), { kind: SpanKind.PRODUCER, attributes });
    this.#enqueues.set(statement, span);
    if (!isSpanContextValid(span.spanContext())) return;
    const around = trace.setSpan(context.active(), span);
    statement.within((run) => context.with(around, run));
    statement.addHeaders(traceHeaders(span.spanContext()));
  }

  #enqueueEnds({ statement, existing, error }: TelemetryEvents["enqueue.end"]): void {
    const span = this.#enqueues.get(statement);
    if (span === undefined) return;
    if (existing > 0) span.setAttribute("owed.existing", existing);
    if (error !== null) markFailed(span, error);
    span.end();
  }

  #attemptStarts(event: TelemetryEvents["attempt.start"]): void {
    const { type, taskId, referenceId, owner, attempt, generation, path } = event;
    const enqueued = remoteSpan(event.headers);
    const isChild = enqueued !== null && this.#attemptTrace === "enqueue";
    const parent = isChild ? trace.setSpanContext(ROOT_CONTEXT, enqueued) : ROOT_CONTEXT;
    const startedMs = this.#clock.wallMs();
    const links = enqueued === null ? [] : [{ context: enqueued }];
    const attributes = attributesOf("attempt", "process", type, null);
    const options = { kind: SpanKind.CONSUMER, startTime: startedMs, links, attributes };
    const span = this.#tracer.startSpan(spanName("attempt", type), options, parent);
    const around = trace.setSpan(parent, span);
    // Without an SDK there is nothing to be made active, which would cost every promise of the process.
    if (isSpanContextValid(span.spanContext())) event.within((run) => context.with(around, run));
    if (!span.isRecording()) return;
    const details: Attributes = { "messaging.client.id": owner };
    nameTask(details, taskId, referenceId);
    details["owed.attempt"] = attempt;
    details["owed.generation"] = generation;
    details["owed.path"] = path;
    span.setAttributes(details);
    this.#keep(attemptKey(event), { span, startedMs, endedMs: null });
  }

  #keep(key: string, attempt: OpenAttempt): void {
    this.#attempts.set(key, attempt);
    if (this.#attempts.size <= MOST_OPEN) return;
    for (const [oldest, { span, endedMs }] of this.#attempts) {
      span.end(endedMs ?? undefined);
      this.#attempts.delete(oldest);
      return;
    }
  }

  #attemptEnds(event: TelemetryEvents["attempt.end"]): void {
    const open = this.#attempts.get(attemptKey(event));
    if (open === undefined) return;
    const { outcome, durationMs, error } = event;
    open.endedMs = open.startedMs + durationMs;
    open.span.setAttribute("owed.outcome", outcome);
    if (error !== null && outcome !== "deferred") markFailed(open.span, error);
  }

  /** The span ends when its executor did; it is told once it is known where the task stands. */
  #settled(event: TelemetryEvents["task.settled"]): void {
    const key = attemptKey(event);
    const open = this.#attempts.get(key);
    if (open === undefined) return;
    this.#attempts.delete(key);
    open.span.setAttributes({ "owed.state": event.state, "owed.verdict": event.verdict });
    open.span.end(open.endedMs ?? undefined);
  }

  #claimed({ owner, tasks, durationMs }: TelemetryEvents["claim.done"]): void {
    if (tasks === 0) return; // an idle worker looks all the time
    const attributes = attributesOf("claim", "receive", null, owner);
    attributes["messaging.batch.message_count"] = tasks;
    this.#told("claim", durationMs, attributes, ROOT_CONTEXT, []);
  }

  /** A flush of one outcome is part of its attempt; one of many is linked to each, as far as links go. */
  #flushed({ durationMs, outcomes }: TelemetryEvents["flush.done"]): void {
    const spans: Span[] = [];
    for (const outcome of outcomes) {
      const open = this.#attempts.get(attemptKey(outcome));
      if (open !== undefined) spans.push(open.span);
      if (spans.length === MOST_LINKS) break;
    }
    const [first] = spans;
    const isOfOne = outcomes.length === 1 && first !== undefined;
    const parent = isOfOne ? trace.setSpan(ROOT_CONTEXT, first) : ROOT_CONTEXT;
    const links = isOfOne ? [] : spans.map((span) => ({ context: span.spanContext() }));
    const attributes = attributesOf("flush", "settle", null, outcomes[0]?.owner ?? null);
    attributes["messaging.batch.message_count"] = outcomes.length;
    this.#told("flush", durationMs, attributes, parent, links);
  }

  /** A span of what is over. */
  #told(name: string, durationMs: number, attributes: Attributes, parent: Context, links: Link[]): void {
    const endedMs = this.#clock.wallMs();
    const options = { kind: SpanKind.CLIENT, startTime: endedMs - durationMs, attributes, links };
    this.#tracer.startSpan(name, options, parent).end(endedMs);
  }
}

function attemptKey({
  owner,
  claim,
  taskId,
}: {
  readonly owner: string;
  readonly claim: number;
  readonly taskId: string;
}): string {
  return `${owner}/${claim}/${taskId}`;
}

function spanName(operation: string, type: string | null): string {
  return type === null ? operation : `${operation} ${type}`;
}

/** Attributes to add to. Nothing here is spread, which is dear: every attempt needs them. */
function attributesOf(
  operation: string,
  kind: string,
  type: string | null,
  owner: string | null,
): Attributes {
  const attributes: Attributes = {
    "messaging.system": "owed",
    "messaging.operation.name": operation,
    "messaging.operation.type": kind,
  };
  if (type !== null) attributes["messaging.destination.name"] = type;
  if (owner !== null) attributes["messaging.client.id"] = owner;
  return attributes;
}

function nameTask(attributes: Attributes, taskId: string | null, referenceId: string | null): void {
  if (taskId !== null) attributes["messaging.message.id"] = taskId;
  if (referenceId !== null) attributes["messaging.message.conversation_id"] = referenceId;
}

/** What kind of error it was; its message may hold anything, and stays in the database. */
function markFailed(span: Span, { code, name }: RecordedError): void {
  span.setAttribute("error.type", code ?? name);
  span.setStatus({ code: SpanStatusCode.ERROR });
}
