/** A task definition: the type, the shape of its data, and what holds for all tasks of that type. */
import { DataInvalidError, InvalidInputError } from "../errors.ts";
import { checkType } from "./identifier.ts";
import { decodeJson, JSON_CODEC } from "./json-codec.ts";
import { checkFunction, checkNames, checkObject, optionNames, shown } from "./option-checks.ts";
import { defaultRetryPolicy, type RetryOptions, retryPolicy } from "./policy.ts";
import {
  issueLines,
  type SchemaInput,
  type SchemaOutput,
  type SchemaResult,
  type StandardSchema,
} from "./standard-schema.ts";
import type { DuplicatePolicy } from "./task.ts";

/** What a definition can say. */
export interface DefinitionOptions extends RetryOptions {
  /** Names what is to be done, for example `receipt.send`; 1 to 200 bytes. Stored with each task: choose it to last. */
  readonly type: string;
  /**
   * When a task of that taskId stands already. `"compare"` (default): same type and data answers `created: false`,
   * other content throws TaskConflictError. `"throw"`: throws TaskExistsError. `"keep"`: answers `created: false`
   * whatever stands.
   */
  readonly onDuplicate?: DuplicatePolicy | undefined;
}

/** What names the key of a task by the data that is enqueued: 1 to 200 bytes. It must not change the data, nor be async. */
interface KeyOption<Input> {
  /**
   * By what tasks of this type are told apart, a merchant for example: `key: (data) => data.merchantId`. Executors can limit how
   * many of one key run at once, and stop for one key whose dependency is down. An enqueue can name another.
   */
  readonly key?: ((data: Input) => string) | undefined;
}

const definitionOptions = optionNames<DefinitionOptions & KeyOption<unknown> & { readonly data?: unknown }>({
  type: true,
  data: true,
  key: true,
  onDuplicate: true,
  backoff: true,
  maxFailedAttempts: true,
  retryForMs: true,
  maxLostAlone: true,
});

/** A definition, ready to enqueue with and to give an executor to. */
export interface TaskDefinition<Input = unknown, Output = unknown> {
  readonly type: string;
  readonly schema: StandardSchema<Input, Output> | null;
  readonly retry: RetryOptions;
  readonly onDuplicate: DuplicatePolicy;
  /** Names the key of a task by its data; absent when tasks of the type have none. A method, so that any definition is one of unknown data. */
  key?(data: Input): string;
}

/**
 * Defines a type of task. With `data`, any Standard Schema, data is validated when it is enqueued and again when it is
 * executed: enqueue takes the schema's input, the executor gets its output. Without it the data is not looked into.
 * Throws InvalidInputError.
 */
export function defineTask<Schema extends StandardSchema>(
  options: DefinitionOptions & { readonly data: Schema } & KeyOption<NoInfer<SchemaInput<Schema>>>,
): TaskDefinition<SchemaInput<Schema>, SchemaOutput<Schema>>;
export function defineTask<Data = unknown>(
  options: DefinitionOptions & { readonly data?: undefined } & KeyOption<Data>,
): TaskDefinition<Data, Data>;
export function defineTask(
  options: DefinitionOptions & { readonly data?: StandardSchema | undefined } & KeyOption<never>,
): TaskDefinition<unknown, unknown> {
  checkObject("options", options, "pass { type } and what else holds for it");
  checkNames("defineTask", options, definitionOptions);
  const type = checkType(options.type);
  const schema = options.data === undefined ? null : options.data;
  if (options.data !== undefined && typeof schema?.["~standard"]?.validate !== "function") {
    throw new InvalidInputError(
      "data",
      "is no Standard Schema",
      "pass a schema of zod, valibot, arktype, or leave it out",
    );
  }
  const onDuplicate = checkDuplicatePolicy(options.onDuplicate);
  const retry: RetryOptions = {
    backoff: options.backoff,
    maxFailedAttempts: options.maxFailedAttempts,
    retryForMs: options.retryForMs,
    maxLostAlone: options.maxLostAlone,
  };
  retryPolicy(defaultRetryPolicy, retry);
  const { key } = options;
  if (key !== undefined) checkFunction("key", key, "pass a function from the data to text, or leave it out");
  const definition = { type, schema, retry: Object.freeze(retry), onDuplicate };
  return Object.freeze(
    key === undefined ? definition : { ...definition, key: key as (data: unknown) => string },
  ); // the overloads have typed what it takes
}

/** Whether the value is what defineTask answers. */
export function isDefinition(value: unknown): value is TaskDefinition {
  return (
    typeof value === "object" &&
    value !== null &&
    "onDuplicate" in value &&
    "retry" in value &&
    "schema" in value
  );
}

/** Throws InvalidInputError unless the value is what defineTask answers. */
export function checkDefinition(value: unknown): TaskDefinition {
  if (isDefinition(value)) return value;
  throw new InvalidInputError("definition", "is no task definition", "pass what defineTask answered");
}

/** Throws InvalidInputError unless `value` is a duplicate policy; undefined is "compare". */
export function checkDuplicatePolicy(value: unknown): DuplicatePolicy {
  if (value === undefined) return "compare";
  if (value === "compare" || value === "throw" || value === "keep") return value;
  throw new InvalidInputError("onDuplicate", `is ${shown(value)}`, 'use "compare", "throw" or "keep"');
}

/** Validates data about to be enqueued. Throws DataInvalidError; answers a promise only if the schema does. */
export function validateData(definition: TaskDefinition, data: unknown): void | Promise<void> {
  if (definition.schema === null) return;
  const check = (result: SchemaResult<unknown>): void => {
    if (result.issues !== undefined) throw new DataInvalidError(definition.type, issueLines(result.issues));
  };
  const result = definition.schema["~standard"].validate(data);
  return result instanceof Promise ? result.then(check) : check(result);
}

/** Thrown inside an attempt when the stored data cannot be read by this process. */
export class UndecodableDataError extends Error {
  readonly code = "OWED_UNDECODABLE";

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "UndecodableDataError";
  }
}

/** Decodes and validates stored data for the executor. Rejects with UndecodableDataError. */
export function readData<Output>(
  definition: TaskDefinition<unknown, Output>,
  codec: string,
  bytes: Uint8Array,
): Output | Promise<Output> {
  if (codec !== JSON_CODEC) {
    throw new UndecodableDataError(
      `data of "${definition.type}" was written by codec "${codec}", which this process lacks`,
    );
  }
  let value: unknown;
  try {
    value = decodeJson(bytes);
  } catch (error) {
    throw new UndecodableDataError(`data of "${definition.type}" is no JSON`, { cause: error });
  }
  if (definition.schema === null) return value as Output; // without a schema the type is the caller's word
  return validated(definition.type, definition.schema, value);
}

async function validated<Output>(
  type: string,
  schema: NonNullable<TaskDefinition<unknown, Output>["schema"]>,
  value: unknown,
): Promise<Output> {
  let result: SchemaResult<Output>;
  try {
    result = await schema["~standard"].validate(value);
  } catch (error) {
    throw new UndecodableDataError(`the schema of "${type}" threw`, { cause: error });
  }
  if (result.issues === undefined) return result.value;
  throw new UndecodableDataError(
    `data of "${type}" does not pass the schema of this process: ${issueLines(result.issues).join("; ")}`,
  );
}
