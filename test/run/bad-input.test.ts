// Bad input is refused with a typed error that names the field and the remedy, before anything is written.
import { defineTask, OwedError } from "owed";
import { describe, expect, it } from "vitest";
import { z } from "zod";

import type { MemoryTransaction } from "../../src/store/memory/index.ts";
import { job, type MemoryScheduler, World } from "./world.ts";

/** A call that is wrong, on a scheduler and a transaction that are right. */
type Call = (scheduler: MemoryScheduler, transaction: MemoryTransaction) => unknown;

/** What the error must say. */
interface Expected {
  readonly code?: string;
  readonly field?: string;
  readonly message?: RegExp;
}

/** Makes the call; answers its error after it has checked that nothing was written and that the transaction lives on. */
async function refusal(
  call: Call,
): Promise<OwedError & { readonly field?: string; readonly remedy?: string }> {
  const world = new World();
  const scheduler = await world.started();
  const transaction = await world.store.begin();
  const error: unknown = await (async () => call(scheduler, transaction))().then(
    () => new Error("nothing was thrown"),
    (thrown: unknown) => thrown,
  );
  expect(world.callsOf("insert")).toEqual([]);
  await scheduler.enqueue(transaction, job, {}, { taskId: "afterwards" });
  await transaction.commit();
  expect(await world.balance()).toEqual({ pending: 1, confirmed: 0, failed: 0 });
  if (!(error instanceof OwedError))
    throw new Error(`a typed error is expected, not: ${String(error)}`, { cause: error });
  return error;
}

async function expectRefusal(
  call: Call,
  { code = "OWED_INVALID_INPUT", field, message }: Expected,
): Promise<void> {
  const error = await refusal(call);
  expect(error.code).toBe(code);
  if (field !== undefined) expect(error.field).toBe(field);
  if (code === "OWED_INVALID_INPUT") expect(error.remedy?.length).toBeGreaterThan(3);
  expect(error.message).toMatch(message ?? /.+: .{4,}/);
}

const bytes = new TextEncoder().encode("{}");
const withOptions =
  (options: object): Call =>
  (scheduler, transaction) =>
    scheduler.enqueue(transaction, job, {}, options as never);
const withData =
  (data: unknown): Call =>
  (scheduler, transaction) =>
    scheduler.enqueue(transaction, job, data);
const withRecords =
  (...records: readonly unknown[]): Call =>
  (scheduler, transaction) =>
    scheduler.enqueueAll(transaction, records as never);
const raw = (unusual: object): Call => withRecords({ type: "job", data: bytes, ...unusual });

describe("ids and names", () => {
  const cases: readonly [string, Call, Expected][] = [
    ["an empty taskId", withOptions({ taskId: "" }), { field: "taskId", message: /empty/ }],
    ["a taskId that is no text", withOptions({ taskId: 7 }), { field: "taskId", message: /number/ }],
    ["a taskId that is null", withOptions({ taskId: null }), { field: "taskId", message: /null/ }],
    [
      "a taskId of 513 bytes",
      withOptions({ taskId: "x".repeat(513) }),
      { field: "taskId", message: /513.*512/ },
    ],
    [
      "a taskId of 171 characters in 513 bytes",
      withOptions({ taskId: "漢".repeat(171) }),
      { field: "taskId", message: /513/ },
    ],
    ["a taskId with NUL", withOptions({ taskId: "a\0" }), { field: "taskId", message: /NUL/ }],
    [
      "a taskId with half a character",
      withOptions({ taskId: "\ud83d" }),
      { field: "taskId", message: /surrogate/ },
    ],
    ["an empty referenceId", withOptions({ referenceId: "" }), { field: "referenceId" }],
    ["a referenceId with NUL", withOptions({ referenceId: "\0" }), { field: "referenceId", message: /NUL/ }],
    ["a referenceId with half a character", withOptions({ referenceId: "\udc00" }), { field: "referenceId" }],
    ["a referenceId of 513 bytes", withOptions({ referenceId: "x".repeat(513) }), { field: "referenceId" }],
    ["an empty type", raw({ type: "" }), { field: "type" }],
    ["no type", raw({ type: undefined }), { field: "type" }],
    ["a type of 201 bytes", raw({ type: "x".repeat(201) }), { field: "type" }],
    ["a type with NUL", raw({ type: "a\0b" }), { field: "type", message: /NUL/ }],
    ["a type with half a character", raw({ type: "\ud800" }), { field: "type" }],
    ["headers that are text", withOptions({ headers: "a: b" }), { field: "headers" }],
    ["headers that are a list", withOptions({ headers: [["a", "b"]] }), { field: "headers" }],
    ["headers that are a Map", withOptions({ headers: new Map([["a", "b"]]) }), { field: "headers" }],
    [
      "headers that are those of fetch",
      withOptions({ headers: new Headers({ a: "b" }) }),
      { field: "headers" },
    ],
    ["a header that is no text", withOptions({ headers: { a: 1 } }), { field: "headers.a" }],
    ["a header that is undefined", withOptions({ headers: { a: undefined } }), { field: "headers.a" }],
    ["a header with NUL", withOptions({ headers: { a: "\0" } }), { field: "headers.a", message: /NUL/ }],
    ["a header with half a character", withOptions({ headers: { a: "\udfff" } }), { field: "headers.a" }],
    ["a name of a header with NUL", withOptions({ headers: { "\0": "a" } }), { message: /headers.*NUL/ }],
    [
      "headers of more than 4 KB",
      withOptions({ headers: { a: "x".repeat(2_100), b: "x".repeat(2_100) } }),
      { field: "headers" },
    ],
  ];
  it.each(cases)("%s is refused", async (_, call, expected) => expectRefusal(call, expected));
});

describe("times", () => {
  const cases: readonly [string, Call, Expected][] = [
    ...[-1, Number.NaN, Number.POSITIVE_INFINITY, "5", null, 1e15, 5n].map(
      (delayMs): [string, Call, Expected] => [
        `a delayMs of ${typeof delayMs} ${delayMs}`,
        withOptions({ delayMs }),
        { field: "delayMs" },
      ],
    ),
    ...[new Date(Number.NaN), Date.now(), "2030-01-01", null, new Date(8.64e15)].map(
      (runAt): [string, Call, Expected] => [
        `a runAt of ${typeof runAt} ${String(runAt).slice(0, 12)}`,
        withOptions({ runAt }),
        { field: "runAt" },
      ],
    ),
    [
      "runAt and delayMs together",
      withOptions({ runAt: new Date(), delayMs: 0 }),
      { field: "runAt", message: /delayMs/ },
    ],
  ];
  it.each(cases)("%s is refused (F73)", async (_, call, expected) => expectRefusal(call, expected));
});

describe("data", () => {
  class Money {
    readonly amount = 1;
  }
  const cyclic: Record<string, unknown> = {};
  cyclic["itself"] = { again: cyclic };
  const notEncodable: readonly [string, unknown, string][] = [
    ["undefined", undefined, "data"],
    ["a bigint", { amount: 5n }, "data.amount"],
    ["NaN", [1, Number.NaN], "data[1]"],
    ["Infinity", Number.POSITIVE_INFINITY, "data"],
    ["undefined in a list", { list: [undefined] }, "data.list[0]"],
    ["a hole in a list", Object.assign([1], { length: 2 }), "data[1]"],
    ["a function", { call: () => 1 }, "data.call"],
    ["a symbol", { s: Symbol("s") }, "data.s"],
    ["a symbol for a key", { [Symbol("s")]: 1 }, "data"],
    ["a Date", { at: new Date(0) }, "data.at"],
    ["a Map", new Map(), "data"],
    ["a class instance", { price: new Money() }, "data.price"],
    ["bytes", { file: bytes }, "data.file"],
    ["a cycle", cyclic, "data.itself.again"],
    ["NUL in text", { a: { b: "x\0" } }, "data.a.b"],
    ["half a character in text", ["\ud83d"], "data[0]"],
  ];
  it.each(notEncodable)("with %s is refused, and the place is named (F50, F51)", async (_, data, field) =>
    expectRefusal(withData(data), { code: "OWED_DATA_NOT_ENCODABLE", field }),
  );

  it("with half a character in a key is refused", () =>
    expectRefusal(withData({ "\ud800": 1 }), { code: "OWED_DATA_NOT_ENCODABLE", message: /key.*surrogate/ }));

  it("of more than 256 KiB is refused, with its size and the way out (F56)", () =>
    expectRefusal(withData("x".repeat(262_143)), {
      code: "OWED_DATA_TOO_LARGE",
      message: /262145 bytes.*262144.*maxDataBytes/,
    }));

  it("of raw bytes beyond the limit is refused too", () =>
    expectRefusal(raw({ data: new Uint8Array(262_145) }), { code: "OWED_DATA_TOO_LARGE" }));

  it("just within the limit is taken, and the limit can be set", async () => {
    const world = new World();
    const [scheduler, strict] = [world.scheduler(), world.scheduler({ maxDataBytes: 10 })];
    const transaction = await world.inner.begin();
    await scheduler.enqueue(transaction, job, "x".repeat(262_142));
    await strict.enqueue(transaction, job, "x".repeat(8));
    await expect(strict.enqueue(transaction, job, "x".repeat(9))).rejects.toMatchObject({
      sizeBytes: 11,
      limitBytes: 10,
    });
    await transaction.commit();
    expect((await world.balance()).pending).toBe(2);
  });

  it.each([
    ["text", "{}"],
    ["an object", {}],
    ["a list of numbers", [1]],
    ["nothing", undefined],
    ["an ArrayBuffer", new ArrayBuffer(1)],
  ])("of the raw layer that is %s is refused", async (_, data) =>
    expectRefusal(raw({ data }), { field: "data", message: /Uint8Array/ }),
  );

  it("that does not pass its schema is refused, with the paths and without the data", async () => {
    const definition = defineTask({
      type: "job",
      data: z.object({ card: z.object({ number: z.number() }) }),
    });
    const error = await refusal((scheduler, transaction) =>
      scheduler.enqueue(transaction, definition, { card: { number: "4111" } } as never),
    );
    expect(error).toMatchObject({ code: "OWED_DATA_INVALID", type: "job" });
    expect(error.message).toContain("card.number");
    expect(error.message).not.toContain("4111");
  });

  it("whose schema must be waited for is refused all the same", async () => {
    const definition = defineTask({ type: "job", data: z.string().refine(async (text) => text !== "no") });
    await expectRefusal((scheduler, transaction) => scheduler.enqueue(transaction, definition, "no"), {
      code: "OWED_DATA_INVALID",
    });
  });
});

describe("batches and calls", () => {
  const cases: readonly [string, Call, Expected][] = [
    ["an empty batch", withRecords(), { field: "records", message: /empty/ }],
    ["an empty typed batch", (s, tx) => s.enqueueAll(tx, job, []), { field: "records", message: /empty/ }],
    ["no batch at all", (s, tx) => s.enqueueAll(tx, undefined as never), { field: "records" }],
    ["a batch that is text", (s, tx) => s.enqueueAll(tx, "abc" as never), { field: "records" }],
    ["items that are an object", (s, tx) => s.enqueueAll(tx, job, {} as never), { field: "items" }],
    ["a record that is nothing", withRecords(undefined), {}],
    ["a record that is text", withRecords("a task"), {}],
    ["an item that is null", (s, tx) => s.enqueueAll(tx, job, [null as never]), {}],
    ["options that are text", (s, tx) => s.enqueue(tx, job, {}, "id" as never), {}],
    [
      "a definition that is none",
      (s, tx) => s.enqueue(tx, { type: "job" } as never, {}),
      { field: "definition" },
    ],
    ["no definition", (s, tx) => s.enqueue(tx, undefined as never, {}), { field: "definition" }],
    ["a definition that is text", (s, tx) => s.enqueue(tx, "job" as never, {}), { field: "definition" }],
    ["a policy for duplicates that is none", raw({ onDuplicate: "ignore" }), { field: "onDuplicate" }],
    [
      "one id twice",
      withRecords({ taskId: "a", type: "job", data: bytes }, { taskId: "a", type: "other", data: bytes }),
      { code: "OWED_DUPLICATE_TASK_ID", message: /"a"/ },
    ],
    [
      "a definition that is none, in transaction(fn)",
      (s) => s.transaction((tx) => tx.enqueue({ type: "job" } as never, {})),
      { field: "definition" },
    ],
    [
      "no records, in transaction(fn)",
      (s) => s.transaction((tx) => tx.enqueueAll(undefined as never)),
      { field: "records" },
    ],
    ["maxRetries of NaN", (s) => s.transaction(() => 1, { maxRetries: Number.NaN }), { field: "maxRetries" }],
    ["maxRetries below 0", (s) => s.transaction(() => 1, { maxRetries: -1 }), { field: "maxRetries" }],
  ];
  it.each(cases)("%s is refused", async (_, call, expected) => expectRefusal(call, expected));
});

describe("in place of a transaction", () => {
  const pool = { query: () => undefined, connect: () => undefined, totalCount: 1 };
  const cases: readonly [string, (world: World) => unknown][] = [
    ["undefined", () => undefined],
    ["null", () => null],
    ["text", () => "tx"],
    ["a plain object", () => ({})],
    ["a pool", () => pool],
    ["the store", (world) => world.store],
    [
      "a transaction of another store",
      (world) => new World().inner.begin().then((other) => (world ? other : null)),
    ],
  ];

  it.each(cases)("%s is refused", async (_, candidate) => {
    const world = new World();
    const found = await candidate(world);
    await expectRefusal((scheduler) => scheduler.enqueue(found as never, job, {}), {
      code: "OWED_NOT_A_TRANSACTION",
    });
    await expectRefusal((scheduler) => scheduler.enqueueAll(found as never, job, [{ data: 1 }]), {
      code: "OWED_NOT_A_TRANSACTION",
    });
  });

  it("one that has ended is refused", async () => {
    const world = new World();
    const scheduler = await world.started();
    for (const end of ["commit", "rollback"] as const) {
      const transaction = await world.inner.begin();
      await transaction[end]();
      await expect(scheduler.enqueue(transaction, job, {})).rejects.toMatchObject({
        code: "OWED_NOT_A_TRANSACTION",
      });
    }
    expect(world.callsOf("insert")).toEqual([]);
  });

  it.each([
    ["rollback", 0],
    ["commit", 2],
  ] as const)(
    "one that ends by %s while records are still read is refused before the next chunk",
    async (end, confirmed) => {
      const world = new World({ chunkTasks: 2 });
      const scheduler = await world.started();
      const transaction = await world.inner.begin();
      async function* items(): AsyncGenerator<{ data: number }> {
        for (let number = 0; number < 6; number += 1) {
          if (number === 4) await transaction[end]();
          yield { data: number };
        }
      }
      await expect(scheduler.enqueueAll(transaction, job, items())).rejects.toMatchObject({
        code: "OWED_NOT_A_TRANSACTION",
      });
      await world.ports.advance(5_000); // the born claims are watched: what was committed runs, what was not is forgotten
      expect(await world.balance()).toEqual({ pending: 0, confirmed, failed: 0 });
      expect(await world.liveClaims(scheduler)).toBe(0);
    },
  );
});
