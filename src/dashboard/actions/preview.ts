/** What an operation on many tasks would do, shown before it is done. */
import type { Task } from "../../task/task.ts";
import { inQuestion } from "../access.ts";
import { pageResponse } from "../answers.ts";
import { errorGroup, findTasks, readFilter, type TaskFilter } from "../filter.ts";
import { readSeen, type SeenTask, seenValue } from "../form.ts";
import { layout } from "../layout.ts";
import { type Fragment, html, type Markup } from "../markup.ts";
import { hiddenFilter } from "../pages/tasks.ts";
import { badRequest, Refusal } from "../refusal.ts";
import { countOf, shownNumber, stateBadge, taskLink } from "../task-words.ts";
import { linkTo, type Visit } from "../visit.ts";
import { type Action, actionWords, isFinal, readAction } from "./operation.ts";

/** Tasks that are counted. */
const COUNTED = 5_000;
/** Groups, and tasks one by one, that are shown. */
const MOST_GROUPS = 30;
const MOST_TASKS = 20;
const SHOWN_AT_ONCE = 5;

interface Preview {
  readonly tasks: readonly Task[];
  /** True when there may be more than were counted. */
  readonly isCut: boolean;
  /** Tasks of the selection that are not as they were seen any more. */
  readonly moved: readonly SeenTask[];
  /** What the form that does it carries. */
  readonly fields: Fragment;
}

/** The page. Throws Refusal. */
export async function preview(visit: Visit, form: URLSearchParams): Promise<Response> {
  // A list has several buttons: what one of them does, and to which of the tasks, is one value.
  const [, pressed, which] = /^([a-z]+) ([a-z]+)$/.exec(form.get("do") ?? "") ?? [];
  if (pressed !== undefined && which !== undefined) {
    form.set("action", pressed);
    form.set("scope", which);
  }
  const action = readAction(form);
  const scope = form.get("scope");
  if (scope !== "selected" && scope !== "matching") throw badRequest("The form does not say which tasks.");
  if (scope === "matching") await visit.access.demand(action, null);
  const shown =
    scope === "selected" ? await ofSelection(visit, action, form) : await ofFilter(visit, action, form);
  return pageResponse(
    layout(visit, {
      title: actionWords[action].verb,
      page: "tasks",
      content: content(visit, action, shown, scope),
    }),
  );
}

async function ofSelection(visit: Visit, action: Action, form: URLSearchParams): Promise<Preview> {
  const seen = form.getAll("seen").map(readSeen);
  if (seen.length === 0) {
    throw new Refusal(400, "Nothing is selected", "No task was selected.", "Go back and tick at least one.");
  }
  const tasks: Task[] = [];
  const moved: SeenTask[] = [];
  for (const one of seen) {
    const task = await visit.store.get(one.taskId);
    const isVisible = task !== null && (await visit.access.may("view", inQuestion(task)));
    const isSeen = task?.generation === one.generation && actionWords[action].states.includes(task.state);
    if (task === null || !isVisible || !isSeen) moved.push(one);
    else {
      await visit.access.demand(action, inQuestion(task));
      tasks.push(task);
    }
  }
  const fields = tasks.map((task) => html`<input type="hidden" name="seen" value="${seenValue(task)}">`);
  return { tasks, moved, isCut: false, fields };
}

async function ofFilter(visit: Visit, action: Action, form: URLSearchParams): Promise<Preview> {
  const filter = filterFor(action, form);
  // What comes into the state from now on was not seen: those that fail again, above all.
  const { now } = await visit.store.examine();
  const found = await findTasks(visit, filter, { enough: COUNTED, cursor: null });
  const tasks = found.tasks.filter((task) => isOlder(task, now));
  const total = found.cursor === null ? tasks.length : 0;
  const fields = html`${hiddenFilter(filter)}<input type="hidden" name="before" value="${now.toISOString()}"><input type="hidden" name="total" value="${total}">`;
  return { tasks, moved: [], isCut: found.cursor !== null, fields };
}

/** The filter of a form, for an action. Throws Refusal when the action is for one task, or for another state. */
export function filterFor(action: Action, form: URLSearchParams): TaskFilter {
  const filter: TaskFilter = { ...readFilter(form), order: "oldest" };
  const isPossible = filter.state !== null && actionWords[action].states.includes(filter.state);
  if (isPossible && action !== "erase") return filter;
  throw badRequest(`Tasks of that state cannot be ${actionWords[action].participle} all together.`);
}

/** A count that a form carries; 0 when it carries none. Throws Refusal. */
export function numberOf(form: URLSearchParams, name: string): number {
  const text = form.get(name) ?? "0";
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`${name} is no number.`);
  return Number(text);
}

/** Whether a task came into its state before an instant. */
export function isOlder({ settledAt, createdAt }: Task, before: Date): boolean {
  return (settledAt ?? createdAt) < before;
}

function content(visit: Visit, action: Action, shown: Preview, scope: string): Markup {
  const { tasks, isCut, moved, fields } = shown;
  const { verb, participle, effect } = actionWords[action];
  const usable = action === "redrive" ? tasks.filter(({ data }) => data !== null) : tasks;
  const count = `${shownNumber(usable.length)}${isCut ? " or more" : ""} ${usable.length === 1 && !isCut ? "task" : "tasks"}`;
  const head = html`<h1>${verb} ${count}?</h1>`;
  const left = html`${moved.length > 0 && html`<p>${countOf(moved.length, "task")} of the selection will be left alone: not as you saw it any more.</p>`}
${usable.length < tasks.length && html`<p>${countOf(tasks.length - usable.length, "task")} will be left alone: its data was erased.</p>`}`;
  const back = html`<a class="button plain" href="${linkTo(visit, "tasks", { state: tasks[0]?.state })}">Leave everything as it is</a>`;
  if (usable.length === 0) {
    return html`<h1>Nothing to be ${participle}</h1><p class="lead">${isCut ? "Nothing matches among the tasks looked at." : "Nothing matches any more."}</p>${left}<p>${back}</p>`;
  }
  return html`${head}
<p class="lead">${effect}</p>
${risk(action, usable)}${left}
${isCut && html`<p>Counting stopped after ${shownNumber(COUNTED)} tasks; the rest is done as well, in batches.</p>`}
${scope === "matching" && html`<p class="quiet">Tasks that come into this state from now on are left alone.</p>`}
${groupTable(usable)}
${taskList(visit, usable)}
<form method="post" action="${linkTo(visit, "apply")}" class="confirm">
<input type="hidden" name="token" value="${visit.token}"><input type="hidden" name="action" value="${action}"><input type="hidden" name="scope" value="${scope}">${fields}
<label>Reason, for the record <input name="reason" maxlength="500" autocomplete="off"></label>
<div class="bar"><button class="${isFinal(action) ? "danger" : ""}">${verb} ${count}</button> ${back}</div>
</form>`;
}

/** Attempts that nobody knows the end of. */
function risk(action: Action, tasks: readonly Task[]): Fragment {
  if (action !== "redrive") return null;
  const open = tasks.filter(
    ({ lostAttempts, lastError }) => lostAttempts > 0 || lastError?.code === "OWED_ATTEMPT_TIMEOUT",
  ).length;
  if (open === 0) return null;
  return html`<p class="warning">${countOf(open, "task")} had an attempt that ended without an answer (lost, or out of time), so its effect may have happened already.</p>`;
}

function groupTable(tasks: readonly Task[]): Markup {
  const groups = new Map<string, { readonly task: Task; count: number }>();
  for (const task of tasks) {
    const key = `${task.type}\n${task.state}\n${errorGroup(task) ?? ""}`;
    const group = groups.get(key) ?? { task, count: 0 };
    group.count += 1;
    groups.set(key, group);
  }
  const sorted = [...groups.values()].sort((left, right) => right.count - left.count);
  const more = sorted.length - MOST_GROUPS;
  return html`<div class="table"><table><caption class="hidden">By type and error</caption>
<thead><tr><th scope="col" class="number">Tasks</th><th scope="col">Type</th><th scope="col">State</th><th scope="col">Last error</th></tr></thead>
<tbody>${sorted
    .slice(0, MOST_GROUPS)
    .map(
      ({ task, count }) =>
        html`<tr><td data-label="Tasks" class="number strong">${shownNumber(count)}</td><td data-label="Type">${task.type}</td><td data-label="State">${stateBadge(task.state)}</td><td data-label="Last error" class="error">${errorGroup(task) ?? "none"}</td></tr>`,
    )}</tbody></table></div>${more > 0 && html`<p class="quiet">and ${more} more kinds</p>`}`;
}

function taskList(visit: Visit, tasks: readonly Task[]): Markup {
  const more = tasks.length - MOST_TASKS;
  return html`<details${tasks.length <= SHOWN_AT_ONCE && html` open`}><summary>Which tasks</summary><ul class="plain">${tasks
    .slice(0, MOST_TASKS)
    .map(
      (task) => html`<li>${taskLink(visit, task.taskId)} <span class="quiet">${task.referenceId}</span></li>`,
    )}</ul>
${more > 0 && html`<p class="quiet">and ${shownNumber(more)} more</p>`}</details>`;
}
