/** What operators may say with an operation on one task, and what they are told when it is refused. */
import { TaskNotFoundError, TaskStateError } from "../errors.ts";
import type { OperatorAnswer } from "../store/contract.ts";
import { checkNames, checkObject, optionNames, wholeNumber } from "../task/option-checks.ts";

/** What was seen of a task by whoever decides about it. */
export interface OperatorOptions {
  /** Its generation then. When it is in another by now, nothing is changed, and TaskStateError is thrown. Default: whatever it is. */
  readonly generation?: number | undefined;
}

const operatorOptions = optionNames<OperatorOptions>({ generation: true });

/** Throws InvalidInputError unless `options` can be used. */
export function checkOperatorOptions(operation: string, options: OperatorOptions): OperatorOptions {
  checkObject("options", options, "pass { generation } or nothing");
  checkNames(operation, options, operatorOptions);
  const { generation } = options;
  return generation === undefined ? {} : { generation: wholeNumber("generation", generation, 1) };
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
  { generation }: OperatorOptions,
): void {
  if (answer.done) return;
  if (answer.state === "gone") throw new TaskNotFoundError(taskId);
  const isAllowed = generation !== undefined && states.includes(answer.state);
  const moved = `look at it again, it may have left generation ${generation}; otherwise `;
  throw new TaskStateError(taskId, answer.state, words, `${isAllowed ? moved : ""}${remedy}`);
}
