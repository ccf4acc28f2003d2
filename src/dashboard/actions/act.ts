/** One operation on one task. */
import { inQuestion } from "../access.ts";
import { pageResponse, seeOther } from "../answers.ts";
import { readSeen } from "../form.ts";
import { layout } from "../layout.ts";
import { html } from "../markup.ts";
import { notFound } from "../refusal.ts";
import { stateBadge } from "../task-words.ts";
import { linkTo, type Visit } from "../visit.ts";
import { actionWords, carryOut, readAction, readReason } from "./operation.ts";

/** Carries it out if the task is as it was seen, and leads back to it; else says where it stands. Throws Refusal. */
export async function act(visit: Visit, form: URLSearchParams): Promise<Response> {
  const action = readAction(form);
  const seen = readSeen(form.get("seen") ?? "");
  const task = await visit.store.get(seen.taskId);
  if (task === null || !(await visit.access.may("view", inQuestion(task)))) {
    throw notFound("No task of that id is kept.");
  }
  await visit.access.demand(action, inQuestion(task));
  const outcome = await carryOut(visit, action, task, seen.generation, readReason(form));
  const link = linkTo(visit, "task", { id: seen.taskId });
  if (outcome === "done" && action === "delete")
    return seeOther(linkTo(visit, "tasks", { state: task.state }));
  if (outcome === "done") return seeOther(`${link}&done=${action}`);
  const { verb, participle } = actionWords[action];
  const now = await visit.store.get(seen.taskId);
  const page = layout(visit, {
    title: "Nothing was changed",
    page: "tasks",
    content: html`<h1>Nothing was changed</h1>
<p class="lead">The task <a class="id" href="${link}"><bdi>${seen.taskId}</bdi></a> could not be ${participle}.</p>
${
  now === null
    ? html`<p>It is not kept any more.</p>`
    : html`<p>It is ${stateBadge(now.state)} in generation ${now.generation}${now.data === null && ", without data"}; you saw generation ${seen.generation}. Somebody, or the engine, was faster.</p>`
}
<p><a class="button" href="${link}">Look at it again</a></p>
<p class="quiet">${verb} is done only to what you saw.</p>`,
  });
  return pageResponse(page, 409);
}
