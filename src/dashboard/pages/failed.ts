/** What has failed for good, grouped by type and error, so that what has one cause is mended as one. */
import { type Action, isFinal } from "../actions/operation.ts";
import { anything, findTasks, type TaskFilter } from "../filter.ts";
import { layout } from "../layout.ts";
import { html, type Markup } from "../markup.ts";
import { countOf, shownNumber, titled } from "../task-words.ts";
import { linkTo, type Visit } from "../visit.ts";
import { failureTable, groupFailures } from "./failures.ts";
import { hiddenFilter } from "./tasks.ts";

/** Failed tasks that are grouped, the newest. */
const GROUPED = 1_000;

const everyFailure: TaskFilter = Object.freeze({ ...anything, state: "failed" });

/** The page. */
export async function failedPage(visit: Visit): Promise<Markup> {
  const found = await findTasks(visit, everyFailure, { enough: GROUPED, cursor: null });
  const { now } = await visit.standing();
  const groups = groupFailures(found.tasks);
  const actions: Action[] = [];
  for (const action of ["redrive", "delete"] as const) {
    if (groups.length > 0 && (await visit.access.may(action, null))) actions.push(action);
  }
  const lead =
    found.tasks.length === 0
      ? html`<p class="empty">Nothing has failed.</p>`
      : html`<p class="lead">${found.cursor === null ? countOf(found.tasks.length, "task") : `The newest ${shownNumber(found.tasks.length)} tasks`} that failed for good, in ${countOf(groups.length, "group")}. They do not run again by themselves: mend the cause, then redrive them.</p>`;
  const forms = (filter: TaskFilter, which: string): Markup =>
    html`<div class="bar tight">${actions.map((action) => actionForm(visit, filter, action, which))}</div>`;
  const buttons =
    actions.length === 0
      ? null
      : ({ type, error }: { readonly type: string; readonly error: string | null }) =>
          forms({ ...everyFailure, type, error }, "");
  return layout(visit, {
    title: "Failed",
    page: "failed",
    content: html`<h1>Failed</h1>
<div id="failed" data-live>${lead}
${groups.length > 0 && failureTable(visit, groups, now, "failed", buttons)}
${actions.length > 0 && forms(everyFailure, " all failed")}</div>`,
  });
}

function actionForm(visit: Visit, filter: TaskFilter, action: Action, which: string): Markup {
  return html`<form method="post" action="${linkTo(visit, "preview")}"><input type="hidden" name="token" value="${visit.token}"><input type="hidden" name="action" value="${action}"><input type="hidden" name="scope" value="matching">${hiddenFilter(filter)}<button class="${isFinal(action) ? "plain danger" : ""}">${titled(action)}${which}…</button></form>`;
}
