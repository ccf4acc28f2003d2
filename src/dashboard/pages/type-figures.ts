/** The types: how many attempts of each, how many fail, how long they wait and run, and what went wrong last. */
import { percentile } from "../../store/roll-up.ts";
import { executes, isSilent } from "../../story/verdict.ts";
import { latencyChart, sparkline, throughputChart } from "../chart.ts";
import { failureRatio, shownLatency, shownRatio, spanOf, type TypeFigures } from "../figures.ts";
import { anything, findTasks } from "../filter.ts";
import { layout } from "../layout.ts";
import { type Fragment, html, type Markup } from "../markup.ts";
import { badRequest } from "../refusal.ts";
import { countOf, factList, shownNumber, taskLink } from "../task-words.ts";
import { linkTo, type Standing, type Visit } from "../visit.ts";
import { failureTable, groupFailures } from "./failures.ts";
import { spanTabs } from "./span-tabs.ts";

/** Types that are shown. */
const MOST_TYPES = 200;
/** Tasks whose errors are grouped, the newest of each state. */
const GROUPED = 200;

const orders = { busiest: "Busiest", failing: "Most failures", slowest: "Slowest", name: "By name" } as const;
type Order = keyof typeof orders;

/** The page of all types, or of the one that the address names. */
export async function typesPage(visit: Visit): Promise<Markup> {
  await visit.access.demand("survey", null);
  const type = visit.url.searchParams.get("type") ?? "";
  if (type.includes("\0") || !type.isWellFormed()) throw badRequest("type cannot be looked for.");
  return type === "" ? await allTypes(visit) : await oneType(visit, type);
}

async function allTypes(visit: Visit): Promise<Markup> {
  const query = visit.url.searchParams;
  const span = spanOf(query);
  const order = orderOf(query.get("order") ?? "busiest");
  const { types } = await visit.figures(span);
  const standing = await visit.standing();
  const known = new Set([
    ...types.map(({ total }) => total.type),
    ...standing.statistics.orphanedTypes,
    ...standing.processes.flatMap((process) => (process.types === "all" ? [] : process.types)),
  ]);
  const figures = [...known].map((type) => types.find(({ total }) => total.type === type) ?? still(type));
  const sorted = figures.sort((left, right) => rank(right, order) - rank(left, order) || byName(left, right));
  const link = (to: Order): Markup =>
    html`<li><a href="${linkTo(visit, "types", { span: span === "hour" ? null : span, order: to })}"${to === order && html` aria-current="true"`}>${orders[to]}</a></li>`;
  return layout(visit, {
    title: "Types",
    page: "types",
    content: html`<h1>Types</h1>
${spanTabs(visit, "types", span, { order: order === "busiest" ? null : order })}
<ul class="chips orders" aria-label="Order">${(Object.keys(orders) as Order[]).map(link)}</ul>
<div id="types" data-live>
${figures.length === 0 ? html`<p class="empty">No type is known: nothing was attempted, and no process is registered.</p>` : typeTable(visit, sorted.slice(0, MOST_TYPES), standing)}
${sorted.length > MOST_TYPES && html`<p class="quiet">and ${sorted.length - MOST_TYPES} more types</p>`}
<h2>Last errors</h2>
${await lastErrors(visit, null)}
</div>`,
  });
}

function orderOf(text: string): Order {
  if (text in orders) return text as Order; // one of its keys
  throw badRequest(`order is ${Object.keys(orders).join(", ")}.`);
}

function still(type: string): TypeFigures {
  const total = { type, confirmed: 0, failed: 0, givenUp: 0, waits: [], runs: [], slowest: null };
  return { total, steps: [] };
}

function rank({ total }: TypeFigures, order: Order): number {
  switch (order) {
    case "busiest":
      return total.confirmed + total.failed;
    case "failing":
      return failureRatio(total) ?? -1;
    case "slowest":
      return percentile(total.runs, 0.95) ?? -1;
    case "name":
      return 0;
  }
}

function byName(left: TypeFigures, right: TypeFigures): number {
  return left.total.type < right.total.type ? -1 : 1;
}

function typeTable(visit: Visit, types: readonly TypeFigures[], standing: Standing): Markup {
  return html`<div class="table"><table>
<caption class="hidden">Types with their figures</caption>
<thead><tr><th scope="col">Type</th><th scope="col">Attempts</th><th scope="col" class="number">Confirmed</th><th scope="col" class="number">Failed attempts</th><th scope="col" class="number">Gave up</th>
<th scope="col" class="number">Starts within (95 %)</th><th scope="col" class="number">Runs for (half)</th><th scope="col" class="number">Runs for (95 %)</th><th scope="col">Executed by</th></tr></thead>
<tbody>${types.map((one) => typeLine(visit, one, standing))}</tbody></table></div>`;
}

function typeLine(visit: Visit, figures: TypeFigures, standing: Standing): Markup {
  const { type, confirmed, failed, givenUp, waits, runs } = figures.total;
  const able = ableProcesses(standing, type);
  return html`<tr>
<td data-label="Type"><a href="${linkTo(visit, "types", { type, span: visit.url.searchParams.get("span") })}">${type}</a></td>
<td data-label="Attempts" class="picture">${figures.steps.length > 0 && sparkline(figures)}</td>
<td data-label="Confirmed" class="number">${shownNumber(confirmed)}</td>
<td data-label="Failed attempts" class="number">${shownNumber(failed)} <span class="quiet">${shownRatio(failureRatio(figures.total))}</span></td>
<td data-label="Gave up" class="number">${shownNumber(givenUp)}</td>
<td data-label="Starts within (95 %)" class="number">${shownLatency(percentile(waits, 0.95))}</td>
<td data-label="Runs for (half)" class="number">${shownLatency(percentile(runs, 0.5))}</td>
<td data-label="Runs for (95 %)" class="number">${shownLatency(percentile(runs, 0.95))}</td>
<td data-label="Executed by">${able === 0 ? html`<span class="beat silent">nobody</span>` : countOf(able, "process", "processes")}</td></tr>`;
}

function ableProcesses({ processes }: Standing, type: string): number {
  return processes.filter((process) => executes(process, type) && !isSilent(process)).length;
}

async function oneType(visit: Visit, type: string): Promise<Markup> {
  const span = spanOf(visit.url.searchParams);
  const figures = await visit.figures(span, type);
  const standing = await visit.standing();
  const { total } = figures;
  const facts: (readonly [string, Fragment])[] = [
    ["Confirmed", shownNumber(total.confirmed)],
    ["Failed attempts", `${shownNumber(total.failed)} (${shownRatio(failureRatio(total))} of all)`],
    ["Gave up", countOf(total.givenUp, "task")],
    ["Executed by", countOf(ableProcesses(standing, type), "live process", "live processes")],
    ["Slowest", await slowest(visit, type, total.slowest)],
  ];
  return layout(visit, {
    title: type,
    page: "types",
    content: html`<p class="over">Type</p>
<h1>${type}</h1>
${spanTabs(visit, "types", span, { type })}
<div id="type" data-live>
${factList(facts)}
<div class="charts">${throughputChart(figures)}${latencyChart("Commit to start", "waits", figures)}${latencyChart("Run time", "runs", figures)}</div>
<h2>Last errors</h2>
${await lastErrors(visit, type)}
</div>
<ul class="chips">${(["failed", "pending", "cancelled", "confirmed"] as const).map((state) => html`<li><a href="${linkTo(visit, "tasks", { state, type })}">${state}</a></li>`)}</ul>`,
  });
}

/** Who may see the figures may not therefore see each task. */
async function slowest(
  visit: Visit,
  type: string,
  attempt: TypeFigures["total"]["slowest"],
): Promise<Fragment> {
  if (attempt === null) return "–";
  const { taskId, ms } = attempt;
  const task = await visit.store.get(taskId);
  const referenceId = task?.referenceId ?? null;
  const isVisible = await visit.access.may("view", { taskId, type, referenceId });
  return isVisible ? html`${shownLatency(ms)}: ${taskLink(visit, taskId)}` : shownLatency(ms);
}

/** What failed for good, and what is tried again: the newest of each, grouped. */
async function lastErrors(visit: Visit, type: string | null): Promise<Markup> {
  const { now } = await visit.standing();
  const grouped = async (state: "failed" | "pending") => {
    const { tasks } = await findTasks(visit, { ...anything, type, state }, { enough: GROUPED, cursor: null });
    return groupFailures(tasks.filter(({ lastError }) => lastError !== null));
  };
  const [failed, pending] = [await grouped("failed"), await grouped("pending")];
  if (failed.length + pending.length === 0) return html`<p class="empty">There are none.</p>`;
  return html`${failed.length > 0 && html`<h3>Failed for good</h3>${failureTable(visit, failed, now, "failed")}`}
${pending.length > 0 && html`<h3>To be tried again</h3>${failureTable(visit, pending, now, "pending")}`}
<p class="quiet">Of the newest ${GROUPED} of each.</p>`;
}
