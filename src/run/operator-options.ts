/** What operators may say with an operation on one task, and what they are told when it is refused. */
import { InvalidInputError, TaskNotFoundError, TaskStateError } from "../errors.ts";
import type { Operator, OperatorAnswer, OperatorCall } from "../store/contract.ts";
import { checkNames, checkObject, optionNames, shown, wholeNumber } from "../task/option-checks.ts";

/** What was seen of a task by whoever decides about it. */
export interface OperatorOptions {
  /** Its generation then. When it is in another by now, nothing is changed, and TaskStateError is thrown. Default: whatever it is. */
  readonly generation?: number | undefined;
  /** Who does it: it is put on record with what came of it, and the task's story tells it. Default: no record. */
  readonly by?: ActingPerson | undefined;
}

/** A person who acts. */
export interface ActingPerson {
  /** Who it is: a name, an address. 1 to 200 characters. */
  readonly actor: string;
  /** By which way, in a word or two. Default `application`. */
  readonly via?: string | undefined;
  /** Why. Default: nothing is said. */
  readonly reason?: string | null | undefined;
}

const operatorOptions = optionNames<OperatorOptions>({ generation: true, by: true });
const personOptions = optionNames<ActingPerson>({ actor: true, via: true, reason: true });

const LONGEST = { actor: 200, via: 40, reason: 500 } as const;

/** Throws InvalidInputError unless `options` can be used. */
export function checkOperatorOptions(operation: string, options: OperatorOptions): OperatorCall {
  checkObject("options", options, "pass { generation, by } or nothing");
  checkNames(operation, options, operatorOptions);
  const { generation, by } = options;
  return {
    ...(generation === undefined ? {} : { generation: wholeNumber("generation", generation, 1) }),
    ...(by === undefined ? {} : { by: operatorOf(by) }),
  };
}

function operatorOf(by: ActingPerson): Operator {
  checkObject("by", by, "pass { actor, via, reason }");
  checkNames("by", by, personOptions);
  const { actor, via = "application", reason = null } = by;
  return {
    actor: checkText("actor", actor),
    via: checkText("via", via),
    reason: reason === null ? null : checkText("reason", reason),
  };
}

function checkText(name: keyof typeof LONGEST, text: unknown): string {
  const most = LONGEST[name];
  const isUsable =
    typeof text === "string" &&
    text !== "" &&
    text.length <= most &&
    text.isWellFormed() &&
    !text.includes("\0");
  if (isUsable) return text;
  throw new InvalidInputError(`by.${name}`, `is ${shown(text)}`, `give a text of 1 to ${most} characters`);
}

/** An operation on one task: in words, the states in which it is allowed, and what to do elsewhere. */
export interface Operation {
  readonly words: string;
  readonly states: readonly string[];
  readonly remedy: string;
}

/** Throws TaskNotFoundError, or TaskStateError that says why, unless the operation was done. */
export function checkAnswer(
  taskId: string,
  answer: OperatorAnswer,
  { words, states, remedy }: Operation,
  { generation }: OperatorCall,
): void {
  if (answer.done) return;
  if (answer.state === "gone") throw new TaskNotFoundError(taskId);
  const isAllowed = generation !== undefined && states.includes(answer.state);
  const moved = `look at it again, it may have left generation ${generation}; otherwise `;
  throw new TaskStateError(taskId, answer.state, words, `${isAllowed ? moved : ""}${remedy}`);
}
