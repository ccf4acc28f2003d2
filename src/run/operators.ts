/** What people do to one task: asked of the store, told to the world, refused with an error that says why. */
import type { OperatorCall, Store } from "../store/contract.ts";
import { checkTaskId } from "../task/identifier.ts";
import type { TaskName, TelemetryEvents } from "../telemetry/channels.ts";
import {
  checkAnswer,
  checkOperatorOptions,
  type Operation,
  type OperatorOptions,
} from "./operator-options.ts";
import type { Reporter } from "./reporter.ts";

type Action = "cancel" | "redrive" | "erase" | "delete";

type OperationEvent = "task.cancelled" | "task.redriven" | "task.erased" | "task.deleted";

const operations: Readonly<Record<Action, Operation & { readonly event: OperationEvent }>> = {
  cancel: {
    words: "cancel",
    states: ["pending"],
    remedy: "only a pending task can be cancelled",
    event: "task.cancelled",
  },
  redrive: {
    words: "redrive",
    states: ["failed", "cancelled"],
    remedy: "only a failed or cancelled task can be redriven",
    event: "task.redriven",
  },
  erase: {
    words: "erase the data of",
    states: ["confirmed", "failed", "cancelled"],
    remedy: "cancel it first, a pending task still needs its data",
    event: "task.erased",
  },
  delete: {
    words: "delete",
    states: ["failed", "cancelled"],
    remedy: "only a failed or cancelled task can be deleted",
    event: "task.deleted",
  },
};

/** The operations of one scheduler. Each throws TaskNotFoundError, or TaskStateError, unless it was done. */
export class Operators {
  readonly #store: () => Store;
  readonly #reporter: Reporter;

  /** @param store throws once the scheduler was stopped */
  constructor(store: () => Store, reporter: Reporter) {
    this.#store = store;
    this.#reporter = reporter;
  }

  readonly cancel = (taskId: string, options: OperatorOptions): Promise<void> =>
    this.#act("cancel", taskId, options);
  readonly redrive = (taskId: string, options: OperatorOptions): Promise<void> =>
    this.#act("redrive", taskId, options);
  readonly erase = (taskId: string, options: OperatorOptions): Promise<void> =>
    this.#act("erase", taskId, options);
  readonly delete = (taskId: string, options: OperatorOptions): Promise<void> =>
    this.#act("delete", taskId, options);

  async #act(action: Action, taskId: string, options: OperatorOptions): Promise<void> {
    const call = checkOperatorOptions(action, options);
    const operation = operations[action];
    const name = await this.#nameOf(checkTaskId(taskId), operation.event);
    const answer = await this.#store()[action](taskId, call);
    this.#tell(action, name, call, answer.done ? "done" : answer.state);
    // A redrive is refused in a state that allows it when the data is gone.
    const isErased = action === "redrive" && !answer.done && operation.states.includes(answer.state);
    const erased = "its data was erased, so enqueue the work anew under another taskId";
    checkAnswer(taskId, answer, isErased ? { ...operation, remedy: erased } : operation, call);
    this.#reporter.report(operation.event, name);
  }

  /** By what a task is told of: read only where somebody hears of it, and before it may be gone. */
  async #nameOf(taskId: string, event: OperationEvent): Promise<TaskName> {
    const isHeard = this.#reporter.hears(event) || this.#reporter.hears("operator.acted");
    const task = isHeard
      ? await this.#store()
          .get(taskId)
          .catch(() => null)
      : null; // what it is called decides nothing
    return { taskId, type: task?.type ?? null, referenceId: task?.referenceId ?? null };
  }

  #tell(
    action: Action,
    name: TaskName,
    { by, generation }: OperatorCall,
    outcome: TelemetryEvents["operator.acted"]["outcome"],
  ): void {
    if (by === undefined) return;
    const isRefused = outcome !== "done" && outcome !== "gone";
    const state = isRefused ? outcome : action === "cancel" && outcome === "done" ? "pending" : null;
    const seen = generation ?? null;
    this.#reporter.report("operator.acted", { ...by, action, ...name, generation: seen, state, outcome });
  }
}
