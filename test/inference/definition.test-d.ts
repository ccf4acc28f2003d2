// What definitions and executors infer, and what must not compile. Checked by `tsc --noEmit`; never run.
import {
  type BoundExecutor,
  binaryExponential,
  defineTask,
  executor,
  type Handler,
  PermanentError,
  type StandardSchema,
  type TaskDefinition,
  type TypedAttempt,
} from "owed";
import * as v from "valibot";
import { expectTypeOf } from "vitest";
import { z } from "zod";

const zodSchema = z.object({
  paymentId: z.string(),
  amount: z.string().transform(Number),
  note: z.string().default(""),
});
const valibotSchema = v.object({
  paymentId: v.string(),
  amount: v.pipe(v.string(), v.transform(Number)),
  note: v.optional(v.string(), ""),
});

interface Input {
  paymentId: string;
  amount: string;
  note?: string | undefined;
}
interface Output {
  paymentId: string;
  amount: number;
  note: string;
}

/** Input and output come from the schema, whoever made it. */
export function inferredFromSchemas(): void {
  const withZod = defineTask({ type: "a", data: zodSchema });
  const withValibot = defineTask({ type: "a", data: valibotSchema });
  expectTypeOf(withZod).toEqualTypeOf<
    TaskDefinition<z.input<typeof zodSchema>, z.output<typeof zodSchema>>
  >();
  expectTypeOf(withValibot).toEqualTypeOf<
    TaskDefinition<v.InferInput<typeof valibotSchema>, v.InferOutput<typeof valibotSchema>>
  >();
  expectTypeOf<z.output<typeof zodSchema>>().toEqualTypeOf<Output>();
  expectTypeOf<v.InferOutput<typeof valibotSchema>>().toEqualTypeOf<Output>();
  expectTypeOf<Input>().toExtend<z.input<typeof zodSchema>>();
  expectTypeOf<Input>().toExtend<v.InferInput<typeof valibotSchema>>();
}

/** A schema that must be waited for infers as any other. */
export function inferredFromAsyncSchemas(): void {
  const known = v.pipeAsync(
    v.string(),
    v.checkAsync(async () => Promise.resolve(true), "is unknown"),
    v.transform(Number),
  );
  expectTypeOf(defineTask({ type: "a", data: known })).toEqualTypeOf<TaskDefinition<string, number>>();
  const own = {} as StandardSchema<"x", "y">;
  expectTypeOf(defineTask({ type: "a", data: own })).toEqualTypeOf<TaskDefinition<"x", "y">>();
}

/** Without a schema the type is the caller's word, or unknown. */
export function saidByTheCaller(): void {
  expectTypeOf(defineTask<{ id: string }>({ type: "a" })).toEqualTypeOf<
    TaskDefinition<{ id: string }, { id: string }>
  >();
  expectTypeOf(defineTask({ type: "a" })).toEqualTypeOf<TaskDefinition<unknown, unknown>>();
}

/** An executor gets the output of the schema. */
export function executorsGetTheOutput(): void {
  const definition = defineTask({ type: "a", data: zodSchema });
  const bound = executor(definition, async ({ data, taskId, attempt, signal, referenceId }) => {
    expectTypeOf(data).toEqualTypeOf<z.output<typeof zodSchema>>();
    expectTypeOf([taskId, attempt, referenceId]).toEqualTypeOf<(string | number | null)[]>();
    expectTypeOf(signal).toEqualTypeOf<AbortSignal>();
    throw new PermanentError("gone");
  });
  expectTypeOf(bound).toEqualTypeOf<BoundExecutor>();
  executor(definition, { concurrency: 2, timeoutMs: 5 }, ({ data }) => {
    expectTypeOf(data.amount).toEqualTypeOf<number>();
  });
  const handler: Handler<Output> = (attempt: TypedAttempt<Output>) => void attempt.data.note;
  executor(definition, handler);
}

/** What must not compile. */
export function refused(): void {
  const definition = defineTask({ type: "a", data: zodSchema });
  // @ts-expect-error: the output has no such field
  executor(definition, ({ data }) => data.missing);
  // @ts-expect-error: the output of amount is a number
  executor(definition, ({ data }) => data.amount.trim());
  // @ts-expect-error: a handler of other data
  executor(definition, (attempt: TypedAttempt<{ orderId: string }>) => attempt.data.orderId);
  // @ts-expect-error: options without a handler
  executor(definition, { concurrency: 2 });
  // @ts-expect-error: an unknown option of an executor
  executor(definition, { paralel: 2 }, () => undefined);
  // @ts-expect-error: a definition needs its type
  defineTask({ data: zodSchema });
  // @ts-expect-error: data is a schema, and not a type's name
  defineTask({ type: "a", data: "string" });
  // @ts-expect-error: no such policy
  defineTask({ type: "a", onDuplicate: "ignore" });
  // @ts-expect-error: a misspelt option
  defineTask({ type: "a", maxFailedAttemps: 5 });
  // @ts-expect-error: a backoff is made by a strategy
  defineTask({ type: "a", backoff: "exponential" });
  // @ts-expect-error: a growing backoff needs its base
  binaryExponential({ maxDelayMs: 5 });
  // @ts-expect-error: a definition cannot be changed
  definition.type = "b";
}
