/** Tasks in small: a state, an instant, an id, a line of a table. */
import { shownDuration, shownInstant } from "../story/durations.ts";
import type { Task, TaskState } from "../task/task.ts";
import { errorGroup } from "./filter.ts";
import { seenValue } from "./form.ts";
import { type Fragment, html, type Markup } from "./markup.ts";
import { linkTo, type Visit } from "./visit.ts";

/** A number as people read it. */
export function shownNumber(number: number): string {
  return number.toLocaleString("en-US");
}

/** "1 task", "12 tasks". */
export function countOf(number: number, noun: string, plural = `${noun}s`): string {
  return `${shownNumber(number)} ${number === 1 ? noun : plural}`;
}

/** A state, told by word and colour. */
export function stateBadge(state: TaskState): Markup {
  return html`<span class="badge ${state}">${state}</span>`;
}

/** How far an instant is from now; the instant itself is in the title. */
export function relativeTime(instant: Date, now: Date): Markup {
  const ms = instant.getTime() - now.getTime();
  const words = ms > 0 ? `in ${shownDuration(ms)}` : `${shownDuration(-ms)} ago`;
  return html`<time datetime="${isoOf(instant)}" title="${shownInstant(instant)}">${words}</time>`;
}

/** An instant, and how far it is from now. */
export function fullTime(instant: Date, now: Date): Markup {
  const ms = instant.getTime() - now.getTime();
  const words = ms > 0 ? `in ${shownDuration(ms)}` : `${shownDuration(-ms)} ago`;
  return html`<time datetime="${isoOf(instant)}">${shownInstant(instant)}</time> <span class="quiet">${words}</span>`;
}

function isoOf(instant: Date): string {
  return Number.isNaN(instant.getTime()) ? "" : instant.toISOString();
}

/** An id that leads to its task. */
export function taskLink(visit: Visit, taskId: string): Markup {
  return html`<a class="id" href="${linkTo(visit, "task", { id: taskId })}"><bdi>${taskId}</bdi></a>`;
}

/** Facts as a list of names and values. */
export function factList(facts: readonly (readonly [name: string, value: Fragment])[]): Markup {
  return html`<dl class="facts">${facts.map(
    ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>`;
}

/** What a table of tasks shows. */
export interface TaskTable {
  readonly tasks: readonly Task[];
  readonly now: Date;
  /** Whether each line has a box to select it. */
  readonly isSelectable: boolean;
  readonly caption: string;
}

/** A table of tasks. Their state is a column of its own only where they differ. */
export function taskTable(visit: Visit, { tasks, now, isSelectable, caption }: TaskTable): Markup {
  const state = tasks[0]?.state;
  const isMixed = tasks.some((task) => task.state !== state);
  const when = isMixed || state === undefined ? "When" : state === "pending" ? "Due" : titled(state);
  const box = html`<th scope="col" class="pick"><span class="hidden">Select</span></th>`;
  const line = (task: Task): Markup => html`<tr>${isSelectable && selectBox(task)}
<td data-label="Task">${taskLink(visit, task.taskId)}</td>
<td data-label="Type">${task.type}</td>
<td data-label="Reference">${task.referenceId ?? nothing}</td>
${isMixed && html`<td data-label="State">${stateBadge(task.state)}</td>`}
<td data-label="${when}" class="when">${relativeTime(task.nextAttemptAt ?? task.settledAt ?? task.createdAt, now)}${task.owner !== null && html` <span class="quiet">held</span>`}</td>
<td data-label="Failed attempts" class="number">${task.failedAttempts}${task.lostAttempts > 0 && html` <span class="quiet">+${task.lostAttempts} lost</span>`}</td>
<td data-label="Last error" class="error">${errorGroup(task) ?? nothing}</td></tr>`;
  return html`<div class="table"><table>
<caption class="hidden">${caption}</caption>
<thead><tr>${isSelectable && box}<th scope="col">Task</th><th scope="col">Type</th><th scope="col">Reference</th>
${isMixed && html`<th scope="col">State</th>`}<th scope="col" class="when">${when}</th><th scope="col" class="number">Failed attempts</th><th scope="col">Last error</th></tr></thead>
<tbody>${tasks.map(line)}</tbody></table></div>`;
}

const nothing = html`<span class="quiet">none</span>`;

function selectBox(task: Task): Markup {
  return html`<td class="pick"><input type="checkbox" name="seen" value="${seenValue(task)}" aria-label="Select ${task.taskId}"></td>`;
}

/** "Failed" for "failed". */
export function titled(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}
