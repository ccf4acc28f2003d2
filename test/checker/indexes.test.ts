// The indexes: tokens are found however many a task has, and the nemesis is placed where it belongs.
import { expect, it } from "vitest";
import { faultsOf } from "../../checker/faults.ts";
import type { AuditEntry, NemesisEvent } from "../../checker/history.ts";
import { type Tokened, TokenMap } from "../../checker/token-map.ts";

it("a token is found among few claims of a task and among many, and the first value stays", () => {
  const map = new TokenMap<Tokened & { readonly number: number }>();
  for (let number = 0; number < 100; number += 1) {
    const token = { owner: String(number % 7), claim: number, generation: 1 };
    map.add({ taskId: "t", token, number });
    map.add({ taskId: "t", token, number: -1 });
    map.add({ taskId: `other-${number}`, token, number: -2 });
  }
  for (let number = 0; number < 100; number += 1) {
    const token = { owner: String(number % 7), claim: number, generation: 1 };
    expect(map.get("t", token)?.number).toBe(number);
    expect(map.get("t", { ...token, generation: 2 })).toBeUndefined();
  }
  expect(map.size).toBe(200);
  expect(map.of("t")).toHaveLength(100);
});

const audit: readonly AuditEntry[] = [1_000, 2_000, 3_000, 4_000].map((ms, index) => ({
  seq: index + 1,
  atMs: 1_900_000_000_000 + ms,
  change: { kind: "process.beat", owner: "1" },
}));

function kill(event: Omit<NemesisEvent, "action">): NemesisEvent {
  return { ...event, action: { kind: "kill", process: "a", boot: 1 } };
}

it.each([
  { name: "by the commit before it", event: { atMs: 7, afterSeq: 2 } },
  { name: "by the database's clock", event: { atMs: 7, databaseMs: 1_900_000_002_500 } },
  { name: "by a clock that runs with the database's", event: { atMs: 1_900_000_002_500 } },
  { name: "by a clock that starts with the run", event: { atMs: 1_500 } },
])("a fault is placed $name", ({ event }) => {
  const [fault] = faultsOf([kill(event)], audit).all;
  expect(fault?.fromIndex).toBe(2);
  expect(fault?.fromMs).toBeGreaterThanOrEqual(1_900_000_002_000);
  expect(fault?.fromMs).toBeLessThanOrEqual(1_900_000_003_000);
});

it("faults within faults of the same kind all end", () => {
  const pause = { kind: "pause", process: "a", boot: 1 } as const;
  const resume = { kind: "resume", process: "a", boot: 1 } as const;
  const events = [pause, pause, resume, resume].map((action, index) => ({ atMs: index, action }));
  expect(faultsOf(events, audit).all.map(({ toMs }) => Number.isFinite(toMs))).toEqual([true, true]);
});
