// The demo's verdict: one thing that is not as promised, and the demo ends with 1 and says which.
import type { Attempt, Balance } from "owed";
import { describe, expect, it } from "vitest";

import type { Evidence, TaskEvidence } from "../../demo/evidence.ts";
import { conservationLine, exitCodeOf, verdictOn } from "../../demo/verdict.ts";

const paymentIds = ["p1", "p2", "p3"];
const taskIds = paymentIds.flatMap((paymentId) => [`webhook:${paymentId}`, `receipt:${paymentId}`]);
const balance: Balance = { enqueued: 6, pending: 0, confirmed: 6, failed: 0, cancelled: 0, pruned: 0 };
const confirmed: TaskEvidence = { state: "confirmed", owner: null, attempts: [] };

/** Three payments, everything as promised, but for what is said otherwise. */
function evidence(unusual: Partial<Evidence> = {}): Evidence {
  return {
    posted: 3,
    answered: new Set(paymentIds),
    paymentIds,
    balance,
    tasks: new Map(taskIds.map((taskId) => [taskId, confirmed])),
    accepted: new Map(paymentIds.map((paymentId) => [`webhook:${paymentId}`, 1])),
    receipts: new Set(paymentIds),
    wasKilled: (owner) => owner === "killed",
    ...unusual,
  };
}

const { accepted, receipts, tasks } = evidence();
const without = <Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): ReadonlyMap<Key, Value> =>
  new Map([...map].filter(([each]) => each !== key));

it("three payments with all their effects are as promised", () => {
  const verdict = verdictOn(evidence());
  expect(verdict).toEqual({ delivered: 3, receipts: 3, repeated: [], lost: 0, problems: [] });
  expect(exitCodeOf(verdict)).toBe(0);
});

const breaches: readonly [
  string,
  Partial<Evidence>,
  lost: number,
  ...problems: readonly (string | RegExp)[],
][] = [
  [
    "a task that is neither pending nor ended",
    { balance: { ...balance, confirmed: 5 } },
    0,
    "the balance does not add up: 6 enqueued is not 0 pending + 5 confirmed + 0 failed + 0 cancelled + 0 pruned",
  ],
  [
    "a task too many",
    { balance: { ...balance, enqueued: 7, confirmed: 7 } },
    0,
    "7 tasks were enqueued, 6 are owed for the payments",
  ],
  [
    "a task that was never enqueued, though the balance adds up",
    { balance: { ...balance, enqueued: 5, confirmed: 5 }, tasks: without(tasks, "receipt:p2") },
    1,
    "5 tasks were enqueued, 6 are owed for the payments",
    "1 tasks are lost",
  ],
  [
    "a confirmed webhook that never reached the merchant",
    { accepted: without(accepted, "webhook:p2") },
    1,
    "1 webhooks were not delivered",
    "1 tasks are lost",
  ],
  [
    "a confirmed receipt that was never written",
    { receipts: new Set([...receipts].slice(1)) },
    1,
    "1 receipts were not written",
    "1 tasks are lost",
  ],
  ["a payment that was posted and not committed", { posted: 4 }, 0, "1 payments were not committed"],
  [
    "a payment that was acknowledged and not committed",
    { posted: 4, answered: new Set([...paymentIds, "p4"]) },
    2,
    "1 payments were not committed",
    "2 tasks are lost",
  ],
  [
    "a webhook for a payment that was never committed",
    { accepted: new Map([...accepted, ["webhook:p9", 1]]) },
    0,
    "1 webhooks were delivered for payments that were never committed",
  ],
  [
    "a task that is still pending",
    {
      balance: { ...balance, confirmed: 5, pending: 1 },
      tasks: new Map([...tasks, ["webhook:p1", { ...confirmed, state: "pending" }]]),
      accepted: without(accepted, "webhook:p1"),
    },
    0,
    "1 webhooks were not delivered",
    "1 tasks were still pending when time was up",
  ],
  [
    "a task that failed after its effect",
    {
      balance: { ...balance, confirmed: 5, failed: 1 },
      tasks: new Map([...tasks, ["webhook:p1", { ...confirmed, state: "failed" }]]),
    },
    0,
    "1 tasks failed",
  ],
  [
    "a webhook that was delivered twice, and no attempt says why",
    { accepted: new Map([...accepted, ["webhook:p1", 2]]) },
    0,
    "1 repeated deliveries are not explained by an attempt",
    "webhook:p1 was delivered 2 times; its attempts: none but the last",
  ],
];

describe("the demo ends with 1, and says why, for", () => {
  it.each(breaches)("%s", (_, unusual, lost, ...problems) => {
    const verdict = verdictOn(evidence(unusual));
    expect([verdict.problems, verdict.lost, exitCodeOf(verdict)]).toEqual([problems, lost, 1]);
  });
});

describe("a webhook that was delivered twice", () => {
  const attempt = (unusual: Partial<Attempt>): Attempt => ({
    outcome: "failed",
    generation: 1,
    owner: "alive",
    claim: 1,
    error: null,
    accepted: true,
    recordedAt: new Date(0),
    durationMs: null,
    ...unusual,
  });
  const error = (message: string): Attempt["error"] => ({ name: "Error", message, code: null, stack: null });
  const judged = (...attempts: readonly Attempt[]) => {
    const twice = new Map([...accepted, ["webhook:p1", 2]]);
    const withStory = new Map([...tasks, ["webhook:p1", { ...confirmed, attempts }]]);
    const verdict = verdictOn(evidence({ accepted: twice, tasks: withStory }));
    return [verdict.repeated.map(({ reason }) => reason), exitCodeOf(verdict)];
  };

  it("is explained by the death of its process, a lapsed lease, or an answer that did not arrive", () => {
    expect(judged(attempt({ outcome: "lost", owner: "killed" }))).toEqual([["killed"], 0]);
    expect(judged(attempt({ outcome: "lost" }))).toEqual([["lapsed"], 0]);
    expect(judged(attempt({ error: error("the executor did not finish") }))).toEqual([["unheard"], 0]);
  });

  it("is not explained by an attempt that the merchant refused: that one delivered nothing", () => {
    expect(judged(attempt({ error: error("the merchant answered 500") }))).toEqual([["unexplained"], 1]);
  });
});

it("the conservation line says = only where the sum is right", () => {
  expect(conservationLine(balance)).toMatch(/^6 enqueued = 0 pending \+ 6 confirmed/);
  expect(conservationLine({ ...balance, pruned: 1 })).toMatch(/^6 enqueued is not 0 pending/);
});
