/** What has failed for good, grouped by type and error, so that what has one cause is mended as one. */
import type { Task } from "../../task/task.ts";
import { errorGroup, findTasks, type TaskFilter } from "../filter.ts";
import { layout } from "../layout.ts";
import { html, type Markup } from "../markup.ts";
import { countOf, relativeTime, shownNumber } from "../task-words.ts";
import { linkTo, type Visit } from "../visit.ts";
import { hiddenFilter } from "./tasks.ts";

/** Failed tasks that are grouped, the newest. */
const GROUPED = 1_000;
/** Groups that are shown. */
const MOST_GROUPS = 50;

const everyFailure: TaskFilter = Object.freeze({
  state: "failed",
  type: null,
  reference: null,
  id: null,
  error: null,
  order: "newest",
});

interface Group {
  readonly type: string;
  readonly error: string | null;
  count: number;
  first: Date;
  last: Date;
  /** Tasks that an operator cannot redrive: their data was erased. */
  erased: number;
}

/** The page. */
export async function failedPage(visit: Visit): Promise<Markup> {
  const found = await findTasks(visit.store, visit.ports, everyFailure, {
    enough: GROUPED,
    cursor: null,
  });
  const { now } = await visit.standing();
  const groups = groupsOf(found.tasks);
  const mayRedrive = groups.length > 0 && (await visit.access.may("redrive", null));
  const lead =
    found.tasks.length === 0
      ? html`<p class="empty">Nothing has failed.</p>`
      : html`<p class="lead">${found.cursor === null ? countOf(found.tasks.length, "task") : `The newest ${shownNumber(found.tasks.length)} tasks`} that failed for good, in ${countOf(groups.length, "group")}. They do not run again by themselves: mend the cause, then redrive them.</p>`;
  return layout(visit, {
    title: "Failed",
    page: "failed",
    content: html`<h1>Failed</h1>
<div id="failed" data-live>${lead}
${groups.length > 0 && groupTable(visit, groups, now, mayRedrive)}
${groups.length > MOST_GROUPS && html`<p class="quiet">and ${groups.length - MOST_GROUPS} more groups</p>`}
${mayRedrive && html`<div class="bar">${redriveForm(visit, everyFailure, "Redrive all failed…")}</div>`}</div>`,
  });
}

function groupsOf(tasks: readonly Task[]): Group[] {
  const groups = new Map<string, Group>();
  for (const task of tasks) {
    const error = errorGroup(task);
    const key = `${task.type}\n${error ?? ""}`;
    const at = task.settledAt ?? task.createdAt;
    const group = groups.get(key) ?? { type: task.type, error, count: 0, first: at, last: at, erased: 0 };
    group.count += 1;
    if (at < group.first) group.first = at;
    if (at > group.last) group.last = at;
    if (task.data === null) group.erased += 1;
    groups.set(key, group);
  }
  return [...groups.values()].sort((left, right) => right.count - left.count);
}

function groupTable(visit: Visit, groups: readonly Group[], now: Date, mayRedrive: boolean): Markup {
  return html`<div class="table"><table>
<caption class="hidden">Failed tasks by type and error</caption>
<thead><tr><th scope="col" class="number">Tasks</th><th scope="col">Type</th><th scope="col">Error</th><th scope="col" class="when">First</th><th scope="col" class="when">Last</th>${mayRedrive && html`<th scope="col"><span class="hidden">Action</span></th>`}</tr></thead>
<tbody>${groups.slice(0, MOST_GROUPS).map((group) => groupLine(visit, group, now, mayRedrive))}</tbody></table></div>`;
}

function groupLine(visit: Visit, group: Group, now: Date, mayRedrive: boolean): Markup {
  const { type, error, count, first, last, erased } = group;
  const filter = { ...everyFailure, type, error };
  return html`<tr>
<td data-label="Tasks" class="number strong">${shownNumber(count)}</td>
<td data-label="Type">${type}</td>
<td data-label="Error" class="error"><a href="${linkTo(visit, "tasks", { state: "failed", type, error })}">${error ?? "no error on record"}</a>${erased > 0 && html` <span class="quiet">(${erased} without data)</span>`}</td>
<td data-label="First" class="when">${relativeTime(first, now)}</td>
<td data-label="Last" class="when">${relativeTime(last, now)}</td>
${mayRedrive && html`<td class="act">${redriveForm(visit, filter, "Redrive…")}</td>`}</tr>`;
}

function redriveForm(visit: Visit, filter: TaskFilter, label: string): Markup {
  return html`<form method="post" action="${linkTo(visit, "preview")}"><input type="hidden" name="token" value="${visit.token}"><input type="hidden" name="action" value="redrive"><input type="hidden" name="scope" value="matching">${hiddenFilter(filter)}<button>${label}</button></form>`;
}
