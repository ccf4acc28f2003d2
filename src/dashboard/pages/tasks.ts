/** Tasks by what they have in common, page by page, and what can be done to those that are selected. */
import type { TaskState } from "../../task/task.ts";
import { type Action, isFinal } from "../actions/operation.ts";
import {
  type FoundTasks,
  filterQuery,
  findTasks,
  PAGE,
  readFilter,
  type TaskFilter,
  writtenInstant,
} from "../filter.ts";
import { layout } from "../layout.ts";
import { type Fragment, html, type Markup } from "../markup.ts";
import { countOf, shownNumber, taskTable, titled } from "../task-words.ts";
import { linkTo, type Visit } from "../visit.ts";

/** The states, what people look for first. */
const tabs: readonly TaskState[] = ["failed", "pending", "cancelled", "confirmed"];

/** What can be done to the tasks of a state. */
const actionsOf: Readonly<Record<TaskState, readonly Action[]>> = {
  pending: ["cancel"],
  failed: ["redrive", "delete"],
  cancelled: ["redrive", "delete"],
  confirmed: [],
};

/** The page. */
export async function tasksPage(visit: Visit): Promise<Markup> {
  const query = visit.url.searchParams;
  const filter = readFilter(query);
  const cursor = query.get("cursor");
  const found = await findTasks(visit, filter, { enough: PAGE, cursor });
  return layout(visit, {
    title: filter.state === null ? "Tasks" : `${titled(filter.state)} tasks`,
    page: "tasks",
    content: html`<h1>Tasks</h1>
${filterForm(visit, filter)}
<div id="tasks" data-live>
${await results(visit, filter, found)}
</div>`,
  });
}

function filterForm(visit: Visit, filter: TaskFilter): Markup {
  const { state, type, reference, id, error, text, from, before, order } = filter;
  const tab = (name: string): Markup =>
    html`<a href="${linkTo(visit, "tasks", { ...filterQuery(filter), state: name })}"${name === (state ?? "any") && html` aria-current="true"`}>${titled(name)}</a>`;
  const field = (name: string, label: string, value: string | null): Markup =>
    html`<label>${label}<input name="${name}" value="${value ?? ""}" maxlength="512" autocomplete="off" spellcheck="false"></label>`;
  return html`<nav class="tabs" aria-label="State">${[...tabs, ...(id === null ? [] : ["any"])].map(tab)}</nav>
<form class="filter" action="${linkTo(visit, "tasks")}">
<input type="hidden" name="state" value="${state ?? "any"}">
${field("id", "Id begins with", id)}
${field("type", "Type", type)}
${field("reference", "Reference", reference)}
${field("text", "Error contains", text)}
${error !== null && field("error", "Error", error)}
${instantField("from", "Enqueued from (UTC)", from)}
${instantField("until", "Enqueued before (UTC)", before)}
<label>Order<select name="order"><option value="newest">newest first</option><option value="oldest"${order === "oldest" && html` selected`}>oldest first</option></select></label>
<span class="buttons"><button>Filter</button> <a class="button plain" href="${linkTo(visit, "tasks", { state: state ?? "failed" })}">Clear</a></span>
</form>`;
}

function instantField(name: string, label: string, value: Date | null): Markup {
  return html`<label>${label}<input type="datetime-local" step="1" name="${name}" value="${writtenInstant(value) ?? ""}"></label>`;
}

async function results(visit: Visit, filter: TaskFilter, found: FoundTasks): Promise<Markup> {
  const { tasks } = found;
  const { now } = await visit.standing();
  const noun = filter.state === null ? "task" : `${filter.state} task`;
  if (tasks.length === 0)
    return html`<p class="empty">${nothingFound(found, noun)}</p>${pager(visit, filter, found)}`;
  const actions: Action[] = [];
  for (const action of filter.state === null ? [] : actionsOf[filter.state]) {
    if (await visit.access.may(action, null)) actions.push(action);
  }
  const caption = `${filter.state ?? "all"} tasks`;
  const table = taskTable(visit, { tasks, now, isSelectable: actions.length > 0, caption });
  if (actions.length === 0) return html`${table}${pager(visit, filter, found)}`;
  return html`<form method="post" action="${linkTo(visit, "preview")}">
<input type="hidden" name="token" value="${visit.token}">
${hiddenFilter(filter)}
${table}
<div class="bar"><span class="selected" data-selected role="status"></span>
${actions.map((action) => actionButtons(action))}</div>
</form>${pager(visit, filter, found)}`;
}

function actionButtons(action: Action): Markup {
  const [one, all] = isFinal(action) ? ["plain danger", "plain danger"] : ["", "plain"];
  return html`<button class="${one}" name="do" value="${action} selected">${titled(action)} selected…</button>
<button class="${all}" name="do" value="${action} matching">${titled(action)} all that match…</button>`;
}

/** The filter as fields that people do not see. */
export function hiddenFilter(filter: TaskFilter): Markup[] {
  return Object.entries(filterQuery(filter))
    .filter(([, value]) => value !== null)
    .map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`);
}

function nothingFound({ read, cursor }: FoundTasks, noun: string): string {
  if (cursor !== null) return `None of the ${countOf(read, noun)} looked at so far matches.`;
  return `No ${noun} matches.`;
}

function pager(visit: Visit, filter: TaskFilter, { cursor, tasks, read }: FoundTasks): Fragment {
  const isLater = visit.url.searchParams.has("cursor");
  const link = (to: string | null, text: string): Markup =>
    html`<a class="button plain" href="${linkTo(visit, "tasks", { ...filterQuery(filter), cursor: to })}">${text}</a>`;
  const words =
    read > tasks.length
      ? `${countOf(tasks.length, "match", "matches")}, ${shownNumber(read)} looked at`
      : countOf(tasks.length, "task");
  const next = read > tasks.length ? "Look further" : "Next page";
  return html`<p class="pager"><span class="quiet">${words}${cursor === null && " · the end"}</span>
${isLater && link(null, "First page")} ${cursor !== null && link(cursor, next)}</p>`;
}
