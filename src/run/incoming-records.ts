/** The shapes in which callers hand over records, made into one. */
import { InvalidInputError } from "../errors.ts";
import { checkDefinition, isDefinition, type TaskDefinition } from "../task/definition.ts";
import { checkNames, checkObject } from "../task/option-checks.ts";
import type { Records } from "./enqueue.ts";
import { type EnqueueOptions, enqueueOptions, type IncomingRecord, type RawRecord } from "./new-record.ts";

/** One task of a typed `enqueueAll`. */
export interface TypedItem<Input> extends EnqueueOptions {
  readonly data: Input;
}

/** A record of a definition. */
function typedRecord(definition: TaskDefinition, item: TypedItem<unknown>): IncomingRecord {
  if (typeof item !== "object" || item === null) {
    throw new InvalidInputError(
      "items",
      "holds something that is no object",
      "pass items like { data, taskId }",
    );
  }
  const { data, ...options } = item;
  checkNames("an item", options, enqueueOptions);
  return { definition, data, options };
}

/** A record from the arguments of enqueue. Throws InvalidInputError. */
export function enqueueRecord(definition: unknown, data: unknown, options: unknown): IncomingRecord {
  if (options !== undefined)
    checkObject("options", options, "pass { taskId, referenceId, delayMs ... } or nothing");
  const copied = { ...(options as EnqueueOptions | undefined) };
  checkNames("enqueue", copied, enqueueOptions);
  return { definition: checkDefinition(definition), data, options: copied };
}

/** Records from the arguments of enqueueAll: a definition and items, or raw records. Throws InvalidInputError. */
export function incomingRecords(rest: readonly unknown[]): Records {
  const [records, items] = rest;
  if (isDefinition(records)) return typedRecords(records, items);
  if (items !== undefined) checkDefinition(records);
  if (isIterable(records)) return mapSync(records as Iterable<RawRecord>, (raw) => ({ raw }));
  if (isAsyncIterable(records)) return mapAsync(records as AsyncIterable<RawRecord>, (raw) => ({ raw }));
  throw new InvalidInputError("records", "is no iterable", "pass an array, an iterable or an async iterable");
}

function typedRecords(definition: TaskDefinition, items: unknown): Records {
  const record = (item: TypedItem<unknown>): IncomingRecord => typedRecord(definition, item);
  if (isIterable(items)) return mapSync(items as Iterable<TypedItem<unknown>>, record);
  if (isAsyncIterable(items)) return mapAsync(items as AsyncIterable<TypedItem<unknown>>, record);
  throw new InvalidInputError("items", "is no iterable", "pass an array, an iterable or an async iterable");
}

function isIterable(value: unknown): boolean {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function isAsyncIterable(value: unknown): boolean {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

function* mapSync<From, To>(items: Iterable<From>, map: (item: From) => To): Generator<To, void, undefined> {
  for (const item of items) yield map(item);
}

async function* mapAsync<From, To>(
  items: AsyncIterable<From>,
  map: (item: From) => To,
): AsyncGenerator<To, void, undefined> {
  for await (const item of items) yield map(item);
}
