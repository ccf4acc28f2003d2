// Definitions: data is validated when it is enqueued and again when it is executed, by any Standard Schema.
import { type BoundExecutor, defineTask, executor, type StandardSchema, type TaskDefinition } from "owed";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import { readData, validateData } from "../../src/task/definition.ts";
import { encodeJson } from "../../src/task/json-codec.ts";
import type { ClaimedTask } from "../../src/task/task.ts";

function claimed(data: Uint8Array, codec = "json"): ClaimedTask {
  const counters = { failedAttempts: 2, lostAttempts: 0, deferredAttempts: 0, ageMs: 0, deferredForMs: 0 };
  const names = {
    id: "1",
    taskId: "a",
    type: "job",
    key: null,
    referenceId: "order 1",
    headers: { traceparent: "00" },
  };
  return { ...names, data, codec, token: { owner: "1", claim: 1, generation: 3 }, ...counters };
}

async function run(bound: BoundExecutor, task: ClaimedTask): Promise<void> {
  const { taskId, type, referenceId, headers, failedAttempts } = task;
  const { signal } = new AbortController();
  await bound.run(task, {
    taskId,
    type,
    referenceId,
    headers,
    attempt: 3,
    failedAttempts,
    generation: 3,
    signal,
    complete: () => undefined,
    transact: () => Promise.reject(new Error("there is no store")),
  });
}

/** What the executor of a definition gets for data that was enqueued with it. */
async function through<Input, Output>(
  definition: TaskDefinition<Input, Output>,
  data: Input,
): Promise<Output> {
  await validateData(definition as TaskDefinition, data);
  return readData(definition as TaskDefinition<unknown, Output>, "json", encodeJson(data));
}

const amounts: readonly [string, StandardSchema<string, number>][] = [
  [
    "zod",
    z
      .string()
      .transform((text) => Number(text))
      .pipe(z.number().positive()),
  ],
  ["valibot", v.pipe(v.string(), v.transform(Number), v.number(), v.minValue(1))],
];

describe("a definition with a schema", () => {
  it.each(amounts)("of %s takes its input, and gives the executor its output", async (_, schema) => {
    const definition = defineTask({ type: "job", data: schema });
    expect(await through(definition, "42")).toBe(42);
  });

  it.each(amounts)(
    "of %s stores the input as it was given: the output is made anew at each attempt",
    async (_, schema) => {
      const definition = defineTask({ type: "job", data: schema });
      await validateData(definition as TaskDefinition, "42");
      const seen: number[] = [];
      const bound = executor(
        definition as TaskDefinition<unknown, number>,
        ({ data }) => void seen.push(data),
      );
      await run(bound, claimed(encodeJson("42")));
      expect(seen).toEqual([42]);
      await expect(run(bound, claimed(encodeJson(42)))).rejects.toMatchObject({ code: "OWED_UNDECODABLE" });
    },
  );

  it.each(amounts)(
    "of %s refuses other data at once, and says what is wrong without the data",
    async (_, schema) => {
      const definition = defineTask({ type: "job", data: schema });
      const check = async (): Promise<void> => validateData(definition as TaskDefinition, 4_111_111);
      await expect(check()).rejects.toMatchObject({ code: "OWED_DATA_INVALID", type: "job" });
      await expect(check()).rejects.not.toThrow("4111111");
    },
  );

  it("tells the path of what is wrong, in zod's and in valibot's way", () => {
    const schemas = [
      z.object({ items: z.array(z.object({ price: z.number() })) }),
      v.object({ items: v.array(v.object({ price: v.number() })) }),
    ];
    for (const data of schemas) {
      const definition = defineTask({ type: "job", data }) as TaskDefinition;
      expect(() => validateData(definition, { items: [{ price: 1 }, { price: "x" }] })).toThrow(
        "items.1.price: ",
      );
    }
  });

  it("tells at most ten issues, however many there are", () => {
    const definition = defineTask({ type: "job", data: z.array(z.number()) }) as TaskDefinition;
    const check = (): unknown => validateData(definition, Array(1_000).fill("x"));
    expect(check).toThrow(expect.objectContaining({ issues: expect.objectContaining({ length: 10 }) }));
  });

  it("that has to be waited for is waited for", async () => {
    const known = z.string().refine(async (text) => (await Promise.resolve(text)) === "known");
    const definition = defineTask({ type: "job", data: known });
    expect(await through(definition, "known")).toBe("known");
    await expect(through(definition, "other")).rejects.toMatchObject({ code: "OWED_DATA_INVALID" });
    const pipe = v.pipeAsync(
      v.string(),
      v.checkAsync(async (text) => (await Promise.resolve(text)) === "known", "is unknown"),
    );
    expect(await through(defineTask({ type: "job", data: pipe }), "known")).toBe("known");
    await expect(through(defineTask({ type: "job", data: pipe }), "other")).rejects.toThrow("is unknown");
  });

  it("that throws is no crash: at enqueue it is the caller's error, at execution undecodable data", async () => {
    const broken = z.string().refine(() => {
      throw new RangeError("a bug in the schema");
    });
    const definition = defineTask({ type: "job", data: broken });
    const check = async (): Promise<void> => validateData(definition as TaskDefinition, "x");
    await expect(check()).rejects.toThrow(RangeError);
    await expect(readData(definition as TaskDefinition, "json", encodeJson("x"))).rejects.toMatchObject({
      code: "OWED_UNDECODABLE",
    });
  });
});

describe("a definition without a schema", () => {
  it("does not look into its data", async () => {
    const data = { anything: [1, null, "x"] };
    expect(await through(defineTask<unknown>({ type: "job" }), data)).toEqual(data);
  });
});

describe("stored data that cannot be read", () => {
  const definition = defineTask({ type: "job", data: z.object({ name: z.string() }) }) as TaskDefinition;

  it.each([
    ["no JSON", new TextEncoder().encode("{"), "json"],
    ["no UTF-8", Uint8Array.of(0xff), "json"],
    ["nothing", new Uint8Array(), "json"],
    ["of another shape", encodeJson({ name: 1 }), "json"],
    ["of another codec", encodeJson({ name: "x" }), "bytes"],
    ["of a codec of the future", encodeJson({ name: "x" }), "cbor"],
  ])(
    "because it is %s is undecodable, which is not a failure of the executor (L15)",
    async (_, data, codec) => {
      let isExecuted = false;
      const bound = executor(definition, () => {
        isExecuted = true;
      });
      await expect(run(bound, claimed(data, codec))).rejects.toMatchObject({
        code: "OWED_UNDECODABLE",
        message: expect.stringContaining('"job"'),
      });
      expect(isExecuted).toBe(false);
    },
  );
});

describe("an executor", () => {
  it("gets its data with everything there is to know about the attempt", async () => {
    const seen: unknown[] = [];
    const bound = executor(defineTask<unknown>({ type: "job" }), (attempt) => void seen.push(attempt));
    await run(bound, claimed(encodeJson({ x: 1 })));
    expect(seen).toEqual([
      {
        data: { x: 1 },
        taskId: "a",
        type: "job",
        referenceId: "order 1",
        headers: { traceparent: "00" },
        attempt: 3,
        failedAttempts: 2,
        generation: 3,
        signal: expect.any(AbortSignal),
        complete: expect.any(Function),
        transact: expect.any(Function),
      },
    ]);
  });

  it("may be async or not, with options or without, and what it returns is of no interest", async () => {
    const definition = defineTask<unknown>({ type: "job" });
    for (const bound of [
      executor(definition, () => undefined),
      executor(definition, { timeoutMs: 5 }, async () => "ignored"),
    ]) {
      expect(await run(bound, claimed(encodeJson(1)))).toBeUndefined();
    }
  });

  it("carries the definition's policy and its own limits, and cannot be changed", () => {
    const definition = defineTask<unknown>({ type: "job", maxFailedAttempts: 3, retryForMs: 5 });
    const bound = executor(definition, { timeoutMs: 5, concurrency: 2 }, () => undefined);
    expect(bound).toMatchObject({
      type: "job",
      retry: { maxFailedAttempts: 3, retryForMs: 5 },
      options: { timeoutMs: 5, concurrency: 2 },
    });
    expect([Object.isFrozen(bound), Object.isFrozen(definition), Object.isFrozen(definition.retry)]).toEqual([
      true,
      true,
      true,
    ]);
    expect(definition.onDuplicate).toBe("compare");
  });
});
