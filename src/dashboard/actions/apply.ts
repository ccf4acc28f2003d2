/** Does to many tasks what the preview showed: one batch a request, so that an end of any kind leaves nothing half done. */
import type { Task } from "../../task/task.ts";
import { inQuestion } from "../access.ts";
import { pageResponse } from "../answers.ts";
import { findTasks } from "../filter.ts";
import { readSeen } from "../form.ts";
import { layout } from "../layout.ts";
import { type Fragment, html } from "../markup.ts";
import { hiddenFilter } from "../pages/tasks.ts";
import { badRequest } from "../refusal.ts";
import { countOf, shownNumber, stateBadge, taskLink } from "../task-words.ts";
import { linkTo, type Visit } from "../visit.ts";
import { type Action, actionWords, carryOut, type Outcome, readAction, readReason } from "./operation.ts";
import { filterFor, isOlder, numberOf } from "./preview.ts";

/** Tasks of one batch; the last page read may bring some more. */
const BATCH = 100;
/** Tasks that were left alone and are shown one by one. */
const MOST_LEFT = 20;

interface Tally {
  done: number;
  left: number;
  readonly leftAlone: { readonly taskId: string; readonly outcome: Outcome | "not allowed" }[];
}

/** Does one batch, and says what became of it. Throws Refusal. */
export async function apply(visit: Visit, form: URLSearchParams): Promise<Response> {
  const action = readAction(form);
  const scope = form.get("scope");
  if (scope === "selected") return await applySelected(visit, action, form);
  if (scope === "matching") return await applyMatching(visit, action, form);
  throw badRequest("The form does not say which tasks.");
}

async function applySelected(visit: Visit, action: Action, form: URLSearchParams): Promise<Response> {
  const tally: Tally = { done: 0, left: 0, leftAlone: [] };
  for (const { taskId, generation } of form.getAll("seen").map(readSeen)) {
    const task = await visit.store.get(taskId);
    const isVisible = task !== null && (await visit.access.may("view", inQuestion(task)));
    if (task === null || !isVisible) count(tally, taskId, "gone");
    else await actOn(visit, { action, reason: readReason(form), tally }, task, generation);
  }
  return pageResponse(layout(visit, endPage(visit, action, tally)));
}

async function applyMatching(visit: Visit, action: Action, form: URLSearchParams): Promise<Response> {
  await visit.access.demand(action, null);
  const filter = filterFor(action, form);
  const before = new Date(form.get("before") ?? "");
  if (Number.isNaN(before.getTime())) throw badRequest("The form does not say from when it is.");
  const tally: Tally = { done: numberOf(form, "done"), left: numberOf(form, "left"), leftAlone: [] };
  const reason = readReason(form);
  const total = numberOf(form, "total");
  const found = await findTasks(visit, filter, { enough: BATCH, cursor: form.get("cursor") });
  for (const task of found.tasks.filter((one) => isOlder(one, before))) {
    await actOn(visit, { action, reason, tally }, task, task.generation);
  }
  if (found.cursor === null) return pageResponse(layout(visit, endPage(visit, action, tally)));
  const field = (name: string, value: string): Fragment =>
    html`<input type="hidden" name="${name}" value="${value}">`;
  const { verb, participle } = actionWords[action];
  const content = html`<h1>${shownNumber(tally.done)} ${participle} so far</h1>
${total > 0 && html`<progress max="${total}" value="${Math.min(tally.done + tally.left, total)}" aria-label="How many of them are done"></progress>`}
<p class="lead" role="status">The next batch follows. Whatever happens in between, nothing is left half done: what is not done yet stays as it is.</p>
${tally.left > 0 && html`<p>${countOf(tally.left, "task")} left alone: in another state meanwhile, without data, or not yours to change.</p>`}
<form method="post" action="${linkTo(visit, "apply")}" data-go-on>
${field("token", visit.token)}${field("action", action)}${field("scope", "matching")}${hiddenFilter(filter)}
${field("before", before.toISOString())}${field("cursor", found.cursor)}${field("done", String(tally.done))}${field("left", String(tally.left))}${field("total", String(total))}${field("reason", reason ?? "")}
<div class="bar"><button>Go on</button> <a class="button plain" href="${linkTo(visit, "tasks", { state: filter.state })}">Stop here</a></div>
</form>`;
  return pageResponse(layout(visit, { title: `${verb}: ${tally.done} so far`, page: "tasks", content }));
}

interface Work {
  readonly action: Action;
  readonly reason: string | null;
  readonly tally: Tally;
}

async function actOn(
  visit: Visit,
  { action, reason, tally }: Work,
  task: Task,
  generation: number,
): Promise<void> {
  if (!(await visit.access.may(action, inQuestion(task)))) count(tally, task.taskId, "not allowed");
  else count(tally, task.taskId, await carryOut(visit, action, task, generation, reason));
}

function count(tally: Tally, taskId: string, outcome: Outcome | "not allowed"): void {
  if (outcome === "done") tally.done += 1;
  else {
    tally.left += 1;
    if (tally.leftAlone.length < MOST_LEFT) tally.leftAlone.push({ taskId, outcome });
  }
}

function endPage(
  visit: Visit,
  action: Action,
  { done, left, leftAlone }: Tally,
): Parameters<typeof layout>[1] {
  const { participle, verb } = actionWords[action];
  const lines = leftAlone.map(({ taskId, outcome }) => {
    const where =
      outcome === "gone" || outcome === "not allowed" || outcome === "done" ? outcome : stateBadge(outcome);
    return html`<li>${taskLink(visit, taskId)} ${where}</li>`;
  });
  return {
    title: `${verb}: done`,
    page: "tasks",
    content: html`<h1>${countOf(done, "task")} ${participle}</h1>
${left > 0 && html`<p class="lead">${countOf(left, "task")} left alone: in another state or generation meanwhile, without data, or not yours to change.</p>`}
${lines.length > 0 && html`<ul class="plain">${lines}</ul>`}
<p><a class="button" href="${linkTo(visit, "failed")}">To what has failed</a> <a class="button plain" href="${linkTo(visit, "tasks", { state: "pending" })}">To what is pending</a></p>`,
  };
}
