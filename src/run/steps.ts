/** Work written once that runs both ways: with promises awaited, or wholly synchronously inside a synchronous transaction. */
import { SynchronousOnlyError } from "../errors.ts";
import type { Awaitable } from "../store/contract.ts";

/** A piece of work that stops wherever something may have to be waited for. */
export type Steps<Result> = Generator<Promise<unknown>, Result, unknown>;

/** One such place: `const rows = yield* step(store.insert(...))`. A plain value is passed through at once. */
export function* step<Value>(value: Awaitable<Value>): Steps<Value> {
  return value instanceof Promise ? ((yield value) as Value) : value; // the runner sends back what the promise gave
}

/** Begins the work at once and stops where it must wait for the first time; `yield*` takes up the rest, also its error. */
export function begun<Result>(steps: Steps<Result>): Steps<Result> {
  try {
    const first = steps.next();
    if (first.done !== true) first.value.catch(() => undefined); // it may fail before anybody takes it up
    return rest(steps, () => first);
  } catch (error) {
    return rest(steps, () => {
      throw error;
    });
  }
}

function* rest<Result>(
  steps: Steps<Result>,
  first: () => IteratorResult<Promise<unknown>, Result>,
): Steps<Result> {
  let next = first();
  while (next.done !== true) {
    let value: unknown;
    try {
      value = yield next.value;
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(value);
  }
  return next.value;
}

/** Runs the work, waiting where it must. */
export async function runSteps<Result>(steps: Steps<Result>): Promise<Result> {
  let next = steps.next();
  while (next.done !== true) {
    let value: unknown;
    try {
      value = await next.value;
    } catch (error) {
      next = steps.throw(error);
      continue;
    }
    next = steps.next(value);
  }
  return next.value;
}

/** Runs the work without ever waiting. Throws SynchronousOnlyError where it would have to. */
export function runStepsSync<Result>(steps: Steps<Result>): Result {
  let next = steps.next();
  while (next.done !== true) {
    next.value.catch(() => undefined);
    next = steps.throw(
      new SynchronousOnlyError(
        "this call must finish at once and met something to wait for: use a schema that validates synchronously, plain iterables and a synchronous store",
      ),
    );
  }
  return next.value;
}
