// The one decision: what the outcome of an attempt means for its task.
import fc from "fast-check";
import { constant, type FailureReason } from "owed";
import { describe, expect, it } from "vitest";

import {
  type DecidedTask,
  decide,
  decideBeforeAttempt,
  type Outcome,
  UNDECODABLE_DELAY_MS,
} from "../../src/task/outcome.ts";
import {
  defaultRetryPolicy,
  originalRetryOptions,
  type RetryPolicy,
  retryPolicy,
} from "../../src/task/policy.ts";

const dayMs = 24 * 3_600_000;
const error = { name: "Error", message: "no", code: null, stack: null };
const fresh: DecidedTask = {
  failedAttempts: 0,
  lostAttempts: 0,
  deferredAttempts: 0,
  ageMs: 0,
  deferredForMs: 0,
};
const policy = retryPolicy(defaultRetryPolicy, {
  backoff: constant({ delayMs: 1_000, jitter: 0 }),
  maxFailedAttempts: 3,
});

const failed: Outcome = { kind: "failed", error, permanent: false };
const permanent: Outcome = { kind: "failed", error, permanent: true };
const undecodable: Outcome = { kind: "undecodable", error };
const deferred = (delayMs: number): Outcome => ({ kind: "deferred", error, delayMs });

function decided(
  outcome: Outcome,
  task: Partial<DecidedTask> = {},
  under: Partial<RetryPolicy> = {},
  ranForMs = 0,
) {
  return decide(outcome, { ...fresh, ...task }, { ...policy, ...under }, ranForMs, 0.5);
}

const retry = { kind: "retry", delayMs: 1_000, counted: "failed", error };
const fail = (reason: FailureReason) => ({ kind: "fail", reason, counted: true, error });

const counts = fc.nat({ max: 100 });
const ages = fc.oneof(fc.nat(), fc.double({ min: 0, max: 1e13, noNaN: true }));
const tasks = fc.record({
  failedAttempts: counts,
  lostAttempts: counts,
  deferredAttempts: counts,
  ageMs: ages,
  deferredForMs: ages,
});
const policies = fc.record({
  maxFailedAttempts: fc.integer({ min: 1, max: 50 }),
  retryForMs: fc.oneof(ages, fc.constant(Number.POSITIVE_INFINITY)),
});
const outcomes: fc.Arbitrary<Outcome> = fc.oneof(
  fc.constantFrom<Outcome>({ kind: "succeeded" }, { kind: "abandoned" }, failed, permanent, undecodable),
  ages.map(deferred),
);

describe("a success", () => {
  it("confirms, whatever came before it (law: a success is never turned into a failure)", () => {
    fc.assert(
      fc.property(tasks, policies, ages, (task, under, ranForMs) => {
        expect(decided({ kind: "succeeded" }, task, under, ranForMs)).toEqual({ kind: "confirm" });
      }),
    );
  });
});

describe("an attempt that a stop gave back", () => {
  it("costs nothing, whatever came before it", () => {
    fc.assert(
      fc.property(tasks, policies, ages, (task, under, ranForMs) => {
        expect(decided({ kind: "abandoned" }, task, under, ranForMs)).toEqual({ kind: "release" });
      }),
    );
  });
});

describe("a failure", () => {
  it("is retried after the backoff of its number", () => {
    const linear = { backoff: { delayMs: (attempt: number, fraction: number) => attempt * 100 + fraction } };
    expect(decided(failed)).toEqual(retry);
    expect(decided(failed, { failedAttempts: 1 }, linear)).toMatchObject({ kind: "retry", delayMs: 200.5 });
  });

  it("is the last when it is the one too many, and not before", () => {
    expect(decided(failed, { failedAttempts: 1 })).toEqual(retry);
    expect(decided(failed, { failedAttempts: 2 })).toEqual(fail("attempts-exhausted"));
    expect(decided(failed, {}, { maxFailedAttempts: 1 })).toEqual(fail("attempts-exhausted"));
  });

  it("of a row at or above its bound ends it, and never raises (F54)", () => {
    for (const failedAttempts of [3, 4, 1_000, Number.MAX_SAFE_INTEGER]) {
      expect(decided(failed, { failedAttempts })).toEqual(fail("attempts-exhausted"));
    }
  });

  it("ends the task at once when it is permanent", () => {
    expect(decided(permanent)).toEqual(fail("permanent-error"));
  });

  it("ends the task once retryForMs has passed since it was first due, the attempt's own time included", () => {
    const under = { retryForMs: 10_000 };
    expect(decided(failed, { ageMs: 9_999 }, under)).toEqual(retry);
    expect(decided(failed, { ageMs: 10_000 }, under)).toEqual(fail("time-expired"));
    expect(decided(failed, { ageMs: 9_000 }, under, 1_000)).toEqual(fail("time-expired"));
    expect(decided(failed, { ageMs: 1e15 })).toEqual(retry);
  });

  it("does not look at losses or deferrals: the budgets are two (law 6)", () => {
    expect(decided(failed, { lostAttempts: 50, deferredAttempts: 50 })).toEqual(retry);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -1, 1e300])(
    "under a user's own strategy that answers %d gets a delay a database can add (H26, G9)",
    (answer) => {
      const decision = decided(failed, {}, { backoff: { delayMs: () => answer } });
      const delayMs = decision.kind === "retry" ? decision.delayMs : Number.NaN;
      expect(delayMs).toBeGreaterThanOrEqual(0);
      expect(delayMs).toBeLessThanOrEqual(10 * 366 * dayMs);
    },
  );
});

describe("a deferral", () => {
  it("waits as long as it was asked to, and counts as no failure", () => {
    expect(decided(deferred(5_000))).toEqual({ kind: "retry", delayMs: 5_000, counted: "deferred", error });
    expect(decided(deferred(5_000), { failedAttempts: 2 })).toMatchObject({
      kind: "retry",
      counted: "deferred",
    });
  });

  it("beyond 24 hours in all, the present attempt and the wait included, counts as a failure", () => {
    expect(decided(deferred(dayMs))).toMatchObject({ counted: "deferred" });
    expect(decided(deferred(dayMs + 1))).toEqual(retry);
    expect(decided(deferred(1_000), { deferredForMs: dayMs - 1_000 })).toMatchObject({ counted: "deferred" });
    expect(decided(deferred(1_000), { deferredForMs: dayMs - 999 })).toEqual(retry);
    expect(decided(deferred(1_000), { deferredForMs: dayMs - 1_500 }, {}, 501)).toEqual(retry);
    expect(decided(deferred(dayMs + 1), { failedAttempts: 2 })).toEqual(fail("attempts-exhausted"));
  });

  it("never makes a task wait longer than 24 hours from its first deferral", () => {
    fc.assert(
      fc.property(tasks, policies, ages, ages, (task, under, delayMs, ranForMs) => {
        const decision = decided(deferred(delayMs), task, under, ranForMs);
        if (decision.kind !== "retry" || decision.counted !== "deferred") return;
        expect(task.deferredForMs + ranForMs + decision.delayMs).toBeLessThanOrEqual(dayMs);
      }),
    );
  });
});

describe("data that cannot be read here", () => {
  it("is given back with a delay for 24 hours, and fails after that, without counting an attempt", () => {
    const back = { kind: "retry", delayMs: UNDECODABLE_DELAY_MS, counted: "deferred", error };
    expect(decided(undecodable)).toEqual(back);
    expect(decided(undecodable, { failedAttempts: 50, deferredForMs: dayMs - 1 })).toEqual(back);
    expect(decided(undecodable, { deferredForMs: dayMs, deferredAttempts: 1_400 })).toEqual({
      kind: "fail",
      reason: "undecodable",
      counted: false,
      error,
    });
  });

  it("is not given up at once because the task had asked to come later, days ago", () => {
    const longAgo = { deferredForMs: 3 * dayMs, failedAttempts: 5 };
    for (const deferredAttempts of [1, 719]) {
      expect(decided(undecodable, { ...longAgo, deferredAttempts })).toMatchObject({ counted: "deferred" });
    }
    expect(decided(undecodable, { ...longAgo, deferredAttempts: 720 })).toMatchObject({ kind: "fail" });
  });
});

describe("before an attempt", () => {
  it("a task that was lost five times alone, after two losses in company, is failed and not executed (G10)", () => {
    for (const lostAttempts of [0, 1, 2, 6])
      expect(decideBeforeAttempt({ ...fresh, lostAttempts }, policy)).toBeNull();
    for (const lostAttempts of [7, 8, 1_000]) {
      expect(decideBeforeAttempt({ ...fresh, lostAttempts }, policy)).toMatchObject({
        kind: "fail",
        reason: "lost-too-often",
        counted: false,
        error: { code: "OWED_TASK_LOST", message: expect.stringContaining(`${lostAttempts} times`) },
      });
    }
  });

  it("failures and deferrals are nobody's business", () => {
    expect(
      decideBeforeAttempt({ ...fresh, failedAttempts: 1_000, deferredAttempts: 1_000 }, policy),
    ).toBeNull();
  });
});

describe("every decision", () => {
  it("is one that can be written: delays finite and not negative, errors kept", () => {
    fc.assert(
      fc.property(
        outcomes,
        tasks,
        policies,
        ages,
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (outcome, task, under, ranForMs, fraction) => {
          const decision = decide(outcome, task, { ...defaultRetryPolicy, ...under }, ranForMs, fraction);
          if (decision.kind === "retry") {
            expect(Number.isFinite(decision.delayMs) && decision.delayMs >= 0).toBe(true);
          }
          if (decision.kind === "retry" || decision.kind === "fail") expect(decision.error).toBe(error);
          else expect(["confirm", "release"]).toContain(decision.kind);
        },
      ),
    );
  });

  it("comes to an end: a task that only fails is failed after exactly its allowed attempts", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), (maxFailedAttempts) => {
        let attempts = 0;
        for (let over = false; !over; attempts += 1) {
          const decision = decided(failed, { failedAttempts: attempts }, { maxFailedAttempts });
          over = decision.kind === "fail";
        }
        expect(attempts).toBe(maxFailedAttempts);
      }),
    );
  });
});

describe("the policy", () => {
  it("by default allows 25 failures over about three days", () => {
    const { backoff, maxFailedAttempts, retryForMs, maxLostAlone, maxDeferralMs } = defaultRetryPolicy;
    const total = Array.from({ length: 24 }, (_, index) => backoff.delayMs(index + 1, 0.5)).reduce(
      (sum, delay) => sum + delay,
      0,
    );
    expect([maxFailedAttempts, retryForMs, maxLostAlone, maxDeferralMs]).toEqual([
      25,
      Number.POSITIVE_INFINITY,
      5,
      dayMs,
    ]);
    expect(total / dayMs).toBeGreaterThan(2);
    expect(total / dayMs).toBeLessThan(4);
  });

  it("of the original lasts under nine minutes, and can be had by name", () => {
    const { backoff, maxFailedAttempts } = retryPolicy(defaultRetryPolicy, originalRetryOptions);
    const delays = Array.from({ length: maxFailedAttempts - 1 }, (_, index) =>
      backoff.delayMs(index + 1, 0.5),
    );
    expect([maxFailedAttempts, delays[0], Math.max(...delays)]).toEqual([10, 1_000, 256_000]);
    expect(delays.reduce((sum, delay) => sum + delay, 0)).toBeLessThan(9 * 60_000);
  });

  it("lays a definition's word over the scheduler's, and leaves unsaid what is unsaid", () => {
    const base = retryPolicy(defaultRetryPolicy, { maxFailedAttempts: 7, retryForMs: 5_000 });
    const merged = retryPolicy(base, { maxFailedAttempts: 2, backoff: undefined, retryForMs: undefined });
    expect(merged).toEqual({ ...base, maxFailedAttempts: 2 });
    expect(Object.isFrozen(merged)).toBe(true);
  });
});
