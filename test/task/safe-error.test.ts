// Whatever an executor throws can be stored and shown, and the secrets we know of are not in it.
import fc from "fast-check";
import { describe, expect, it } from "vitest";

import {
  MAX_ERROR_MESSAGE_LENGTH,
  MAX_ERROR_STACK_LENGTH,
  safeError,
  safeText,
} from "../../src/task/safe-error.ts";
import { anyText } from "./any-text.ts";

/** Everything a text column could choke on. */
function expectStorable(thrown: unknown): ReturnType<typeof safeError> {
  const error = safeError(thrown);
  for (const text of [error.name, error.message, error.code ?? "", error.stack ?? ""]) {
    expect(text).not.toContain("\0");
    expect(text.isWellFormed()).toBe(true);
  }
  expect(error.name.length).toBeLessThanOrEqual(200);
  expect((error.code ?? "").length).toBeLessThanOrEqual(200);
  expect(error.message.length).toBeLessThanOrEqual(MAX_ERROR_MESSAGE_LENGTH);
  expect((error.stack ?? "").length).toBeLessThanOrEqual(MAX_ERROR_STACK_LENGTH);
  expect(JSON.parse(JSON.stringify(error))).toEqual(error);
  return error;
}

function fail(): never {
  throw new Error("hands off");
}

const everyTrap: ProxyHandler<object> = {
  get: fail,
  has: fail,
  ownKeys: fail,
  getPrototypeOf: fail,
  getOwnPropertyDescriptor: fail,
};

function withGetter(property: string): Error {
  return Object.defineProperty(new Error("x"), property, { get: fail });
}

function cycle(): Error {
  const [left, right] = [new Error("left"), new Error("right")];
  left.cause = right;
  right.cause = left;
  return left;
}

function ownCause(): Error {
  const error = new Error("x");
  error.cause = error;
  return error;
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const zoo: readonly [string, unknown][] = [
  ["undefined", undefined],
  ["null", null],
  ["NaN", Number.NaN],
  ["text", "no"],
  ["empty text", ""],
  ["a bigint", 5n],
  ["a symbol", Symbol("s")],
  ["a function", () => 1],
  ["a class", class Thrown {}],
  ["an empty object", {}],
  ["an object without a prototype", Object.create(null)],
  ["an object that JSON cannot keep", { amount: 5n }],
  // oxlint-disable-next-line unicorn/no-thenable -- that is the test
  ["a thenable", Object.fromEntries([["then", (resolve: () => void) => resolve()]])],
  ["a frozen error", Object.freeze(new Error("frozen"))],
  ["an error without a stack", Object.assign(new Error("x"), { stack: undefined })],
  ["an error whose stack is a number", Object.assign(new Error("x"), { stack: 5 })],
  ["an error whose message is an object", Object.assign(new Error("x"), { message: { text: "x" } })],
  ["an error without a name", Object.assign(new Error("x"), { name: "" })],
  ["an error whose toJSON throws", Object.assign(new Error("x"), { toJSON: fail, toString: fail })],
  ["a proxy that throws at every touch", new Proxy({}, everyTrap)],
  ["a proxy of an error that throws at every touch", new Proxy(new Error("x"), everyTrap)],
  ["a revoked proxy", revoked()],
  ["a getter of the message that throws", withGetter("message")],
  ["a getter of the stack that throws", withGetter("stack")],
  ["a getter of the name that throws", withGetter("name")],
  ["a getter of the code that throws", withGetter("code")],
  ["a getter of the cause that throws", withGetter("cause")],
  ["a cycle of causes", cycle()],
  ["an error that is its own cause", ownCause()],
  ["a cause that is a hostile proxy", new Error("x", { cause: new Proxy({}, everyTrap) })],
  ["a cause that is a symbol", new Error("x", { cause: Symbol("s") })],
  ["an AggregateError", new AggregateError([new Error("one"), Symbol("two"), null], "all of them")],
  ["an AggregateError without a message", new AggregateError([])],
  ["a DOMException", new DOMException("no", "AbortError")],
  [
    "NUL and halves of characters everywhere",
    Object.assign(new Error("a\0b\ud800"), { name: "E\0\udc00", code: "C\0\ud83d", stack: "\0\ud800" }),
  ],
];

describe("an error that is recorded", () => {
  it.each(zoo)("is storable when %s was thrown (F19, F52, H18)", (_, thrown) => {
    expectStorable(thrown);
  });

  it("is storable whatever else was thrown (H18)", () => {
    const weird = fc.anything({
      maxDepth: 1,
      maxKeys: 3,
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withSparseArray: true,
      withTypedArray: true,
      withNullPrototype: true,
      withObjectString: true,
    });
    fc.assert(
      fc.property(weird, (thrown) => void expectStorable(thrown)),
      { numRuns: 150 },
    );
    const errors = fc.record(
      {
        name: weird,
        message: fc.oneof(weird, anyText),
        code: weird,
        stack: fc.oneof(weird, anyText),
        cause: weird,
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(errors, (parts) => void expectStorable(Object.assign(new Error("x"), parts))),
      { numRuns: 150 },
    );
  });

  it("keeps name, message, code, and the stack with its causes", () => {
    const cause = new RangeError("the socket closed", { cause: "a cable" });
    const thrown = Object.assign(new TypeError("could not send", { cause }), { code: "ECONNRESET" });
    const error = safeError(thrown);
    expect(error).toMatchObject({ name: "TypeError", message: "could not send", code: "ECONNRESET" });
    expect(error.stack).toMatch(
      /TypeError: could not send[^]*caused by: RangeError: the socket closed[^]*caused by: a cable/,
    );
    expect(safeError("plain text")).toMatchObject({
      name: "NonError",
      message: "thrown value: plain text",
      stack: null,
    });
    expect(safeError(Object.assign(new Error("x"), { code: 42 })).code).toBe("42");
  });

  it("is cut, and shows where: a stack of 2 MB, a message of 2 MB, in no time (F52)", () => {
    const long = "x\u{1f9fe}".repeat(700_000);
    const thrown = Object.assign(new Error(long, { cause: new Error(long) }), { stack: long });
    const startedMs = performance.now();
    const error = expectStorable(thrown);
    expect(performance.now() - startedMs).toBeLessThan(3_000);
    expect([error.message.length, error.stack?.length]).toEqual([
      MAX_ERROR_MESSAGE_LENGTH,
      MAX_ERROR_STACK_LENGTH,
    ]);
    expect([error.message.endsWith("…"), error.stack?.endsWith("…")]).toEqual([true, true]);
  });

  it("is written in no time, whatever the text tries with our patterns (L13)", () => {
    const bait = [
      "a://".repeat(50_000),
      "a".repeat(500_000),
      "cookie: ".repeat(50_000),
      "bearer ".repeat(50_000),
      `a://${"b:".repeat(200_000)}`,
    ];
    for (const text of bait) {
      const startedMs = performance.now();
      safeError(Object.assign(new Error(text), { stack: text }));
      expect(performance.now() - startedMs).toBeLessThan(3_000);
    }
  });

  it("follows a chain of causes a few steps and no further", () => {
    let chain = new Error("cause 0");
    for (let depth = 1; depth < 100; depth += 1)
      chain = Object.assign(new Error(`cause ${depth}`, { cause: chain }), { stack: `stack ${depth}` });
    expect(safeError(chain).stack?.match(/caused by/g)?.length).toBe(5);
  });
});

describe("secrets are left out (L4)", () => {
  const secret = "s3cr3t-t0k3n";
  const shown = (thrown: unknown): string => JSON.stringify(safeError(thrown));

  it("of an error as axios makes it: config, request and response are dropped", () => {
    const thrown = Object.assign(new Error("Request failed with status code 401"), {
      name: "AxiosError",
      code: "ERR_BAD_REQUEST",
      config: { headers: { Authorization: `Bearer ${secret}` }, auth: { password: secret }, data: secret },
      request: { _header: `Authorization: Bearer ${secret}` },
      response: { status: 401, headers: { "set-cookie": [secret] }, data: secret },
      toJSON: () => ({ config: { headers: { Authorization: `Bearer ${secret}` } } }),
    });
    expect(shown(thrown)).not.toContain(secret);
    expect(safeError(thrown)).toMatchObject({ name: "AxiosError", code: "ERR_BAD_REQUEST" });
    expect(shown(new Error("could not pay", { cause: thrown }))).not.toContain(secret);
  });

  it.each([
    ["a bearer", { headers: { Authorization: `Bearer ${secret}` } }],
    ["basic credentials", { headers: { authorization: `Basic ${secret}` } }],
    ["a scheme of its own", { headers: { Authorization: `Token ${secret}` } }],
    ["several cookies", { headers: { cookie: `lang=en; session=${secret}` } }],
    ["an API key", { headers: { "X-Api-Key": secret } }],
    ["a connection string", { url: `postgres://app:${secret}@db.internal/pay` }],
  ])("of a plain object that was thrown with %s in it", (_, thrown) => {
    expect(shown(thrown)).not.toContain(secret);
    expect(shown(new Error("x", { cause: thrown }))).not.toContain(secret);
  });

  it.each([
    `connect ECONNREFUSED postgres://app:${secret}@10.0.0.1:5432/pay`,
    `redis://:${secret}@cache:6379 is down`,
    `amqps://user:p@${secret}@queue/ is down`,
    `could not connect to "host=db user=app password=${secret} dbname=pay"`,
    `GET /pay HTTP/1.1\r\nAuthorization: Bearer ${secret}\r\nHost: x`,
    `Authorization: Basic ${secret}`,
    `Authorization: Digest username="app", response="${secret}"`,
    `authorization=Token ${secret}`,
    `Proxy-Authorization: Basic ${secret}`,
    `Cookie: lang=en; session=${secret}`,
    `Set-Cookie: session=${secret}; HttpOnly`,
    `x-api-key: ${secret}`,
    `sent bearer ${secret} and was refused`,
  ])("of text: %s", (text) => {
    expect(safeText(text, 1_000)).not.toContain(secret);
    expect(shown(new Error(text))).not.toContain(secret);
  });

  it("and ordinary text stays as it is", () => {
    for (const text of [
      "the author is away",
      "cookies are sweet",
      "see https://example.com/a?b=c",
      "a bearer of news",
      "12:30 at home",
    ]) {
      expect(safeText(text, 100)).toBe(text);
    }
  });
});
