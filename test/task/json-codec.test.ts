// The JSON codec: what comes back is what was given, and equal data is equal bytes; everything else is refused.
import assert from "node:assert/strict";
import fc from "fast-check";
import { DataNotEncodableError, DataTooLargeError } from "owed";
import { describe, expect, it } from "vitest";

import { decodeJson, encodeJson, MAX_DATA_DEPTH } from "../../src/task/json-codec.ts";
import { goodText } from "./any-text.ts";

const text = (data: unknown): string => new TextDecoder().decode(encodeJson(data));

const numbers = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(-0, 0, 1e308, 5e-324, 2 ** 53),
);

const anyData = fc.letrec<{ readonly data: unknown }>((tie) => ({
  data: fc.oneof(
    { maxDepth: 5, depthSize: "small" },
    fc.constantFrom(null, true, false),
    numbers,
    goodText,
    fc.array(tie("data"), { maxLength: 5 }),
    fc.array(fc.tuple(goodText, tie("data")), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
})).data;

/** The same data with the keys of every object in another order. */
function reordered(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(reordered);
  if (typeof data !== "object" || data === null) return data;
  return Object.fromEntries(
    Object.entries(data)
      .reverse()
      .map(([key, value]) => [key, reordered(value)]),
  );
}

/** -0 is not 0, prototypes count, and a key called constructor is a key. Vitest's own equality is fooled by the last. */
const expectSame: (actual: unknown, expected: unknown) => void = assert.deepStrictEqual;

/** The data without properties that are undefined, and with the usual prototypes: what may come back of it. */
function kept(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(kept);
  if (typeof data !== "object" || data === null) return data;
  const entries = Object.entries(data).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, kept(value)]));
}

describe("data that JSON can keep", () => {
  it("comes back as it was given: -0, odd keys, every character (F50, F57, H32)", () => {
    fc.assert(
      fc.property(anyData, (data) => expectSame(decodeJson(encodeJson(data)), data)),
      { numRuns: 500 },
    );
  });

  it("is the same bytes whenever it is equal, in whatever order its keys were set", () => {
    fc.assert(
      fc.property(anyData, (data) => {
        expect(text(reordered(data))).toBe(text(data));
      }),
      { numRuns: 500 },
    );
  });

  it("is other bytes whenever it differs", () => {
    fc.assert(
      fc.property(anyData, anyData, (left, right) => {
        let isSame = true;
        try {
          expectSame(left, right);
        } catch {
          isSame = false;
        }
        expect(text(left) === text(right)).toBe(isSame);
      }),
      { numRuns: 500 },
    );
  });

  it("is written canonically, and what is read is written the same again", () => {
    expect(text({ b: [1, { d: null, c: -0 }], a: "ü\u2028" })).toBe(
      '{"a":"ü\u2028","b":[1,{"c":-0,"d":null}]}',
    );
    fc.assert(
      fc.property(anyData, (data) => {
        expect(text(decodeJson(encodeJson(data)))).toBe(text(data));
      }),
    );
  });

  it("is plain JSON, which any reader reads", () => {
    fc.assert(fc.property(anyData, (data) => expectSame(JSON.parse(text(data)), data)));
  });

  it("keeps a key __proto__ as a key, and leaves every prototype alone (F57, L2)", () => {
    const hostile: unknown = JSON.parse(
      '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"toString":1}',
    );
    const back = decodeJson(encodeJson(hostile)) as object;
    expect(Object.keys(back).sort()).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it("may leave properties undefined, which is leaving them out", () => {
    expect(text({ a: undefined, b: 1 })).toBe('{"b":1}');
  });

  it("may hold the same object twice, as long as it is no cycle", () => {
    const shared = { x: 1 };
    expect(text([shared, shared, { shared }])).toBe('[{"x":1},{"x":1},{"shared":{"x":1}}]');
  });

  it("may come from another realm, or have no prototype", () => {
    expect(text(Object.assign(Object.create(null), { a: 1 }))).toBe('{"a":1}');
  });

  it("may be large: a text of a megabyte in one line (F50)", () => {
    const long = "\u{1f9fe}".repeat(250_000);
    expect(decodeJson(encodeJson(long))).toBe(long);
  });

  it("may be frozen, and is never touched (H7)", () => {
    const data = Object.freeze({ list: Object.freeze([Object.freeze({ b: 1, a: 2 })]) });
    encodeJson(data);
    expect(JSON.stringify(data)).toBe('{"list":[{"b":1,"a":2}]}');
  });
});

class Money {
  readonly amount = 5;
}

class FromNothing extends (null as unknown as new () => object) {}

const refused: readonly [string, unknown, string][] = [
  ["undefined at the top", undefined, "data"],
  ["undefined in a list", [1, undefined], "data[1]"],
  ["a hole in a list", Object.assign([1], { length: 3 }), "data[1]"],
  ["a bigint", { a: { b: 1n } }, "data.a.b"],
  ["NaN", [Number.NaN], "data[0]"],
  ["Infinity", { a: Number.POSITIVE_INFINITY }, "data.a"],
  ["-Infinity", { a: Number.NEGATIVE_INFINITY }, "data.a"],
  ["a function", [() => 1], "data[0]"],
  ["a symbol", { a: Symbol("s") }, "data.a"],
  ["a key that is a symbol", { a: { [Symbol("s")]: 1 } }, "data.a"],
  ["a Date", { at: new Date(0) }, "data.at"],
  ["a Date that is none", new Date(Number.NaN), "data"],
  ["a Map", { m: new Map([[1, 2]]) }, "data.m"],
  ["a Set", [new Set([1])], "data[0]"],
  ["a RegExp", /x/, "data"],
  ["an Error", new Error("x"), "data"],
  ["a class instance", { price: new Money() }, "data.price"],
  ["an instance of a class without a prototype", Object.create(FromNothing.prototype), "data"],
  ["bytes", { b: new Uint8Array(2) }, "data.b"],
  ["a Buffer", Buffer.from("x"), "data"],
  ["an ArrayBuffer", new ArrayBuffer(1), "data"],
  ["a boxed text", Object("x"), "data"],
  ["a promise", { p: Promise.resolve(1) }, "data.p"],
  ["an object with toJSON", { a: { toJSON: () => "x" } }, "data.a.toJSON"],
  ["NUL in text", { a: "x\0y" }, "data.a"],
  ["half a character in text", ["\ud83d"], "data[0]"],
  ["the other half", { a: "x\udc00" }, "data.a"],
];

describe("data that JSON cannot keep", () => {
  it.each(refused)("is refused, and the place is named: %s (F50, F51, V5)", (_, data, field) => {
    const refusal = (): unknown => encodeJson(data);
    expect(refusal).toThrow(DataNotEncodableError);
    expect(refusal).toThrow(expect.objectContaining({ field, message: expect.stringMatching(/.+: .{4,}/) }));
  });

  it("is refused for a key with NUL or half a character", () => {
    for (const key of ["\0", "\ud800"])
      expect(() => encodeJson({ a: { [key]: 1 } })).toThrow(/key of data\.a/);
  });

  it("is refused for a cycle, through objects and lists (F51)", () => {
    const object: Record<string, unknown> = {};
    object["list"] = [{ object }];
    expect(() => encodeJson(object)).toThrow(expect.objectContaining({ field: "data.list[0].object" }));
    const list: unknown[] = [];
    list.push(list);
    expect(() => encodeJson(list)).toThrow(DataNotEncodableError);
  });

  it("is refused for 10,000 levels, and does not overflow the stack; 200 are taken (F51)", () => {
    const nested = (levels: number, wrap: (inner: unknown) => unknown): unknown => {
      let data: unknown = 1;
      for (let level = 0; level < levels; level += 1) data = wrap(data);
      return data;
    };
    for (const wrap of [(inner: unknown) => [inner], (inner: unknown) => ({ inner })]) {
      expect(() => encodeJson(nested(10_000, wrap))).toThrow(DataNotEncodableError);
      expect(() => encodeJson(nested(MAX_DATA_DEPTH + 1, wrap))).toThrow(/deeper than 200/);
      expect(decodeJson(encodeJson(nested(MAX_DATA_DEPTH, wrap)))).toEqual(nested(MAX_DATA_DEPTH, wrap));
    }
  });

  it("is refused for a list with properties of its own, which would be lost (G21)", () => {
    expect(() => encodeJson(Object.assign([1, 2], { total: 3 }))).toThrow(DataNotEncodableError);
    expect(() => encodeJson("ab".match(/a(?<rest>b)/))).toThrow(DataNotEncodableError);
  });

  it("is refused for a list of a class of its own, which would come back as another (G21)", () => {
    class Basket extends Array<number> {}
    expect(() => encodeJson(Basket.from([1]))).toThrow(DataNotEncodableError);
  });

  it("is refused once it is too large, before shared objects have multiplied beyond memory", () => {
    const doubled = (wrap: (inner: unknown) => unknown): unknown => {
      let data: unknown = wrap(1);
      for (let level = 1; level < 40; level += 1) data = wrap(data);
      return data;
    };
    const limit = { type: "shared", maxDataBytes: 262_144 };
    for (const wrap of [(one: unknown) => [one, one], (one: unknown) => ({ a: one, b: one })]) {
      const refusal = (): unknown => encodeJson(doubled(wrap), limit);
      expect(refusal).toThrow(DataTooLargeError);
      expect(refusal).toThrow(/"shared" is at least 26\d{4} bytes and the limit is 262144/);
    }
  });

  it("is taken up to the limit, whatever its characters and shared objects take", () => {
    fc.assert(
      fc.property(anyData, (data) => {
        const shared = [data, { data }];
        const bytes = encodeJson(shared);
        expect(encodeJson(shared, { type: "t", maxDataBytes: bytes.byteLength })).toEqual(bytes);
      }),
    );
  });

  it("passes on what a getter throws, and encodes nothing then", () => {
    const data = {
      get amount(): number {
        throw new RangeError("not loaded");
      },
    };
    expect(() => encodeJson(data)).toThrow(RangeError);
  });

  it("is either refused with a typed error or comes back the same, whatever it is (G21)", () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withTypedArray: true,
      withSparseArray: true,
      withObjectString: true,
    });
    fc.assert(
      fc.property(anything, (data) => {
        let bytes: Uint8Array;
        try {
          bytes = encodeJson(data);
        } catch (error) {
          expect(error).toBeInstanceOf(DataNotEncodableError);
          return;
        }
        expectSame(decodeJson(bytes), kept(data));
      }),
      { numRuns: 500 },
    );
  });
});

describe("bytes that are no JSON", () => {
  it.each([[""], ["{"], ["undefined"], ["NaN"], ["{'a':1}"], ["[1,]"]])("%j are refused", (written) => {
    expect(() => decodeJson(new TextEncoder().encode(written))).toThrow(SyntaxError);
  });

  it("that are no UTF-8 are refused, and not patched up (V4)", () => {
    expect(() => decodeJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow(TypeError);
  });
});
