// One small change to a clean history of a random run: the guarantee it breaks is found violated.
import { expect, it } from "vitest";
import { check } from "../../checker/check.ts";
import type { AuditEntry, History, NemesisEvent, ProcessEvent } from "../../checker/history.ts";
import { randomRun } from "./random-run.ts";

const clean = randomRun({ seed: 1, forMs: 60_000 }).history();

interface Mutation {
  readonly name: string;
  readonly breaks: string;
  readonly mutate: (history: History) => History;
}

type Entries = readonly AuditEntry[];

function withProcesses(change: (event: ProcessEvent, index: number) => readonly ProcessEvent[]) {
  return (history: History): History => ({ ...history, processes: history.processes.flatMap(change) });
}

function withAudit(change: (audit: Entries) => Entries) {
  return (history: History): History => ({ ...history, audit: change(history.audit) });
}

/** Applies a change to the first event that fits, and to it alone. */
function toFirst(
  fits: (event: ProcessEvent, history: readonly ProcessEvent[]) => boolean,
  change: (event: ProcessEvent) => readonly ProcessEvent[],
) {
  const place = clean.processes.findIndex((event) => fits(event, clean.processes));
  if (place < 0) throw new Error("the random run holds no such event");
  return withProcesses((event, index) => (index === place ? change(event) : [event]));
}

const confirmed = new Set(
  clean.audit.flatMap(({ change }) =>
    change.kind === "settled.insert" && change.state === "confirmed" ? [change.taskId] : [],
  ),
);

const losers = new Set(
  clean.audit.flatMap(({ change }) => {
    const isLoss = change.kind === "pending.update" && change.after.lostAttempts > change.before.lostAttempts;
    return isLoss ? [change.before.owner] : [];
  }),
);

function isOf(event: ProcessEvent, kind: ProcessEvent["event"]["kind"]): boolean {
  return event.event.kind === kind;
}

function succeedsOnce({ event }: ProcessEvent, all: readonly ProcessEvent[]): boolean {
  if (event.kind !== "execution.end" || event.outcome !== "succeeded" || !confirmed.has(event.taskId))
    return false;
  const { taskId } = event;
  return (
    all.filter(({ event: other }) => other.kind === "execution.start" && other.taskId === taskId).length === 1
  );
}

const mutations: readonly Mutation[] = [
  {
    name: "an execution that succeeded is forgotten",
    breaks: "G5",
    mutate: toFirst(succeedsOnce, () => []),
  },
  {
    name: "an execution starts twice",
    breaks: "G8",
    mutate: toFirst(
      (event) => isOf(event, "execution.start"),
      (event) => [event, { ...event, seq: event.seq + 0.5 }],
    ),
  },
  {
    name: "an execution starts a lease later",
    breaks: "G6",
    mutate: toFirst(
      (event) => isOf(event, "execution.start"),
      (event) => [{ ...event, monotonicMs: event.monotonicMs + 10_000 }],
    ),
  },
  {
    name: "a hook is called before the answer",
    breaks: "G18",
    mutate: toFirst(
      (event) => isOf(event, "hook.confirmed"),
      (event) => [{ ...event, seq: event.seq - 1.5 }],
    ),
  },
  {
    name: "a transactional effect is applied twice",
    breaks: "G15",
    mutate: toFirst(
      ({ event }) => event.kind === "effect" && isPayment(event.taskId),
      (event) => [event, event],
    ),
  },
  {
    name: "a failed execution was given back",
    breaks: "G16",
    mutate: toFirst(
      ({ event }) => event.kind === "execution.end" && event.outcome === "failed",
      (event) => [{ ...event, event: { ...event.event, outcome: "abandoned" } as ProcessEvent["event"] }],
    ),
  },
  {
    name: "a claim follows the stop",
    breaks: "G16",
    mutate: toFirst(
      (event) => isOf(event, "stop.begin"),
      (event) => [
        event,
        { ...event, seq: event.seq + 0.5, event: { kind: "claim.invoke", owner: "1", claim: 1 } },
      ],
    ),
  },
  {
    name: "a commit that was asked for was not",
    breaks: "G22",
    mutate: (history) => {
      const call = history.processes.find((event) => isOf(event, "commit.answer"))?.event;
      const calls = call?.kind === "commit.answer" ? call.calls : [];
      return withProcesses((event) =>
        "calls" in event.event && event.event.calls.some((one) => calls.includes(one)) ? [] : [event],
      )(history);
    },
  },
  {
    name: "a committed task vanishes from the database",
    breaks: "G2",
    mutate: withAudit((audit) =>
      audit.filter(({ change }) => !("taskId" in change) || change.taskId !== "t1"),
    ),
  },
  {
    name: "nobody died of whom tasks were taken",
    breaks: "G7",
    mutate: withAudit((audit) =>
      audit.filter(({ change }) => change.kind !== "process.delete" || !losers.has(change.owner)),
    ),
  },
  {
    name: "retries are due at once",
    breaks: "G9",
    mutate: withAudit((audit) =>
      audit.map((entry) => {
        const { change, atMs } = entry;
        if (change.kind !== "pending.update" || change.after.failedAttempts === change.before.failedAttempts)
          return entry;
        return { ...entry, change: { ...change, after: { ...change.after, dueAtMs: atMs } } };
      }),
    ),
  },
  {
    name: "nobody asked for a redrive",
    breaks: "G14",
    mutate: (history) => ({
      ...history,
      nemesis: history.nemesis.filter(({ action }) => !isRedrive(action)),
    }),
  },
  {
    name: "a killed process was not killed",
    breaks: "G20",
    mutate: (history) => ({
      ...history,
      nemesis: history.nemesis.filter(({ action }) => action.kind !== "kill"),
    }),
  },
  {
    name: "the last commit of the audit is missing",
    breaks: "G4",
    mutate: withAudit((audit) => {
      const last = audit.findLast(({ change }) => change.kind === "settled.insert")?.seq;
      return audit.filter(({ seq }) => seq !== last);
    }),
  },
];

function isRedrive(action: NemesisEvent["action"]): boolean {
  return action.kind === "operator" && action.operation === "redrive";
}

function isPayment(taskId: string): boolean {
  return clean.audit.some(
    ({ change }) =>
      change.kind === "pending.insert" && change.taskId === taskId && change.row.type === "payment",
  );
}

it("the run is clean, and holds every kind of fault", () => {
  const { violations, counts } = check(clean);
  expect(violations).toEqual([]);
  for (const kind of ["kill", "pause", "database.down", "operator cancel", "operator redrive"]) {
    expect(counts.faults[kind], kind).toBeGreaterThan(0);
  }
  expect(counts.withAlibi).toBeGreaterThan(0);
  expect(counts.recoveryMs.max).toBeLessThan(20_000);
});

it.each(mutations)("caught: $name", ({ breaks, mutate }) => {
  const { verdicts } = check(mutate(clean));
  const violated = verdicts.filter(({ outcome }) => outcome === "violated").map(({ guarantee }) => guarantee);
  expect(violated).toContain(breaks);
});
