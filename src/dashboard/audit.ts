/** Who did what to which task: told on a channel, and to the application's logger. The store has it on record. */

import type { Logger } from "../run/reporter.ts";
import { Reporter } from "../run/reporter.ts";
import { safeError } from "../task/safe-error.ts";
import type { TelemetryEvents } from "../telemetry/channels.ts";

/** What a person did, or tried to do. */
export type OperatorAct = TelemetryEvents["operator.acted"];

const doneEvents = {
  redrive: "task.redriven",
  cancel: "task.cancelled",
  erase: "task.erased",
  delete: "task.deleted",
} as const;

/** Tells what people do. */
export class Audit {
  readonly #reporter: Reporter;

  constructor(logger: Logger | null) {
    this.#reporter = new Reporter(logger);
  }

  /** Tells one act, after the store has answered; also as the event of the operation where it was done. */
  acted(act: OperatorAct): void {
    this.#reporter.report("operator.acted", act);
    if (act.action === "reveal" || act.outcome !== "done") return;
    const { taskId, type, referenceId } = act;
    this.#reporter.report(doneEvents[act.action], { taskId, type, referenceId });
  }

  /** Tells that a request could not be answered. */
  failed(error: unknown): void {
    this.#reporter.report("dashboard.error", { error: safeError(error) });
  }
}
