/** Finds a task by what a person has at hand: its id, the beginning of one, or the reference of an order. */
import { InvalidInputError } from "../../errors.ts";
import { checkTaskId } from "../../task/identifier.ts";
import type { Task, TaskState } from "../../task/task.ts";
import { inQuestion } from "../access.ts";
import { pageResponse, seeOther } from "../answers.ts";
import { anything, findTasks, PAGE } from "../filter.ts";
import { layout } from "../layout.ts";
import { type Fragment, html } from "../markup.ts";
import { badRequest } from "../refusal.ts";
import { shownNumber, taskTable } from "../task-words.ts";
import { linkTo, type Visit } from "../visit.ts";

/** What is looked at first: that is what people look for. */
const order: readonly TaskState[] = ["failed", "pending", "cancelled", "confirmed"];

interface Looked {
  readonly state: TaskState;
  readonly read: number;
  readonly cursor: string | null;
}

/** The page, or the task itself when its id was given, or when nothing else fits. */
export async function findPage(visit: Visit): Promise<Response> {
  const text = (visit.url.searchParams.get("q") ?? "").trim();
  if (text === "") return seeOther(linkTo(visit, "tasks"));
  const wanted = checked(text);
  const direct = await visit.store.get(wanted);
  // Whether a task is there that the person may not see is not told.
  if (direct !== null && (await visit.access.may("view", inQuestion(direct))))
    return seeOther(linkTo(visit, "task", { id: wanted }));
  const beginning = { ...anything, state: null, id: wanted };
  const byId = await findTasks(visit, beginning, { enough: PAGE, cursor: null });
  const { tasks: byReference, looked } = await lookForReference(visit, wanted);
  const found = new Map<string, Task>([...byReference, ...byId.tasks].map((task) => [task.taskId, task]));
  const [only] = found.values();
  if (only !== undefined && found.size === 1) return seeOther(linkTo(visit, "task", { id: only.taskId }));
  const { now } = await visit.standing();
  const tasks = [...found.values()];
  const table = taskTable(visit, { tasks, now, isSelectable: false, caption: "What was found" });
  return pageResponse(
    layout(visit, {
      title: `Find ${wanted}`,
      page: null,
      search: wanted,
      content: html`<h1>Find</h1>
<p class="lead">${tasks.length === 0 ? "Nothing" : "Several tasks"} with an id that begins with, or the reference, <strong class="id"><bdi>${wanted}</bdi></strong>.</p>
${tasks.length > 0 && table}
${byId.cursor !== null && html`<p><a href="${linkTo(visit, "tasks", { id: wanted, state: "any" })}">All ids that begin so</a></p>`}
<h2>What was looked at</h2>
<ul class="plain">${looked.map((one) => lookedLine(visit, wanted, one))}</ul>`,
    }),
  );
}

function checked(text: string): string {
  try {
    return checkTaskId(text);
  } catch (error) {
    if (error instanceof InvalidInputError) throw badRequest("That can be no id and no reference.");
    throw error;
  }
}

/** References have no index, so of each state the newest tasks are looked at, up to a bound. */
async function lookForReference(
  visit: Visit,
  reference: string,
): Promise<{ readonly tasks: readonly Task[]; readonly looked: readonly Looked[] }> {
  const tasks: Task[] = [];
  const looked: Looked[] = [];
  for (const state of order) {
    const filter = { ...anything, state, reference };
    const found = await findTasks(visit, filter, { enough: PAGE, cursor: null });
    tasks.push(...found.tasks);
    looked.push({ state, read: found.read, cursor: found.cursor });
  }
  return { tasks, looked };
}

function lookedLine(visit: Visit, reference: string, { state, read, cursor }: Looked): Fragment {
  const all = cursor === null;
  const words = `${all ? "all" : "the newest"} ${shownNumber(read)} ${state}`;
  const further = linkTo(visit, "tasks", { state, reference, cursor });
  return html`<li>${words}${!all && html` · <a href="${further}">look further</a>`}</li>`;
}
