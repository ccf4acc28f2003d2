// Text of every kind, for properties. (fast-check's own "binary" unit takes seconds to set up.)
import fc from "fast-check";

const codePoint = fc.oneof(
  fc.integer({ min: 1, max: 0x7f }),
  fc.integer({ min: 0x80, max: 0xd7ff }),
  fc.integer({ min: 0xe000, max: 0x10_ffff }),
);

const odd = fc.constantFrom(
  "",
  "__proto__",
  "constructor",
  "toString",
  "\ufffe\uffff",
  "\u202eevil",
  "\r\n\u2028\u001b[31m",
  "e\u0301",
  '"\\/',
);

/** Text any column and codec takes: no NUL, no halves of characters. */
export const goodText: fc.Arbitrary<string> = fc.oneof(
  fc.array(codePoint, { maxLength: 12 }).map((codePoints) => String.fromCodePoint(...codePoints)),
  odd,
);

/** Any text at all. */
export const anyText: fc.Arbitrary<string> = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: goodText },
      { weight: 1, arbitrary: fc.constantFrom("\0", "\ud800", "\udc00") },
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(""));
