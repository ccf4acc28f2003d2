/** The record of what people did: who, what, when, to which task, and what came of it. */
import type { Act } from "../../store/contract.ts";
import { layout } from "../layout.ts";
import { type Fragment, html, type Markup } from "../markup.ts";
import { badRequest } from "../refusal.ts";
import { countOf, relativeTime, stateBadge, taskLink } from "../task-words.ts";
import { linkTo, type Visit } from "../visit.ts";

/** Acts of a page, and of one read. */
const PAGE = 50;
/** One request looks at no more than these. */
const READ_UP_TO = 2_000;
const LONGEST_TEXT = 2_048;

const words: Readonly<Record<Act["action"], string>> = {
  redrive: "redrive",
  cancel: "cancel",
  erase: "erase the data",
  delete: "delete",
  reveal: "look at the data",
};

/** The page. */
export async function auditPage(visit: Visit): Promise<Markup> {
  const query = visit.url.searchParams;
  const actor = textOf(query, "actor");
  const taskId = textOf(query, "id");
  const found = await findActs(visit, actor, taskId, query.get("cursor"));
  const { now } = await visit.standing();
  const filter = { actor, id: taskId };
  const pages = html`<p class="pager"><span class="quiet">${countOf(found.acts.length, "act")}${found.cursor === null && " · the end"}</span>
${query.has("cursor") && html`<a class="button plain" href="${linkTo(visit, "audit", filter)}">First page</a>`}
${found.cursor !== null && html`<a class="button plain" href="${linkTo(visit, "audit", { ...filter, cursor: found.cursor })}">Older ones</a>`}</p>`;
  return layout(visit, {
    title: "Audit",
    page: "audit",
    content: html`<h1>Audit</h1>
<p class="lead">What people did to tasks, or tried to, newest first: here, with the command, and through the application where it says who. It stays when its task is gone.</p>
<form class="filter" action="${linkTo(visit, "audit")}">
${field("actor", "Who", actor)}
${field("id", "Task", taskId)}
<span class="buttons"><button>Filter</button> <a class="button plain" href="${linkTo(visit, "audit")}">Clear</a></span>
</form>
<div id="audit" data-live>
${found.acts.length === 0 ? html`<p class="empty">Nothing is on record.</p>` : actTable(visit, found.acts, now)}
${pages}
</div>`,
  });
}

function textOf(query: URLSearchParams, name: string): string | null {
  const text = (query.get(name) ?? "").trim();
  if (text.length > LONGEST_TEXT || text.includes("\0") || !text.isWellFormed()) {
    throw badRequest(`${name} cannot be looked for.`);
  }
  return text === "" ? null : text;
}

function field(name: string, label: string, value: string | null): Markup {
  return html`<label>${label}<input name="${name}" value="${value ?? ""}" maxlength="512" autocomplete="off" spellcheck="false"></label>`;
}

/** Acts on tasks that the person may see; those on no task at all are for whoever may see everything. */
async function findActs(
  { store, access, surveys }: Visit,
  actor: string | null,
  taskId: string | null,
  start: string | null,
): Promise<{ readonly acts: readonly Act[]; readonly cursor: string | null }> {
  const acts: Act[] = [];
  let cursor = start;
  let read = 0;
  do {
    const request = { limit: PAGE, cursor: cursor ?? undefined };
    const page = await store.acts({ ...request, actor: actor ?? undefined, taskId: taskId ?? undefined });
    const known = page.acts.filter(({ type }) => type !== null || surveys);
    acts.push(...(await access.visible(known.map((act) => ({ ...act, type: act.type ?? "" })))));
    read += page.acts.length;
    cursor = page.nextCursor;
  } while (cursor !== null && acts.length < PAGE && read < READ_UP_TO);
  return { acts, cursor };
}

function actTable(visit: Visit, acts: readonly Act[], now: Date): Markup {
  return html`<div class="table"><table>
<caption class="hidden">What people did</caption>
<thead><tr><th scope="col" class="when">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Task</th><th scope="col">Type</th><th scope="col">It was</th><th scope="col">Outcome</th><th scope="col">Why</th></tr></thead>
<tbody>${acts.map((act) => actLine(visit, act, now))}</tbody></table></div>`;
}

function actLine(visit: Visit, act: Act, now: Date): Markup {
  const { at, actor, via, action, taskId, type, generation, state, outcome, reason } = act;
  const none = html`<span class="quiet">none</span>`;
  const was: Fragment =
    state === null || generation === null
      ? none
      : html`${stateBadge(state)} <span class="quiet">generation ${generation}</span>`;
  return html`<tr>
<td data-label="When" class="when">${relativeTime(at, now)}</td>
<td data-label="Who"><a href="${linkTo(visit, "audit", { actor })}">${actor}</a> <span class="quiet">${via}</span></td>
<td data-label="What">${words[action]}</td>
<td data-label="Task">${taskLink(visit, taskId)}</td>
<td data-label="Type">${type === null || type === "" ? none : type}</td>
<td data-label="It was">${was}</td>
<td data-label="Outcome">${outcome === "done" ? "done" : html`<span class="refused">${outcome === "gone" ? "there was none" : `left alone: ${outcome}`}</span>`}</td>
<td data-label="Why">${reason ?? none}</td></tr>`;
}
