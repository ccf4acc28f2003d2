/** The story of a task, from the oldest to the newest. */
import { shownDuration, shownInstant } from "../../story/durations.ts";
import { type Attempt, FIRST_GENERATION, type TaskWithAttempts } from "../../task/task.ts";
import { type Fragment, html, type Markup } from "../markup.ts";

/** Attempts that are shown, the newest. */
const MOST_ATTEMPTS = 100;

const outcomeWords: Readonly<Record<Attempt["outcome"], string>> = {
  failed: "Failed",
  deferred: "Deferred, to come back later",
  abandoned: "Given back, since its process stopped",
  lost: "Lost: its process died or was cut off",
  "late-success": "Succeeded late, when its claim was superseded",
};

const settledWords = { confirmed: "Confirmed", failed: "Failed for good", cancelled: "Cancelled" } as const;

/** The timeline. */
export function timeline(task: TaskWithAttempts): Markup {
  const shown = task.attempts.slice(-MOST_ATTEMPTS);
  const left = task.attempts.length - shown.length;
  const events: Markup[] = [event("enqueued", task.createdAt, "Enqueued", null)];
  if (left > 0) events.push(html`<li class="mark"><p>${left} earlier attempts are not shown</p></li>`);
  let generation = FIRST_GENERATION;
  for (const attempt of shown) {
    if (attempt.generation > generation) {
      generation = attempt.generation;
      events.push(redriven(generation));
    }
    events.push(attemptEvent(attempt));
  }
  if (task.generation > generation) events.push(redriven(task.generation));
  if (task.state !== "pending" && task.settledAt !== null) {
    events.push(event(task.state, task.settledAt, settledWords[task.state], null));
  }
  return html`<ol class="timeline">${events}</ol>`;
}

function redriven(generation: number): Markup {
  return html`<li class="mark"><p>Redriven: generation ${generation}</p></li>`;
}

function event(kind: string, at: Date, text: Fragment, more: Fragment): Markup {
  const iso = Number.isNaN(at.getTime()) ? "" : at.toISOString();
  return html`<li class="${kind}"><time datetime="${iso}">${shownInstant(at)}</time><div><p>${text}</p>${more}</div></li>`;
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
