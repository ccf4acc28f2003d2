/** Why a webhook was delivered more than once: matched with the attempts its task has in its log. Pure. */
import type { Attempt } from "owed";
import type { TaskEvidence } from "./evidence.ts";
import { isMerchantsAnswer } from "./tasks.ts";

/** The reasons there can be; everything else is a fault of the library. */
export type RepetitionReason = "killed" | "lapsed" | "unheard" | "unexplained";

/** A webhook the merchant accepted more than once. */
export interface Repetition {
  readonly taskId: string;
  readonly deliveries: number;
  readonly reason: RepetitionReason;
  /** The attempts in the log, for people. */
  readonly story: string;
}

/** What the reasons are in words. */
export const reasonTexts: Readonly<Record<RepetitionReason, string>> = {
  killed: "killed after the acceptance, before the confirmation",
  lapsed: "service silent for longer than its lease",
  unheard: "the merchant's answer did not arrive",
  unexplained: "UNEXPLAINED",
};

/** Explains each repetition. Every delivery but the last needs an attempt of its own that did not hear of it. */
export function repetitions(
  accepted: ReadonlyMap<string, number>,
  tasks: ReadonlyMap<string, TaskEvidence>,
  wasKilled: (owner: string) => boolean,
): readonly Repetition[] {
  return [...accepted]
    .filter(([, deliveries]) => deliveries > 1)
    .map(([taskId, deliveries]) => {
      const task = tasks.get(taskId);
      const attempts = task?.attempts ?? [];
      const reason = reasonFor(deliveries - 1, task, wasKilled);
      return { taskId, deliveries, reason, story: attempts.map(words).join(", ") };
    });
}

function reasonFor(
  unheard: number,
  task: TaskEvidence | undefined,
  wasKilled: (owner: string) => boolean,
): RepetitionReason {
  const attempts = task?.attempts ?? [];
  const lost = attempts.filter(({ outcome }) => outcome === "lost").map(({ owner }) => owner);
  // A loss is counted by whoever claims the task next: until then the dead owner still stands in its row.
  if (typeof task?.owner === "string") lost.push(task.owner);
  const killed = lost.filter(wasKilled).length;
  const withoutAnswer = attempts.filter(
    ({ outcome, error }) => outcome === "failed" && !isMerchantsAnswer(error),
  );
  if (unheard <= killed) return "killed";
  if (unheard <= lost.length) return "lapsed";
  return unheard <= lost.length + withoutAnswer.length ? "unheard" : "unexplained";
}

function words({ outcome, error, recordedAt }: Attempt): string {
  const time = recordedAt.toISOString().slice(11, 23);
  return error === null ? `${time} ${outcome}` : `${time} ${outcome} (${error.message})`;
}
