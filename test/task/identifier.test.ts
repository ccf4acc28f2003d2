// Ids and names: what is allowed to the byte, and how new ones are made.
import fc from "fast-check";
import { InvalidInputError } from "owed";
import { describe, expect, it } from "vitest";

import {
  checkHeaders,
  checkReferenceId,
  checkTaskId,
  checkType,
  MAX_HEADERS_BYTES,
  MAX_REFERENCE_ID_BYTES,
  MAX_TASK_ID_BYTES,
  MAX_TYPE_BYTES,
  processId,
  uuidv7,
} from "../../src/task/identifier.ts";
import { typeHash } from "../../src/task/type-hash.ts";
import { goodText } from "./any-text.ts";

const sixteenBytes = fc.uint8Array({ minLength: 16, maxLength: 16 });
const instants = fc.integer({ min: 0, max: 2 ** 48 - 1 });

/** Mostly characters that are allowed, of one to four bytes; now and then one that is not. */
const character = fc.oneof(
  { weight: 400, arbitrary: fc.constantFrom("a", "ü", "漢", "\u{1f9fe}", "'", '"', ";", "\u202e") },
  { weight: 1, arbitrary: fc.constantFrom("\0", "\ud800", "\udfff") },
);

describe("a taskId, a type, a referenceId", () => {
  const checks = [
    ["taskId", checkTaskId, MAX_TASK_ID_BYTES, 512],
    ["type", checkType, MAX_TYPE_BYTES, 200],
    ["referenceId", checkReferenceId, MAX_REFERENCE_ID_BYTES, 512],
  ] as const;

  it.each(checks)(
    "%s is taken up to its limit in bytes of UTF-8, and not beyond",
    (field, check, limit, expected) => {
      expect(limit).toBe(expected);
      expect(check("x".repeat(limit))).toBe("x".repeat(limit));
      expect(() => check("x".repeat(limit + 1))).toThrow(expect.objectContaining({ field }));
      expect(() => check("ü".repeat(limit / 2 + 1))).toThrow(InvalidInputError);
      expect(check("ü".repeat(limit / 2))).toBe("ü".repeat(limit / 2));
    },
  );

  it.each(checks)(
    "%s is given back unchanged, or refused, whatever text it is (F50, F59)",
    (_, check, limit) => {
      fc.assert(
        fc.property(
          fc.array(character, { maxLength: 250 }).map((characters) => characters.join("")),
          (value) => {
            const isGood =
              value !== "" &&
              !value.includes("\0") &&
              value.isWellFormed() &&
              Buffer.byteLength(value) <= limit;
            if (isGood) expect(check(value)).toBe(value);
            else expect(() => check(value)).toThrow(InvalidInputError);
          },
        ),
      );
    },
  );

  it("that is no text is refused, and says what it was", () => {
    for (const [value, word] of [
      [5, "number"],
      [{}, "object"],
      [Symbol("s"), "symbol"],
      [true, "boolean"],
    ] as const) {
      expect(() => checkTaskId(value)).toThrow(word);
      expect(() => checkReferenceId(value)).toThrow(word);
    }
    for (const check of [checkTaskId, checkType]) {
      expect(() => check(undefined)).toThrow("undefined");
      expect(() => check(null)).toThrow("null");
    }
    expect([checkReferenceId(undefined), checkReferenceId(null)]).toEqual([null, null]);
  });
});

describe("headers", () => {
  it("are copied and frozen; none are null", () => {
    const given = { traceparent: "00-abc", empty: "" };
    const headers = checkHeaders(given);
    expect(headers).toEqual(given);
    expect([headers === given, Object.isFrozen(headers)]).toEqual([false, true]);
    expect([checkHeaders({}), checkHeaders(undefined), checkHeaders(null)]).toEqual([null, null, null]);
  });

  it("are taken up to 4 KB of keys and values together", () => {
    expect(checkHeaders({ ab: "x".repeat(MAX_HEADERS_BYTES - 2) })).not.toBeNull();
    expect(() => checkHeaders({ ab: "x".repeat(MAX_HEADERS_BYTES - 1) })).toThrow(
      expect.objectContaining({ field: "headers" }),
    );
    expect(() => checkHeaders({ a: "ü".repeat(2_000), b: "x".repeat(97) })).toThrow(InvalidInputError);
  });

  it("keep a name like __proto__ a name (F57)", () => {
    const headers = checkHeaders(JSON.parse('{"__proto__":"x"}'));
    expect(Object.keys(headers ?? {})).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(headers)).toBe(Object.prototype);
  });
});

describe("a new taskId", () => {
  it("is a UUIDv7 with its time in front (RFC 9562)", () => {
    fc.assert(
      fc.property(instants, sixteenBytes, (wallMs, random) => {
        const id = uuidv7(wallMs, random);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)).toBe(wallMs);
      }),
    );
    expect(uuidv7(0x0123_4567_89ab, new Uint8Array(16))).toBe("01234567-89ab-7000-8000-000000000000");
    expect(uuidv7(0, new Uint8Array(16).fill(255))).toBe("00000000-0000-7fff-bfff-ffffffffffff");
  });

  it("sorts after every one made in an earlier millisecond", () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(instants, { minLength: 2, maxLength: 2 }),
        sixteenBytes,
        sixteenBytes,
        (times, left, right) => {
          const [earlier, later] = times.toSorted((a, b) => a - b) as [number, number];
          expect(uuidv7(earlier, left) < uuidv7(later, right)).toBe(true);
        },
      ),
    );
  });

  it("keeps the 74 bits of chance: other bytes, other id", () => {
    fc.assert(
      fc.property(instants, sixteenBytes, sixteenBytes, (wallMs, left, right) => {
        const chance = (bytes: Uint8Array): string =>
          [bytes[6]! & 0x0f, bytes[7], bytes[8]! & 0x3f, ...bytes.slice(9)].join();
        expect(uuidv7(wallMs, left) === uuidv7(wallMs, right)).toBe(chance(left) === chance(right));
      }),
    );
  });

  it("takes fractions of milliseconds and clocks before 1970 as they come", () => {
    expect(uuidv7(1.9, new Uint8Array(16))).toBe(uuidv7(1, new Uint8Array(16)));
    expect(uuidv7(-5, new Uint8Array(16))).toBe(uuidv7(0, new Uint8Array(16)));
  });

  it("does not change the bytes it is given", () => {
    const bytes = new Uint8Array(16).fill(7);
    uuidv7(1, bytes);
    expect(bytes).toEqual(new Uint8Array(16).fill(7));
  });
});

describe("a process id", () => {
  it("is a positive 63-bit number in decimal", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 16 }), (random) => {
        const id = processId(random);
        expect(id).toMatch(/^[1-9]\d*$/);
        expect(BigInt(id) <= 2n ** 63n - 1n).toBe(true);
      }),
    );
    expect(processId(new Uint8Array(8))).toBe("1");
    expect(processId(new Uint8Array(8).fill(255))).toBe("9223372036854775807");
  });
});

describe("the hash of a type", () => {
  it("is stable: rows of every database hold it (pinned)", () => {
    expect(typeHash("receipt.send")).toBe("4089190158541546430");
    expect(typeHash("ünïcode 🧾")).toBe("-2021324713983350831");
  });

  it("is a signed 64-bit number, and another one for another type", () => {
    fc.assert(
      fc.property(fc.uniqueArray(goodText, { minLength: 2, maxLength: 2 }), ([left = "", right = ""]) => {
        expect(typeHash(left)).not.toBe(typeHash(right));
        for (const hash of [left, right].map((type) => BigInt(typeHash(type)))) {
          expect(hash >= -(2n ** 63n) && hash < 2n ** 63n).toBe(true);
        }
      }),
    );
  });
});
