/** The operations: what they are called, what they do in words, and how one is carried out. */
import type { Operator } from "../../store/contract.ts";
import type { Task, TaskState } from "../../task/task.ts";
import { badRequest } from "../refusal.ts";
import type { Visit } from "../visit.ts";

/** What can be done to a task. */
export type Action = "redrive" | "cancel" | "erase" | "delete";

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
  delete: {
    verb: "Delete",
    participle: "deleted",
    states: ["failed", "cancelled"],
    effect:
      "Each is removed for good, with its data and the story of its attempts; the balance counts it as pruned, and what people did to it stays on record. Its id is free again: whoever enqueues it once more has it executed.",
  },
};

/** Longest reason that is kept. */
const LONGEST_REASON = 500;
/** Longest name of a person that is kept. */
const LONGEST_ACTOR = 200;

/** An action that takes something away for good. */
export function isFinal(action: Action): boolean {
  return action === "erase" || action === "delete";
}

/** The action of a form. Throws Refusal. */
export function readAction(form: URLSearchParams): Action {
  const action = actions.find((one) => one === form.get("action"));
  if (action !== undefined) return action;
  throw badRequest("The form names no action.");
}

const actions: readonly Action[] = ["redrive", "cancel", "erase", "delete"];

/** The reason of a form. */
export function readReason(form: URLSearchParams): string | null {
  const reason = storable((form.get("reason") ?? "").trim(), LONGEST_REASON);
  return reason === "" ? null : reason;
}

/** A text as every database can keep it. */
function storable(text: string, longest: number): string {
  return text.slice(0, longest).toWellFormed().replaceAll("\0", "\ufffd");
}

/** The person who visits, for the record. */
export function operatorOf({ actor }: Pick<Visit, "actor">, reason: string | null): Operator {
  return { actor: storable(actor, LONGEST_ACTOR), via: "dashboard", reason };
}

/** Carries out an operation on the generation that was seen; the store puts it on record. */
export async function carryOut(
  visit: Pick<Visit, "store" | "audit" | "actor">,
  action: Action,
  task: Pick<Task, "taskId" | "type" | "referenceId" | "state">,
  generation: number,
  reason: string | null,
): Promise<Outcome> {
  const { taskId, type, referenceId, state } = task;
  const by = operatorOf(visit, reason);
  const answer = await visit.store[action](taskId, { generation, by });
  const outcome = answer.done ? "done" : answer.state;
  visit.audit.acted({ ...by, action, taskId, type, referenceId, generation, state, outcome });
  return outcome;
}
