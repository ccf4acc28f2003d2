/** The shapes in which callers hand over records, made into one. */
import { InvalidInputError } from "../errors.ts";
import type { TaskDefinition } from "../task/definition.ts";
import type { Records } from "./enqueue.ts";
import type { EnqueueOptions, IncomingRecord, RawRecord } from "./new-record.ts";

/** One task of a typed `enqueueAll`. */
export interface TypedItem<Input> extends EnqueueOptions {
  readonly data: Input;
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

/** A record of a definition. */
export function typedRecord(definition: TaskDefinition, item: TypedItem<unknown>): IncomingRecord {
  const { data, ...options } = item;
  return { definition, data, options };
}

/** Records from the arguments of enqueueAll: a definition and items, or raw records. Throws InvalidInputError. */
export function incomingRecords(rest: readonly unknown[]): Records {
  if (isDefinition(rest[0])) return typedRecords(rest[0], rest[1]);
  const [records] = rest;
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
