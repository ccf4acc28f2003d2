/** The operations: what they are called, what they do in words, and how one is carried out. */
import type { Task, TaskState } from "../../task/task.ts";
import { badRequest } from "../refusal.ts";
import type { Visit } from "../visit.ts";

/** What can be done to a task. */
export type Action = "redrive" | "cancel" | "erase";

/** What became of one task: done, or the state it is in instead. */
export type Outcome = "done" | TaskState | "gone";

/** An operation in words. */
export interface ActionWords {
  /** "Redrive". */
  readonly verb: string;
  /** "redriven". */
  readonly participle: string;
  /** States in which it is possible. */
  readonly states: readonly TaskState[];
  /** What will happen to each task. */
  readonly effect: string;
}

/** The operations. */
export const actionWords: Readonly<Record<Action, ActionWords>> = {
  redrive: {
    verb: "Redrive",
    participle: "redriven",
    states: ["failed", "cancelled"],
    effect:
      "Each becomes pending in a new generation, due at once, with all its attempts ahead. It is executed again, so its executor must be idempotent under the id.",
  },
  cancel: {
    verb: "Cancel",
    participle: "cancelled",
    states: ["pending"],
    effect:
      "Each stops being owed, even while an attempt is under way: that goes on to its end and changes nothing. A cancelled task can be redriven.",
  },
  erase: {
    verb: "Erase the data of",
    participle: "erased",
    states: ["failed", "cancelled", "confirmed"],
    effect:
      "The data is removed for good, and the record stays. The task can never be run again, and a duplicate is recognised by its type alone.",
  },
};

/** Longest reason that is kept. */
const LONGEST_REASON = 500;

/** The action of a form. Throws Refusal. */
export function readAction(form: URLSearchParams): Action {
  const action = form.get("action");
  if (action === "redrive" || action === "cancel" || action === "erase") return action;
  throw badRequest("The form names no action.");
}

/** The reason of a form. */
export function readReason(form: URLSearchParams): string | null {
  const reason = (form.get("reason") ?? "").trim().slice(0, LONGEST_REASON).toWellFormed();
  return reason === "" ? null : reason;
}

/** Carries out an operation on the generation that was seen, and puts it on record. */
export async function carryOut(
  { store, audit, actor }: Visit,
  action: Action,
  task: Pick<Task, "taskId" | "type" | "referenceId" | "state">,
  generation: number,
  reason: string | null,
): Promise<Outcome> {
  const { taskId, type, referenceId, state } = task;
  const answer = await store[action](taskId, { generation });
  const outcome = answer.done ? "done" : answer.state;
  audit.acted({ actor, action, taskId, type, referenceId, generation, state, outcome, reason });
  return outcome;
}
