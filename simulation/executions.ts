// What runs: tells the recorder when an attempt starts and how it ends, by what the executor did and what the engine says.
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { digestOf } from "../checker/digest.ts";
import type { ProcessEventBody } from "../checker/history.ts";
import { AttemptAbortedError, PermanentError } from "../src/errors.ts";
import type { ClaimedTask } from "../src/task/task.ts";
import type { TelemetryEvents } from "../src/telemetry/channels.ts";
import type { PlannedType } from "./plan.ts";
import type { Recorder } from "./recorder.ts";
import type { SimulatedProcess } from "./simulated-process.ts";

/** One call of an executor. */
export interface Execution {
  readonly process: SimulatedProcess;
  readonly task: ClaimedTask;
  hasReturned: boolean;
  /** The engine has taken the attempt as ended. */
  hasEnded: boolean;
  /** What the executor threw. */
  thrown: Error | null;
}

type Outcome = Extract<ProcessEventBody, { readonly kind: "execution.end" }>["outcome"];

const outcomes: ReadonlySet<string> = new Set([
  "succeeded",
  "failed",
  "deferred",
  "abandoned",
  "undecodable",
]);

/** All executions of a run, the ended ones forgotten. */
export class Executions {
  readonly #recorder: Recorder;
  readonly #running = new Map<string, Execution>();

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
  }

  /** How many have not returned, or not ended. */
  get size(): number {
    return this.#running.size;
  }

  /** Listens to what the engine publishes; answers how to stop listening. */
  listen(): () => void {
    const onEnd = (message: unknown): void => this.#ended(message as TelemetryEvents["attempt.end"]); // the channel carries nothing else
    subscribe("owed:attempt.end", onEnd);
    return () => void unsubscribe("owed:attempt.end", onEnd);
  }

  /** The executor was called. */
  start(process: SimulatedProcess, task: ClaimedTask): Execution {
    const execution = { process, task, hasReturned: false, hasEnded: false, thrown: null };
    const key = keyOf(task.token.owner, task.token.claim, task.taskId);
    if (this.#running.has(key)) this.#recorder.note("one claim executed twice");
    this.#running.set(key, execution);
    const { taskId, token, data } = task;
    this.#recorder.record(process, { kind: "execution.start", taskId, token, digest: digestOf(data) });
    return execution;
  }

  /** No more of a key run at once in a process than its type allows. */
  checkKey({ process, task }: Execution, types: readonly PlannedType[]): void {
    const most = types.find(({ name }) => name === task.type)?.concurrencyPerKey;
    if (most === undefined || task.key === null) return;
    const together = [...this.#running.values()].filter(
      (other) =>
        !other.hasEnded &&
        other.process === process &&
        other.task.type === task.type &&
        other.task.key === task.key,
    );
    if (together.length === most) this.#recorder.note("key at its limit");
    if (together.length <= most) return;
    const names = together.map((other) => other.task.taskId).join(", ");
    this.#recorder.problems.push(`limit: ${names} of one key ran at once; at most ${most} may`);
  }

  /** The executor returned, or threw. */
  returned(execution: Execution, thrown: Error | null): void {
    const succeeded = thrown === null;
    execution.hasReturned = true;
    execution.thrown = thrown;
    if (!execution.hasEnded) return;
    this.#recorder.note(succeeded ? "zombie succeeded" : "zombie failed");
    this.#end(execution, succeeded ? "succeeded" : "failed");
  }

  #ended(event: TelemetryEvents["attempt.end"]): void {
    const execution = this.#running.get(keyOf(event.owner, event.claim, event.taskId));
    if (execution === undefined || !outcomes.has(event.outcome)) return;
    execution.hasEnded = true;
    if (isStopped(execution.thrown) && event.outcome !== "abandoned") {
      this.#recorder.problems.push(`G16: an attempt that a stop aborted counts as ${event.outcome}`);
    }
    this.#recorder.note(`executed on the ${event.path} path`);
    const timedOut = event.outcome === "failed" && !execution.hasReturned;
    this.#recorder.note(timedOut ? "attempt timed out" : `attempt ${event.outcome}`);
    this.#end(execution, timedOut ? "timed-out" : (event.outcome as Outcome)); // it is in the set
  }

  #end(execution: Execution, outcome: Outcome): void {
    const { process, task } = execution;
    if (execution.hasReturned) this.#running.delete(keyOf(task.token.owner, task.token.claim, task.taskId));
    const named = { taskId: task.taskId, token: task.token };
    const permanent = outcome === "failed" ? { permanent: execution.thrown instanceof PermanentError } : {};
    this.#recorder.record(process, { kind: "execution.end", ...named, outcome, ...permanent });
  }
}

/** Whether the executor gave up because its process stops. */
function isStopped(thrown: Error | null): boolean {
  return thrown instanceof AttemptAbortedError && thrown.message.includes("stopping");
}

function keyOf(owner: string, claim: number, taskId: string): string {
  return `${owner}/${claim}/${taskId}`;
}
