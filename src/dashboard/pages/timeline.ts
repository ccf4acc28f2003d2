/** The story of a task, from the oldest to the newest. */
import type { Act } from "../../store/contract.ts";
import { shownDuration, shownInstant } from "../../story/durations.ts";
import { actWords, type StoryEvent, storyOf } from "../../story/task-story.ts";
import type { Attempt, TaskWithAttempts } from "../../task/task.ts";
import { type Fragment, html, type Markup } from "../markup.ts";
import { titled } from "../task-words.ts";

/** Attempts that are shown, the newest. */
const MOST_ATTEMPTS = 100;

const outcomeWords: Readonly<Record<Attempt["outcome"], string>> = {
  failed: "Failed",
  deferred: "Deferred, to come back later",
  abandoned: "Given back, since its process stopped",
  lost: "Lost: its process died or was cut off",
  "late-success": "Succeeded late, when its claim was superseded",
};

const endWords = { confirmed: "Confirmed", failed: "Failed for good", cancelled: "Cancelled" } as const;

/** The timeline. */
export function timeline(task: TaskWithAttempts, acts: readonly Act[]): Markup {
  return html`<ol class="timeline">${storyOf(task, acts, MOST_ATTEMPTS).map(eventOf)}</ol>`;
}

function eventOf(told: StoryEvent): Fragment {
  switch (told.kind) {
    case "enqueued":
      return event("enqueued", told.at, "Enqueued", null);
    case "left out":
      return html`<li class="mark"><p>${told.attempts} earlier attempts are not shown</p></li>`;
    case "attempt":
      return attemptEvent(told.attempt);
    case "redriven":
      return [
        told.act !== null && actEvent(told.act),
        html`<li class="mark"><p>${told.act === null ? "Redriven: generation" : "Generation"} ${told.generation}</p></li>`,
      ];
    case "acted":
      return actEvent(told.act);
    case "ended":
      return event(told.state, told.at, endWords[told.state], null);
  }
}

function event(kind: string, at: Date, text: Fragment, more: Fragment): Markup {
  const iso = Number.isNaN(at.getTime()) ? "" : at.toISOString();
  return html`<li class="${kind}"><time datetime="${iso}">${shownInstant(at)}</time><div><p>${text}</p>${more}</div></li>`;
}

function actEvent(act: Act): Markup {
  const kind = act.action === "cancel" && act.outcome === "done" ? "cancelled" : "acted";
  return event(kind, act.at, titled(actWords(act)), null);
}

function attemptEvent(attempt: Attempt): Markup {
  const { outcome, durationMs, owner, claim, accepted, error, recordedAt } = attempt;
  const took = durationMs === null ? "" : ` after ${shownDuration(durationMs)}`;
  const text = html`${outcomeWords[outcome]}${took} <span class="quiet">· process ${owner}, claim ${String(claim)}</span>${!accepted && html` <span class="quiet">· changed nothing, the claim was superseded</span>`}`;
  return event(outcome, recordedAt, text, error === null ? null : attemptError(error));
}

function attemptError({ name, code, message, stack }: NonNullable<Attempt["error"]>): Markup {
  return html`<p class="message"><strong>${name}</strong>${code !== null && html` <code>${code}</code>`} ${message}</p>
${stack !== null && html`<details><summary>Stack</summary><pre>${stack}</pre></details>`}`;
}
