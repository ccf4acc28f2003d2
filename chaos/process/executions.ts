// Tells the recorder when an attempt starts and how it ends, by what the executor did and what the engine says.
import { subscribe } from "node:diagnostics_channel";
import { digestOf } from "../../checker/digest.ts";
import type { HistoryToken, ProcessEventBody } from "../../checker/history.ts";
import { PermanentError } from "../../src/errors.ts";
import type { ClaimedTask } from "../../src/task/task.ts";
import type { TelemetryEvents } from "../../src/telemetry/channels.ts";
import type { Recorder } from "./recorder.ts";

interface Execution {
  readonly taskId: string;
  readonly token: HistoryToken;
  hasReturned: boolean;
  hasEnded: boolean;
  isPermanent: boolean;
}

type Outcome = Extract<ProcessEventBody, { readonly kind: "execution.end" }>["outcome"];

/** The executions of this process. */
export class Executions {
  readonly #recorder: Recorder;
  readonly #running = new Map<string, Execution>();

  constructor(recorder: Recorder) {
    this.#recorder = recorder;
    // The channel carries nothing else.
    subscribe("owed:attempt.end", (event) => this.#ended(event as TelemetryEvents["attempt.end"]));
  }

  /** Runs an executor and notes it; with `hasEffect`, that it has its effect once it is through. */
  async run(task: ClaimedTask, hasEffect: boolean, work: () => Promise<void>): Promise<void> {
    const { taskId, token } = task;
    const execution: Execution = { taskId, token, hasReturned: false, hasEnded: false, isPermanent: false };
    this.#running.set(keyOf(token.owner, token.claim, taskId), execution);
    this.#recorder.record({ kind: "execution.start", taskId, token, digest: digestOf(task.data) });
    let outcome: Outcome = "failed";
    try {
      await work();
      if (hasEffect) this.#recorder.record({ kind: "effect", taskId, token });
      outcome = "succeeded";
    } catch (error) {
      execution.isPermanent = isPermanent(error);
      throw error;
    } finally {
      execution.hasReturned = true;
      if (execution.hasEnded) this.#end(execution, outcome);
    }
  }

  #ended(event: TelemetryEvents["attempt.end"]): void {
    const execution = this.#running.get(keyOf(event.owner, event.claim, event.taskId));
    if (execution === undefined) return;
    execution.hasEnded = true;
    const timedOut = event.outcome === "failed" && !execution.hasReturned;
    this.#end(execution, timedOut ? "timed-out" : (event.outcome as Outcome)); // outcomes of the engine are a part of ours
  }

  #end(execution: Execution, outcome: Outcome): void {
    const { taskId, token, hasReturned, isPermanent: permanent } = execution;
    if (hasReturned) this.#running.delete(keyOf(token.owner, token.claim, taskId));
    const told = outcome === "failed" ? { permanent } : {};
    this.#recorder.record({ kind: "execution.end", taskId, token, outcome, ...told });
  }
}

/** Some of what executors throw here cannot be touched without harm. */
function isPermanent(error: unknown): boolean {
  try {
    return error instanceof PermanentError;
  } catch {
    return false;
  }
}

function keyOf(owner: string, claim: number, taskId: string): string {
  return `${owner}/${claim}/${taskId}`;
}
