/** Failures in groups, by type and error: what has one cause is seen, and mended, as one. */
import type { Task } from "../../task/task.ts";
import { errorGroup } from "../filter.ts";
import { html, type Markup } from "../markup.ts";
import { relativeTime, shownNumber } from "../task-words.ts";
import { linkTo, type Visit } from "../visit.ts";

/** Groups that are shown. */
const MOST_GROUPS = 50;

/** Tasks of one type that failed alike. */
export interface Failures {
  readonly type: string;
  readonly error: string | null;
  count: number;
  first: Date;
  last: Date;
  /** Tasks that an operator cannot redrive: their data was erased. */
  erased: number;
}

/** Groups tasks, the largest group first. */
export function groupFailures(tasks: readonly Task[]): Failures[] {
  const groups = new Map<string, Failures>();
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

/** What stands at the end of each line; null leaves the column out. */
type Buttons = ((group: Failures) => Markup) | null;

/** The groups as a table. */
export function failureTable(
  visit: Visit,
  groups: readonly Failures[],
  now: Date,
  state: "failed" | "pending",
  buttons: Buttons = null,
): Markup {
  const line = (group: Failures): Markup => {
    const { type, error, count, first, last, erased } = group;
    return html`<tr>
<td data-label="Tasks" class="number strong">${shownNumber(count)}</td>
<td data-label="Type">${type}</td>
<td data-label="Error" class="error"><a href="${linkTo(visit, "tasks", { state, type, error })}">${error ?? "no error on record"}</a>${erased > 0 && html` <span class="quiet">(${erased} without data)</span>`}</td>
<td data-label="First" class="when">${relativeTime(first, now)}</td>
<td data-label="Last" class="when">${relativeTime(last, now)}</td>
${buttons !== null && html`<td class="act">${buttons(group)}</td>`}</tr>`;
  };
  const more = groups.length - MOST_GROUPS;
  return html`<div class="table"><table>
<caption class="hidden">${state === "failed" ? "Failed tasks" : "Tasks that will be tried again"} by type and error</caption>
<thead><tr><th scope="col" class="number">Tasks</th><th scope="col">Type</th><th scope="col">Error</th><th scope="col" class="when">First</th><th scope="col" class="when">Last</th>${buttons !== null && html`<th scope="col"><span class="hidden">Action</span></th>`}</tr></thead>
<tbody>${groups.slice(0, MOST_GROUPS).map(line)}</tbody></table></div>
${more > 0 && html`<p class="quiet">and ${more} more groups</p>`}`;
}
