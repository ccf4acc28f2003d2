// Data from SQL and data from TypeScript are the same bytes, so that each side recognises the tasks of the other.
import fc from "fast-check";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodeJson, encodeJson } from "../../src/task/json-codec.ts";
import { sharedMajors } from "../support/database.ts";
import { goodText } from "../task/any-text.ts";
import { openHarness, type PostgresHarness } from "./harness.ts";

const buffer = new DataView(new ArrayBuffer(8));
/** Any double but NaN and the infinities: each bit as likely as the other, so that all exponents occur. */
const anyBits = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((bits) => {
  buffer.setBigUint64(0, bits);
  const double = buffer.getFloat64(0);
  return Number.isFinite(double) ? double : 0.5;
});
/** Where the shortest text of a double is hard to find: next to powers of two and of ten. */
const nearPower = fc
  .tuple(fc.constantFrom(2, 10), fc.integer({ min: -1080, max: 1080 }), fc.integer({ min: -3, max: 3 }))
  .map(([base, exponent, steps]) => {
    buffer.setFloat64(0, base ** exponent);
    buffer.setBigInt64(0, buffer.getBigInt64(0) + BigInt(steps));
    const double = buffer.getFloat64(0);
    return Number.isFinite(double) ? double : 1e23;
  });
const oddNumbers = [
  0,
  1e23,
  2 ** -44,
  5e-324,
  1.797_693_134_862_315_7e308,
  2.225_073_858_507_201_4e-308,
  1e21,
  1e-6,
  1e-7,
  999_999_999_999_999_900_000,
  0.1 + 0.2,
  2 ** 53,
  2 ** 63,
  9.5e-7,
];
const number = fc
  .oneof(
    anyBits,
    nearPower,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer(),
    fc.maxSafeInteger(),
    fc.integer({ min: -99_999, max: 99_999 }).map((cents) => cents / 100),
    fc.constantFrom(...oddNumbers),
  )
  // What SQL cannot say: there is no -0 in jsonb.
  .map((value) => (value === 0 ? 0 : value));
/** Text around the places where the orders of UTF-8 and UTF-16 differ. */
const text = fc.oneof(
  goodText,
  fc
    .array(
      fc.constantFrom("a", "\ud7ff", "\ue000", "\ufffd", "\uffff", "\u{10000}", "\u{10ffff}", "\u001f"),
      {
        maxLength: 4,
      },
    )
    .map((parts) => parts.join("")),
);
const { data } = fc.letrec<{ data: unknown }>((tie) => ({
  data: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    number,
    text,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("data"), { maxLength: 4 }),
    fc
      .array(fc.tuple(text, tie("data")), { maxLength: 5 })
      .map((entries) => Object.fromEntries(entries) as unknown),
  ),
}));
/** Keys in another order than they would have, with spaces: JSON as somebody else writes it. */
const loose = (value: unknown): string =>
  JSON.stringify(
    value,
    (_, inner: unknown) =>
      typeof inner === "object" && inner !== null && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).reverse())
        : inner,
    " ",
  );

/** What the database makes of texts of JSON, all in one statement. */
async function canonical({ pool, schema }: PostgresHarness, texts: readonly string[]): Promise<string[]> {
  const { rows } = await pool.query<{ written: string }>(
    `select ${schema}.canonical_json_v1(cast(g.given as jsonb), 'data', 0) as written
     from unnest(cast($1 as text[])) with ordinality as g (given, place) order by g.place`,
    [texts],
  );
  return rows.map(({ written }) => written);
}

const inTypeScript = (value: unknown): string => new TextDecoder().decode(encodeJson(value));

async function refusal(pool: pg.Pool, statement: string, values: unknown[]): Promise<unknown> {
  return pool.query(statement, values).then(
    ({ rows }) => rows,
    ({ code, message }: { code: string; message: string }) => ({ code, message }),
  );
}

describe.each(sharedMajors())("data on Postgres %i", (major) => {
  let harness: PostgresHarness;
  beforeAll(async () => void (harness = await openHarness({ major })));
  afterAll(() => harness[Symbol.asyncDispose]());

  it("is written by SQL as the codec of TypeScript writes it, whatever the order of keys, and read back as it was", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(data, { minLength: 100, maxLength: 100 }), async (values) => {
        const written = await canonical(harness, values.map(loose));
        expect(written).toEqual(values.map(inTypeScript));
        expect(written.map((one) => decodeJson(new TextEncoder().encode(one)))).toEqual(values);
      }),
      { numRuns: 40 },
    );
  });

  it("has numbers as JavaScript writes them, from its text and from a column of doubles", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(number, { minLength: 300, maxLength: 300 }), async (numbers) => {
        const expected = numbers.map((one) => JSON.stringify(one));
        expect(await canonical(harness, expected)).toEqual(expected);
        const { rows } = await harness.pool.query<{ written: string }>(
          `select ${harness.schema}.canonical_json_v1(to_jsonb(g.double), 'data', 0) as written
           from unnest(cast($1 as double precision[])) with ordinality as g (double, place) order by g.place`,
          [numbers],
        );
        expect(rows.map(({ written }) => written)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it.each([
    ["1.10", "1.1"],
    ["-0", "0"],
    ["-0.00", "0"],
    ["0.1e1", "1"],
    ["1E20", "100000000000000000000"],
    ["12.500", "12.5"],
    ['{"b":1,"a":2,"b":3}', '{"a":2,"b":3}'],
    ['{"aa":1,"b":2,"":3}', '{"":3,"aa":1,"b":2}'],
    ['"\\u00e9\\/\\u007f\\u2028\\u0001"', '"é/\u007f\u2028\\u0001"'],
    [" [ ] ", "[]"],
    ["{}", "{}"],
    ["null", "null"],
  ])("%s is %s", async (given, written) => {
    expect(await canonical(harness, [given])).toEqual([written]);
    if (!given.startsWith("-0")) expect(inTypeScript(JSON.parse(given))).toBe(written);
  });

  it.each([
    "9007199254740993",
    "12345678901234567890",
    "0.1234567890123456789",
    "0.10000000000000001",
    "1e400",
    "-1e400",
    "1e-400",
    "4e-324",
    "999999999999999.99",
    "1152921504606846976",
    "1.7976931348623158e308",
  ])("%s is refused, since an executor would get another number", async (given) => {
    const statement = `select ${harness.schema}.enqueue('t', jsonb_build_object('list', jsonb_build_array(1, cast($1 as jsonb))))`;
    expect(await refusal(harness.pool, statement, [given])).toEqual({
      code: "OW004",
      message: "data.list[1] is a number that a double (IEEE 754) does not keep",
    });
  });

  it("is refused where it is nested deeper than the codec goes, and not before", async () => {
    const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
    expect(await canonical(harness, [nested(200)])).toEqual([inTypeScript(JSON.parse(nested(200)))]);
    expect(() => inTypeScript(JSON.parse(nested(201)))).toThrow(/nested deeper than 200/);
    const statement = `select ${harness.schema}.enqueue('t', cast($1 as jsonb))`;
    expect(await refusal(harness.pool, statement, [nested(201)])).toMatchObject({ code: "OW004" });
    const objects = '{"a":'.repeat(200) + "1" + "}".repeat(200);
    expect(await canonical(harness, [objects])).toEqual([objects]);
  });

  it("does not depend on the settings of the session that calls", async () => {
    const client = await harness.pool.connect();
    await client.query("set extra_float_digits = -15; set standard_conforming_strings = off");
    const value = { double: 0.1 + 0.2, "\ue000": 1, "\u{10000}": 2 };
    await client.query(`select ${harness.schema}.enqueue('t', cast($1 as jsonb), task_id => 'settings')`, [
      JSON.stringify(value),
    ]);
    client.release(true);
    expect((await harness.store.get("settings"))?.data).toEqual(encodeJson(value));
  });
});
