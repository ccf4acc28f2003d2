// Duplicates: whatever is claimed or executed beyond what is needed has a fault that explains it.
import { type Alibi, tenureAlibi } from "../alibi.ts";
import { Findings, type Law } from "../finding.ts";
import { type TaskStory, type Tenure, tokenText } from "../story.ts";
import { attemptOf, processNameOf, type Timeline, unedited } from "../timeline.ts";

const bounded: Law = {
  guarantee: "G8",
  says: "every claim beyond the first follows an outcome, or a claim whose end a fault explains",
};
const overtaken: Law = {
  guarantee: "G8",
  says: "a claim takes nothing from a newer claim of its own process",
};
const explained: Law = {
  guarantee: "G8",
  says: "every execution beyond those needed has an alibi: a fault that touched the one before it",
};

/** Numbers for the report. */
export interface DuplicateCounts {
  readonly executions: number;
  readonly withAlibi: number;
  readonly withoutAlibi: number;
  /** Duplicates by what explains them. */
  readonly alibis: Readonly<Record<string, number>>;
}

/** The alibi check. */
export function duplicatesRule(timeline: Timeline): Findings {
  const findings = new Findings();
  const alibiOf = rememberedAlibis(timeline);
  for (const story of unedited(timeline)) {
    for (const [tenure, next] of unfinishedTenures(story)) {
      const place = { taskId: story.taskId, process: processNameOf(timeline, tenure.token.owner) };
      if (isOvertaken(tenure, next) && !timeline.isRestored) {
        findings.broken(
          overtaken,
          place,
          `claim ${next.token.claim} took it from claim ${tenure.token.claim}`,
        );
        continue;
      }
      findings.expect(bounded, alibiOf(tenure) !== null, place, () => {
        return `claimed again after ${tokenText(tenure.token)} was ${tenure.end?.kind}, and no fault explains that`;
      });
    }
    for (const tenure of duplicatedTenures(timeline, story)) {
      const place = { taskId: story.taskId, process: processNameOf(timeline, tenure.token.owner) };
      findings.expect(explained, alibiOf(tenure) !== null, place, () => {
        return `executed again after the execution under ${tokenText(tenure.token)}, and no fault explains that`;
      });
    }
    findings.looked(overtaken, story.tenures.length);
    findings.looked(bounded, story.tenures.length);
    findings.looked(explained, story.tenures.length);
  }
  return findings;
}

/** Counts executions and duplicates. */
export function duplicateCounts(timeline: Timeline): DuplicateCounts {
  const alibis: Record<string, number> = {};
  const alibiOf = rememberedAlibis(timeline);
  let withAlibi = 0;
  let withoutAlibi = 0;
  for (const story of unedited(timeline)) {
    for (const tenure of duplicatedTenures(timeline, story)) {
      const alibi = alibiOf(tenure);
      if (alibi === null) withoutAlibi += 1;
      else {
        withAlibi += 1;
        alibis[alibi] = (alibis[alibi] ?? 0) + 1;
      }
    }
  }
  let executions = 0;
  for (const { starts } of timeline.activity.attempts.values()) executions += starts.length;
  return { executions, withAlibi, withoutAlibi, alibis };
}

/** Many claims die with one process: its death is looked into once. */
function rememberedAlibis(timeline: Timeline): (tenure: Tenure) => Alibi | null {
  const known = new Map<string, Alibi | null>();
  return (tenure) => {
    if (tenure.end?.kind !== "lost") return tenureAlibi(timeline, tenure);
    const { owner } = tenure.token;
    let alibi = known.get(owner);
    if (alibi === undefined) {
      alibi = tenureAlibi(timeline, tenure);
      known.set(owner, alibi);
    }
    return alibi;
  };
}

function isWithoutOutcome({ end }: Tenure): boolean {
  return end?.kind === "lost" || end?.kind === "superseded";
}

/** A statement that was sent before the newer claim, and does not know of it. */
function isOvertaken(tenure: Tenure, next: Tenure): boolean {
  return tenure.token.owner === next.token.owner && next.token.claim < tenure.token.claim;
}

/** Claims that ended without an outcome, each with the next of the same round. */
function unfinishedTenures({ tenures }: TaskStory): readonly (readonly [Tenure, Tenure])[] {
  return tenures.flatMap((tenure, place) => {
    const next = tenures[place + 1];
    const isFollowed = next !== undefined && next.round === tenure.round;
    return isFollowed && isWithoutOutcome(tenure) ? [[tenure, next] as const] : [];
  });
}

/** Those of them that were executed, as was a later one. */
function duplicatedTenures(timeline: Timeline, { taskId, tenures }: TaskStory): readonly Tenure[] {
  if (tenures.length < 2) return [];
  const isExecuted = (tenure: Tenure): boolean =>
    (attemptOf(timeline, taskId, tenure.token)?.starts.length ?? 0) > 0;
  const executed = tenures.filter(isExecuted);
  return executed.filter((tenure, place) => {
    return isWithoutOutcome(tenure) && executed[place + 1]?.round === tenure.round;
  });
}
