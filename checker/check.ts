// The checker: a history in, a verdict for each guarantee out.
import type { Finding, Guarantee, Law, LawFindings, Rule } from "./finding.ts";
import type { History } from "./history.ts";
import { type Percentiles, percentilesOf } from "./percentiles.ts";
import { bypassRule } from "./rules/bypass.ts";
import { containmentRule } from "./rules/containment.ts";
import { type DuplicateCounts, duplicateCounts, duplicatesRule } from "./rules/duplicates.ts";
import { effectsRule } from "./rules/effects.ts";
import { endingsRule, ownFailure } from "./rules/endings.ts";
import { enqueueRule, type SetCounts, setCounts } from "./rules/enqueue.ts";
import { executionsRule } from "./rules/executions.ts";
import { honestyRule } from "./rules/honesty.ts";
import { integrityRule } from "./rules/integrity.ts";
import { lossesRule } from "./rules/losses.ts";
import { outcomesRule } from "./rules/outcomes.ts";
import { deserved, processLivesRule } from "./rules/process-lives.ts";
import { recoveryRule, recoveryTimesMs, silentDeaths } from "./rules/recovery.ts";
import { scheduleRule } from "./rules/schedule.ts";
import { shutdownRule } from "./rules/shutdown.ts";
import { statesRule } from "./rules/states.ts";
import { tokensRule } from "./rules/tokens.ts";
import { tellingOf } from "./telling.ts";
import { type Timeline, timelineOf } from "./timeline.ts";

/** How a guarantee came out. `unseen`: the history holds nothing that it could be held against. */
export type Outcome = "held" | "violated" | "unseen" | "unchecked";

/** The verdict on one guarantee. */
export interface Verdict {
  readonly guarantee: Guarantee;
  readonly title: string;
  readonly outcome: Outcome;
  /** How many things its laws were held against. */
  readonly looked: number;
  readonly broken: number;
}

/** A law that was broken, with the first place. */
export interface Violation {
  readonly guarantee: Guarantee;
  /** The law in one sentence. */
  readonly law: string;
  readonly broken: number;
  readonly taskId: string | null;
  readonly process: string | null;
  readonly detail: string;
  /** What happened around it, merged from audit, processes and nemesis. */
  readonly telling: readonly string[];
}

/** What was counted on the way. */
export interface Counts extends SetCounts, DuplicateCounts {
  readonly tasks: number;
  readonly claims: number;
  readonly faults: Readonly<Record<string, number>>;
  /** From a kill to the next claim of what the victim held. */
  readonly recoveryMs: Percentiles;
  /** Deaths without any event of the nemesis: the process just said nothing any more. */
  readonly silentDeaths: number;
  /** Processes that were declared dead although they ran, sent their heartbeats, and nothing kept those away. */
  readonly wrongDeaths: number;
  /** Failed attempts that were counted although no executor failed or ran out of time: an outage must not count any. */
  readonly wrongFailures: number;
}

/** The answer. */
export interface Report {
  readonly holds: boolean;
  /** False: the laws of rest were not held against the run; whoever drove it must say why it did not come to rest. */
  readonly endedAtRest: boolean;
  readonly verdicts: readonly Verdict[];
  readonly violations: readonly Violation[];
  readonly counts: Counts;
}

/** All rules, in the order in which violations are told: causes before their effects. */
export const rules: readonly Rule[] = Object.freeze([
  enqueueRule,
  statesRule,
  tokensRule,
  processLivesRule,
  executionsRule,
  integrityRule,
  honestyRule,
  duplicatesRule,
  endingsRule,
  scheduleRule,
  lossesRule,
  bypassRule,
  recoveryRule,
  effectsRule,
  shutdownRule,
  outcomesRule,
  containmentRule,
]);

/** All guarantees. Those without a rule cannot be told from a history. */
export const titles: Readonly<Record<Guarantee, string>> = Object.freeze({
  G1: "atomic enqueue",
  G2: "durability",
  G3: "no phantom execution",
  G4: "at least once",
  G5: "honest confirm",
  G6: "no start after terminal",
  G7: "fencing",
  G8: "bounded duplicates",
  G9: "retry schedule",
  G10: "poison bound",
  G11: "no starvation",
  G12: "recovery",
  G13: "outage",
  G14: "dead letters",
  G15: "exactly-once effects",
  G16: "shutdown",
  G17: "wake-ups are hints",
  G18: "batching and hooks",
  G19: "cron: there are no schedules yet",
  G20: "containment",
  G21: "integrity of data",
  G22: "good guest",
});

const unchecked: ReadonlySet<Guarantee> = new Set<Guarantee>(["G19"]);

/** Checks a history. */
export function check(history: History): Report {
  const timeline = timelineOf(history);
  const laws = rules.flatMap((rule) => rule(timeline).all);
  const verdicts = (Object.keys(titles) as Guarantee[]).map((guarantee) => verdictOf(guarantee, laws)); // its own keys
  const violations = laws.flatMap(({ law, broken, first }) =>
    first === null ? [] : [violationOf(timeline, law, broken, first)],
  );
  const { endedAtRest } = history.settings;
  return {
    holds: violations.length === 0,
    endedAtRest,
    verdicts,
    violations,
    counts: countsOf(timeline, laws),
  };
}

function verdictOf(guarantee: Guarantee, laws: readonly LawFindings[]): Verdict {
  const own = laws.filter(({ law }) => law.guarantee === guarantee);
  const looked = own.reduce((sum, one) => sum + one.looked, 0);
  const broken = own.reduce((sum, one) => sum + one.broken, 0);
  const title = titles[guarantee] ?? "";
  const seen = looked > 0 ? "held" : "unseen";
  const outcome = unchecked.has(guarantee) ? "unchecked" : broken > 0 ? "violated" : seen;
  return { guarantee, title, outcome, looked, broken };
}

function violationOf(timeline: Timeline, law: Law, broken: number, first: Finding): Violation {
  const { taskId, process, detail } = first;
  const telling = tellingOf(timeline, first);
  return { guarantee: law.guarantee, law: law.says, broken, taskId, process, detail, telling };
}

function countsOf(timeline: Timeline, laws: readonly LawFindings[]): Counts {
  const broken = (law: Law): number => laws.find((one) => one.law === law)?.broken ?? 0;
  const faults: Record<string, number> = {};
  for (const { action } of timeline.history.nemesis) {
    const name = action.kind === "operator" ? `operator ${action.operation}` : action.kind;
    faults[name] = (faults[name] ?? 0) + 1;
  }
  return {
    tasks: timeline.stories.size,
    claims: timeline.tenures.size,
    ...setCounts(timeline),
    ...duplicateCounts(timeline),
    faults,
    recoveryMs: percentilesOf(recoveryTimesMs(timeline)),
    silentDeaths: silentDeaths(timeline),
    wrongDeaths: broken(deserved),
    wrongFailures: broken(ownFailure),
  };
}
