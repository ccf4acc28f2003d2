/** One task: where it stands, why it does not run, its whole story, and what can be done. */
import { executes, isSilent, processName, type Verdict, verdictOf } from "../../story/verdict.ts";
import type { RecordedError, TaskWithAttempts } from "../../task/task.ts";
import { inQuestion } from "../access.ts";
import { type Action, isFinal } from "../actions/operation.ts";
import { seenValue } from "../form.ts";
import { layout } from "../layout.ts";
import { type Fragment, html, type Markup } from "../markup.ts";
import { badRequest, notFound } from "../refusal.ts";
import { countOf, factList, fullTime, stateBadge } from "../task-words.ts";
import { linkTo, type Standing, type Visit } from "../visit.ts";
import { dataSection } from "./data.ts";
import { timeline } from "./timeline.ts";

/** What people did that is told, the newest. */
const MOST_ACTS = 200;

/** What a redirect may say was done, in words of ours: the address holds the name alone. */
const doneWords: ReadonlyMap<string, string> = new Map([
  ["redrive", "Redriven: it is pending again, in a new generation, with all its attempts ahead."],
  ["cancel", "Cancelled: it does not run any more. An attempt under way changes nothing."],
  ["erase", "Its data was erased. The record stays."],
]);

/** The page. Throws Refusal when there is no such task, or none the person may see. */
export async function taskPage(visit: Visit): Promise<Markup> {
  const query = visit.url.searchParams;
  const taskId = query.get("id") ?? "";
  if (taskId === "") throw badRequest("The address names no task.");
  const task = await visit.store.get(taskId);
  if (task === null || !(await visit.access.may("view", inQuestion(task)))) {
    throw notFound(
      "No task of that id is kept: it was never committed, or it was pruned after its retention.",
    );
  }
  const standing = await visit.standing();
  const { acts } = await visit.store.acts({ taskId, limit: MOST_ACTS });
  const verdict = verdictOf(task, standing);
  const done = doneWords.get(query.get("done") ?? "");
  return layout(visit, {
    title: task.taskId,
    page: "tasks",
    content: html`${done !== undefined && html`<p class="notice" role="status">${done}</p>`}
<p class="over">${task.type}</p>
<h1 class="id"><bdi>${task.taskId}</bdi></h1>
<div id="task" data-live>
<section class="verdict ${task.state}">${stateBadge(task.state)}<p>${verdict.why}</p>${remedy(verdict, task)}</section>
${await actions(visit, task, verdict)}
${facts(visit, task, standing)}
${task.lastError !== null && task.state !== "confirmed" && errorSection(task.lastError)}
<h2>Timeline</h2>
${timeline(task, acts)}
</div>
${await dataSection(visit, task)}`,
  });
}

/** What to do, where the buttons below are not the way. */
function remedy({ situation, remedy: words }: Verdict, { data }: TaskWithAttempts): Fragment {
  switch (situation) {
    case "failed":
      return data === null
        ? html`<p class="remedy">Its data was erased, so it cannot be run again.</p>`
        : html`<p class="remedy">Mend the cause, then redrive it.</p>`;
    case "orphaned":
      return html`<p class="remedy">Deploy a worker with an executor for this type, or cancel the task.</p>`;
    case "cancelled":
      return null;
    default:
      return words === null ? null : html`<p class="remedy">What to do: ${words}.</p>`;
  }
}

async function actions(visit: Visit, task: TaskWithAttempts, { again }: Verdict): Promise<Fragment> {
  const { access } = visit;
  const about = inQuestion(task);
  const canRedrive = (task.state === "failed" || task.state === "cancelled") && task.data !== null;
  const buttons: Markup[] = [];
  if (canRedrive && (await access.may("redrive", about)))
    buttons.push(actionForm(visit, task, "redrive", "Redrive"));
  if (task.state === "pending" && (await access.may("cancel", about))) {
    buttons.push(actionForm(visit, task, "cancel", "Cancel the task"));
  }
  if (task.state !== "pending" && task.data !== null && (await access.may("erase", about))) {
    buttons.push(actionForm(visit, task, "erase", "Erase its data…"));
  }
  if ((task.state === "failed" || task.state === "cancelled") && (await access.may("delete", about))) {
    buttons.push(actionForm(visit, task, "delete", "Delete it…"));
  }
  if (buttons.length === 0 && again === null) return null;
  return html`<section class="actions">${buttons.length > 0 && html`<div class="bar">${buttons}</div>`}
${again !== null && html`<p><strong>Is it safe to run it again?</strong> ${again}</p>`}</section>`;
}

/** What cannot be undone is shown first, and done after a second look. */
function actionForm(visit: Visit, task: TaskWithAttempts, action: Action, label: string): Markup {
  const target = isFinal(action) ? "preview" : "act";
  const look = action === "redrive" ? "" : isFinal(action) ? "plain danger" : "plain";
  return html`<form method="post" action="${linkTo(visit, target)}"><input type="hidden" name="token" value="${visit.token}"><input type="hidden" name="action" value="${action}"><input type="hidden" name="scope" value="selected"><input type="hidden" name="seen" value="${seenValue(task)}"><button class="${look}">${label}</button></form>`;
}

function facts(visit: Visit, task: TaskWithAttempts, { now, processes }: Standing): Markup {
  const { type, state, referenceId, generation, failedAttempts, lostAttempts, deferredAttempts } = task;
  const able = processes.filter((process) => executes(process, type) && !isSilent(process)).length;
  const holder = processes.find(({ owner }) => owner === task.owner);
  const list: (readonly [string, Fragment])[] = [
    [
      "Type",
      html`<a href="${visit.surveys ? linkTo(visit, "types", { type }) : linkTo(visit, "tasks", { state, type })}">${type}</a>`,
    ],
  ];
  if (referenceId !== null) {
    list.push(["Reference", html`<a href="${linkTo(visit, "find", { q: referenceId })}">${referenceId}</a>`]);
  }
  list.push(["Enqueued", fullTime(task.createdAt, now)]);
  if (task.nextAttemptAt !== null) list.push(["Due", fullTime(task.nextAttemptAt, now)]);
  if (task.settledAt !== null)
    list.push([state === "confirmed" ? "Confirmed" : "Ended", fullTime(task.settledAt, now)]);
  list.push(["Attempts", `${failedAttempts} failed, ${lostAttempts} lost, ${deferredAttempts} deferred`]);
  list.push([
    "Generation",
    generation === 1 ? "1" : `${generation} (redriven ${countOf(generation - 1, "time")})`,
  ]);
  if (state === "pending") {
    const gone = task.owner === null ? "nobody" : `process ${task.owner}, which is gone`;
    list.push(["Held by", holder === undefined ? gone : processName(holder)]);
    list.push(["Executed by", countOf(able, "live process", "live processes")]);
  }
  return factList(list);
}

function errorSection({ name, code, message, stack }: RecordedError): Markup {
  return html`<section class="failure"><h2>Last error</h2>
<p class="message"><strong>${name}</strong>${code !== null && html` <code>${code}</code>`} ${message}</p>
${stack !== null && html`<details><summary>Stack</summary><pre>${stack}</pre></details>`}</section>`;
}
