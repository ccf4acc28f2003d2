// The laws of every delay: finite, never negative, never above its cap, for every attempt there can be.
import fc from "fast-check";
import { binaryExponential, constant, exponential, linear } from "owed";
import { describe, expect, it } from "vitest";

import { DEFAULT_MAX_DELAY_MS } from "../../src/task/backoff.ts";

const attempts = fc.oneof(
  fc.integer({ min: 1, max: 200 }),
  fc.integer({ min: 1, max: 2 ** 31 - 1 }),
  fc.constantFrom(56, 57, 1_023, 1_024, 1_075, 2 ** 31, 2 ** 31 + 1, 2 ** 53, 1e300, Infinity, NaN, 0, -5),
);
const fractions = fc.oneof(
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  fc.constantFrom(0, 1 - 2 ** -53),
);
const milliseconds = fc.oneof(
  fc.integer({ min: 0, max: 1e9 }),
  fc.double({ min: 0, max: 1e15, noNaN: true }),
  fc.constant(Number.MAX_VALUE),
);
const shared = fc.record(
  {
    maxDelayMs: milliseconds,
    jitter: fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constant("full" as const)),
  },
  { requiredKeys: [] },
);
const strategies = fc
  .tuple(milliseconds, fc.double({ min: 1, max: 1e6, noNaN: true }), shared)
  .chain(([baseMs, factor, options]) =>
    fc.constantFrom(
      { options, strategy: constant({ delayMs: baseMs, ...options }) },
      { options, strategy: linear({ baseMs, ...options }) },
      { options, strategy: exponential({ baseMs, factor, ...options }) },
      { options, strategy: binaryExponential({ baseMs, ...options }) },
    ),
  );

describe("every delay", () => {
  it("is finite, not negative and not above the cap, whatever attempt, strategy and jitter (H26, V20)", () => {
    fc.assert(
      fc.property(strategies, attempts, fractions, ({ strategy, options }, attempt, fraction) => {
        const delayMs = strategy.delayMs(attempt, fraction);
        expect(Number.isFinite(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(options.maxDelayMs ?? DEFAULT_MAX_DELAY_MS);
      }),
      { numRuns: 500 },
    );
  });

  it("never falls back to zero at large attempts, as the original's did from the 56th on (H26)", () => {
    const strategy = binaryExponential({ baseMs: 1_000 });
    for (let attempt = 1; attempt <= 5_000; attempt += 1)
      expect(strategy.delayMs(attempt, 0)).toBeGreaterThanOrEqual(900);
    for (const attempt of [2 ** 31 - 1, 2 ** 31, 2 ** 53])
      expect(strategy.delayMs(attempt, 0.5)).toBe(DEFAULT_MAX_DELAY_MS);
  });

  it("grows, or stays, with the attempts when nothing is left to chance", () => {
    const growing = fc
      .tuple(milliseconds, fc.double({ min: 1, max: 100, noNaN: true }))
      .chain(([baseMs, factor]) =>
        fc.constantFrom(
          linear({ baseMs, jitter: 0 }),
          exponential({ baseMs, factor, jitter: 0 }),
          binaryExponential({ baseMs, jitter: 0 }),
        ),
      );
    fc.assert(
      fc.property(growing, fc.integer({ min: 1, max: 5_000 }), fractions, (strategy, attempt, fraction) => {
        expect(strategy.delayMs(attempt + 1, fraction)).toBeGreaterThanOrEqual(
          strategy.delayMs(attempt, fraction),
        );
      }),
    );
  });

  it("stays within its jitter, below the cap", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fractions, (jitter, fraction) => {
        const delayMs = constant({ delayMs: 1_000, jitter }).delayMs(1, fraction);
        expect(delayMs).toBeGreaterThanOrEqual(1_000 * (1 - jitter) - 1e-9);
        expect(delayMs).toBeLessThanOrEqual(1_000 * (1 + jitter) + 1e-9);
        const full = constant({ delayMs: 1_000, jitter: "full" }).delayMs(1, fraction);
        expect(full).toBeCloseTo(1_000 * fraction);
      }),
    );
  });
});

describe("the strategies", () => {
  const delays = (strategy: { delayMs(attempt: number, fraction: number): number }): number[] =>
    [1, 2, 3, 4, 5].map((attempt) => strategy.delayMs(attempt, 0.5));

  it("are what their names say", () => {
    expect(delays(constant({ delayMs: 7, jitter: 0 }))).toEqual([7, 7, 7, 7, 7]);
    expect(delays(linear({ baseMs: 7, jitter: 0 }))).toEqual([7, 14, 21, 28, 35]);
    expect(delays(exponential({ baseMs: 2, factor: 3, jitter: 0 }))).toEqual([2, 6, 18, 54, 162]);
    expect(delays(binaryExponential({ baseMs: 7, jitter: 0 }))).toEqual([7, 14, 28, 56, 112]);
    expect(delays(binaryExponential({ baseMs: 7, jitter: 0, maxDelayMs: 30 }))).toEqual([7, 14, 28, 30, 30]);
  });

  it("move by a tenth by default, up and down, and the middle of chance is the plain delay", () => {
    const strategy = constant({ delayMs: 1_000 });
    expect([0, 0.5, 1].map((fraction) => strategy.delayMs(1, fraction))).toEqual([900, 1_000, 1_100]);
  });

  it("keep to their cap also where jitter would lift a delay above it", () => {
    expect(constant({ delayMs: 1_000, maxDelayMs: 1_000 }).delayMs(1, 0.999)).toBe(1_000);
  });

  it("with a base of 0 wait for nothing, at any attempt", () => {
    for (const attempt of [1, 1_000, 2 ** 31])
      expect(binaryExponential({ baseMs: 0 }).delayMs(attempt, 0.5)).toBe(0);
  });

  it("cannot be changed once made", () => {
    expect(Object.isFrozen(constant({ delayMs: 1 }))).toBe(true);
  });
});
