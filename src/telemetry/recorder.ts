/** Turns events into measurements; where they are kept is the business of a sink. */
import type { Clock } from "../ports/ports.ts";
import type { TelemetryEvents } from "./channels.ts";
import { type Listeners, listen } from "./listening.ts";
import { LabelSets, type Labels, type Measure, measures, noLabels } from "./measures.ts";

/** Where measurements go. */
export interface Sink {
  /** Adds to a counter. */
  add(measure: Measure, value: number, labels: Labels): void;
  /** Records one value of a histogram. */
  record(measure: Measure, value: number, labels: Labels): void;
}

/** What is remembered of claims is remembered until this many more came. */
const MOST_REMEMBERED = 10_000;

/** Records into a sink until the function that it answers is called. What goes wrong in the sink goes to `failed`. */
export function recordInto(sink: Sink, clock: Clock, failed: (error: unknown) => void): () => void {
  const recorder = new Recorder(sink, clock);
  for (const measure of [measures.claimsLost, measures.declaredDead]) sink.add(measure, 0, noLabels);
  return listen(recorder.listeners, failed);
}

class Recorder {
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #sets = new LabelSets();
  /** When a claim was answered, or an insert that claims was sent, on the monotonic clock. */
  readonly #claimedMs = new Map<string, number>();
  /** Attempts whose executors may have gone on, and whether the end of the attempt was written: what comes then is late. */
  readonly #outlived = new Map<string, boolean>();
  readonly listeners: Listeners;

  constructor(sink: Sink, clock: Clock) {
    this.#sink = sink;
    this.#clock = clock;
    this.listeners = {
      "enqueue.end": (event) => this.#enqueued(event),
      "claim.done": ({ owner, claim, tasks, durationMs }) => {
        this.#took(this.#sets.of("claim", null), durationMs);
        if (tasks > 0) this.#note(owner, claim, clock.monotonicMs());
      },
      "attempt.start": (event) => this.#started(event),
      "attempt.end": (event) => this.#ended(event),
      "flush.done": ({ durationMs, outcomes }) => {
        this.#took(this.#sets.of("flush", null), durationMs);
        sink.record(measures.flushSize, outcomes.length, noLabels);
      },
      "task.settled": (event) => this.#settled(event),
      "task.failed": ({ type, reason }) =>
        sink.add(measures.failed, 1, this.#sets.of("attempt", type, "owed.reason", reason)),
      "process.declared-dead": () => sink.add(measures.declaredDead, 1, noLabels),
    };
  }

  #took(labels: Labels, durationMs: number): void {
    this.#sink.record(measures.operation, durationMs / 1_000, labels);
  }

  #enqueued({ created, durationMs, birth, error }: TelemetryEvents["enqueue.end"]): void {
    const isError = error !== null;
    this.#took(
      isError ? this.#sets.of("enqueue", null, "error.type", "error") : this.#sets.of("enqueue", null),
      durationMs,
    );
    for (const [type, count] of created) this.#sink.add(measures.sent, count, this.#sets.of("enqueue", type));
    if (birth !== null) this.#note(birth.owner, birth.claim, this.#clock.monotonicMs() - durationMs);
  }

  #started(event: TelemetryEvents["attempt.start"]): void {
    const { type, path, attempt, ageMs, owner, claim } = event;
    const labels = this.#sets.of("attempt", type, "owed.path", path);
    this.#sink.add(measures.consumed, 1, labels);
    if (attempt > 1) return;
    const nowMs = this.#clock.monotonicMs();
    const waitedMs = ageMs + nowMs - (this.#claimedMs.get(claimKey(owner, claim)) ?? nowMs);
    this.#sink.record(measures.startDelay, waitedMs / 1_000, labels);
  }

  #ended(event: TelemetryEvents["attempt.end"]): void {
    const { type, outcome, durationMs, error, owner, claim, taskId } = event;
    const mayGoOn = outcome === "abandoned" || error?.code === "OWED_ATTEMPT_TIMEOUT";
    if (mayGoOn) keep(this.#outlived, `${claimKey(owner, claim)}/${taskId}`, false);
    const labels = this.#sets.of("attempt", type, "owed.outcome", outcome);
    this.#sink.record(measures.process, durationMs / 1_000, labels);
  }

  /** A claim that an operator's cancellation has ended was not lost, nor one that its own attempt has ended before. */
  #settled({ owner, claim, taskId, verdict, state }: TelemetryEvents["task.settled"]): void {
    if (verdict === "applied" && this.#outlived.size === 0) return; // almost always
    const key = `${claimKey(owner, claim)}/${taskId}`;
    const hasEndedBefore = this.#outlived.get(key);
    if (hasEndedBefore === false) this.#outlived.set(key, true);
    if (hasEndedBefore === true) this.#outlived.delete(key);
    else if (verdict !== "applied" && state !== "cancelled") this.#sink.add(measures.claimsLost, 1, noLabels);
  }

  #note(owner: string, claim: number, claimedMs: number): void {
    keep(this.#claimedMs, claimKey(owner, claim), claimedMs);
  }
}

/** Remembers the last ones. */
function keep<Value>(memory: Map<string, Value>, key: string, value: Value): void {
  memory.set(key, value);
  if (memory.size <= MOST_REMEMBERED) return;
  const [oldest] = memory.keys();
  if (oldest !== undefined) memory.delete(oldest);
}

function claimKey(owner: string, claim: number): string {
  return `${owner}/${claim}`;
}
