// Tells what happened around a finding: audit, processes and nemesis merged into one list of lines.

import type { PlacedNemesis } from "./faults.ts";
import type { Finding } from "./finding.ts";
import type { AuditEntry, NemesisEvent, PendingImage, ProcessEvent } from "./history.ts";
import { isKind, type ProcessLog } from "./process-log.ts";
import type { TaskStory } from "./story.ts";
import { lifeOf, processNameOf, type Timeline, tenureOf } from "./timeline.ts";

/** More lines than this are cut in the middle. */
const MOST_LINES = 80;

interface Line {
  /** Index of the audit that it stands at; events stand behind the commit that they prove to be over. */
  readonly anchor: number;
  readonly rank: number;
  readonly text: string;
}

/** The lines around a finding, in an order in which they can have happened. */
export function tellingOf(timeline: Timeline, finding: Finding): readonly string[] {
  const story = finding.taskId === null ? undefined : timeline.stories.get(finding.taskId);
  const names = namesOf(timeline, finding, story);
  const lines = [
    ...auditLines(timeline, story, names),
    ...timeline.processes.logs.flatMap((log) => eventLines(timeline, log, finding.taskId, names)),
    ...timeline.faults.placed.flatMap((placed) => nemesisLine(placed, finding.taskId, names)),
  ];
  lines.sort((left, right) => left.anchor - right.anchor || left.rank - right.rank);
  const texts = lines.map(({ text }) => text);
  if (texts.length <= MOST_LINES) return texts;
  const left = texts.length - MOST_LINES;
  return [...texts.slice(0, MOST_LINES / 2), `... ${left} lines left out`, ...texts.slice(-MOST_LINES / 2)];
}

/** The processes that had to do with it: `name.boot`. */
function namesOf(timeline: Timeline, finding: Finding, story: TaskStory | undefined): ReadonlySet<string> {
  const names = new Set<string>();
  if (finding.process !== null) names.add(finding.process);
  for (const { token } of story?.tenures ?? []) {
    const name = processNameOf(timeline, token.owner);
    if (name !== undefined) names.add(name);
  }
  return names;
}

function auditLines(timeline: Timeline, story: TaskStory | undefined, names: ReadonlySet<string>): Line[] {
  const entries = new Set(story?.entries ?? []);
  timeline.audit.forEach(({ change }, index) => {
    if (!("owner" in change) || change.kind === "process.beat") return;
    if (names.has(processNameOf(timeline, change.owner) ?? "")) entries.add(index);
  });
  return [...entries].map((index) => {
    const entry = timeline.audit[index] as AuditEntry; // indexes of the audit
    return {
      anchor: index,
      rank: 0,
      text: `commit ${entry.seq} at ${entry.atMs}: ${changeText(timeline, entry)}`,
    };
  });
}

function changeText(timeline: Timeline, { change }: AuditEntry): string {
  switch (change.kind) {
    case "pending.insert":
    case "pending.delete":
      return `${change.kind} ${imageText(timeline, change.row)}`;
    case "pending.update":
      return `${change.kind} ${imageText(timeline, change.before)} -> ${imageText(timeline, change.after)}`;
    case "settled.insert":
    case "settled.delete":
      return `${change.kind} ${change.state}, generation ${change.generation}`;
    case "task.delete":
      return change.kind;
    case "process.insert":
    case "process.beat":
    case "process.delete":
      return `${change.kind} ${ownerText(timeline, change.owner)}`;
  }
}

function imageText(timeline: Timeline, image: PendingImage): string {
  const { owner, claim, dueAtMs, failedAttempts, lostAttempts, deferredAttempts, generation } = image;
  const holder = owner === null ? "free" : `${ownerText(timeline, owner)} claim ${claim}`;
  return `[${holder}, due ${dueAtMs}, failed ${failedAttempts}, lost ${lostAttempts}, deferred ${deferredAttempts}, generation ${generation}]`;
}

function ownerText(timeline: Timeline, owner: string): string {
  const name = processNameOf(timeline, owner);
  return name === undefined ? `owner ${owner}` : `owner ${owner} of ${name}`;
}

const framing: ReadonlySet<string> = new Set([
  "process.registered",
  "process.lost",
  "stop.begin",
  "stop.end",
  "worker.stop.begin",
]);

function eventLines(
  timeline: Timeline,
  log: ProcessLog,
  taskId: string | null,
  names: ReadonlySet<string>,
): Line[] {
  const name = `${log.process}.${log.boot}`;
  const own = (timeline.activity.callsOf.get(taskId ?? "") ?? []).filter((call) => call.log === log);
  const calls = new Set(own.map(({ call }) => call));
  const isNamed = names.has(name);
  const lines: Line[] = [];
  let anchor = -1;
  for (const event of log.events) {
    const isFrame = isNamed && framing.has(event.event.kind);
    if (!isFrame && !concerns(event, taskId, calls)) continue;
    anchor = Math.max(anchor, anchorOf(timeline, event));
    const { kind, ...rest } = event.event;
    const text = `${name} #${event.seq} at its ${Math.round(event.monotonicMs)}: ${kind} ${JSON.stringify(rest)}`;
    lines.push({ anchor, rank: 1, text });
  }
  return lines;
}

function concerns({ event }: ProcessEvent, taskId: string | null, calls: ReadonlySet<string>): boolean {
  if (taskId === null) return false;
  if ("taskId" in event) return event.taskId === taskId;
  if ("taskIds" in event) return event.taskIds.includes(taskId);
  if ("call" in event) return calls.has(event.call);
  return "calls" in event && event.calls.some((call) => calls.has(call));
}

/** The last entry of the audit that must have been written before the event. */
function anchorOf(timeline: Timeline, event: ProcessEvent): number {
  if (isKind(event, "process.registered")) return lifeOf(timeline, event.event.owner)?.registered.index ?? -1;
  if (isKind(event, "process.lost")) return lifeOf(timeline, event.event.owner)?.removed?.index ?? -1;
  if (!("token" in event.event)) return -1;
  const tenure = tenureOf(timeline, event.event.taskId, event.event.token);
  const isOver = isKind(event, "settle.answer") && event.event.verdict === "applied";
  return (isOver ? tenure?.end?.at.index : tenure?.begin.index) ?? -1;
}

function nemesisLine(
  { nemesis, index }: PlacedNemesis,
  taskId: string | null,
  names: ReadonlySet<string>,
): Line[] {
  if (!isNear(nemesis.action, taskId, names)) return [];
  const { kind, ...rest } = nemesis.action;
  return [
    { anchor: index - 0.5, rank: 0, text: `nemesis at its ${nemesis.atMs}: ${kind} ${JSON.stringify(rest)}` },
  ];
}

function isNear(action: NemesisEvent["action"], taskId: string | null, names: ReadonlySet<string>): boolean {
  if (action.kind === "operator") return action.taskId === taskId;
  if (!("process" in action) || action.process === "database") return true;
  if ("boot" in action) return names.has(`${action.process}.${action.boot}`);
  return [...names].some((name) => name.startsWith(`${action.process}.`));
}
