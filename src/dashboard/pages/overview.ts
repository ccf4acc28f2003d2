/** The first page: how many tasks stand where, what is wrong, how attempts go, and who executes. */
import type { StoreFinding } from "../../store/contract.ts";
import { shownDuration } from "../../story/durations.ts";
import { counted, standingFindings } from "../../story/process-findings.ts";
import { STUCK_AFTER_MS } from "../../story/verdict.ts";
import { latencyChart, throughputChart } from "../chart.ts";
import { spanOf } from "../figures.ts";
import { layout } from "../layout.ts";
import { type Fragment, html, type Markup } from "../markup.ts";
import { shownNumber } from "../task-words.ts";
import { linkTo, type Standing, type Visit } from "../visit.ts";
import { processTable } from "./processes.ts";
import { spanTabs } from "./span-tabs.ts";

/** Types that are named one by one. */
const MOST_TYPES = 20;

/** The page. */
export async function overviewPage(visit: Visit): Promise<Markup> {
  if (!visit.surveys) return doors(visit);
  const standing = await visit.standing();
  const span = spanOf(visit.url.searchParams);
  const figures = await visit.figures(span);
  return layout(visit, {
    title: "Overview",
    page: "overview",
    content: html`<h1>Overview</h1>
<div id="standing" data-live>
${tiles(visit, standing)}
${findings(visit, standing)}
${orphans(visit, standing.statistics.orphanedTypes)}
</div>
<h2>Attempts</h2>
${spanTabs(visit, "", span)}
<div id="figures" data-live class="charts">${throughputChart(figures)}${latencyChart("Commit to start", "waits", figures)}${latencyChart("Run time", "runs", figures)}</div>
<p class="quiet">As counted by the processes, up to a minute late. <a href="${linkTo(visit, "types", { span: span === "hour" ? null : span })}">By type</a></p>
<h2>Processes</h2>
<div id="processes" data-live>
${processTable(standing)}
</div>`,
  });
}

/** For whoever may see some tasks, and no figures over all of them. */
function doors(visit: Visit): Markup {
  const door = (page: string, state: string | null, label: string, note: string): Markup =>
    html`<a class="tile" href="${linkTo(visit, page, { state })}"><span class="name">${label}</span><span class="note">${note}</span></a>`;
  return layout(visit, {
    title: "Overview",
    page: "overview",
    content: html`<h1>Overview</h1>
<p class="lead">You may see some of the tasks; figures over all of them are for others.</p>
<section class="tiles" aria-label="Pages">${door("failed", null, "failed", "what waits for a person")}${door("tasks", "pending", "pending", "what is still owed")}${door("tasks", "confirmed", "confirmed", "what is done")}${door("audit", null, "audit", "who did what")}</section>`,
  });
}

function tiles(visit: Visit, { statistics }: Standing): Markup {
  const { pending, failed, cancelled, confirmed, countedUpTo, oldestDueAgeMs } = statistics;
  const tile = (state: string, count: string, note: Fragment, mood = ""): Markup =>
    html`<a class="tile ${mood}" href="${linkTo(visit, "tasks", { state })}"><span class="name">${state}</span><span class="count">${count}</span><span class="note">${note}</span></a>`;
  const isLate = oldestDueAgeMs !== null && oldestDueAgeMs > STUCK_AFTER_MS;
  const due = oldestDueAgeMs === null ? "none is due" : `oldest due for ${shownDuration(oldestDueAgeMs)}`;
  return html`<section class="tiles" aria-label="Tasks by state">
${tile("pending", counted(pending, countedUpTo), due, isLate ? "late" : "")}
${tile("failed", counted(failed, countedUpTo), failed === 0 ? "nothing to mend" : "wait for a person", failed === 0 ? "" : "bad")}
${tile("cancelled", counted(cancelled, countedUpTo), "kept for their retention")}
${tile("confirmed", shownNumber(confirmed), "kept for their retention")}
</section>`;
}

function findings(visit: Visit, { statistics, processes, findings: ofStore }: Standing): Markup {
  const all = [...standingFindings(statistics, processes), ...ofStore];
  if (all.length === 0) return html`<p class="fine"><span class="dot"></span>Nothing is wrong.</p>`;
  const sorted = [...all].sort((left, right) => rank(left) - rank(right));
  return html`<section><h2>What is wrong</h2><ul class="findings">${sorted.map(
    (finding) => html`<li class="${finding.severity}"><span class="kind">${finding.severity}</span>
<p>${sentence(finding.problem)}</p><p class="remedy">${remedyOf(visit, finding)}</p></li>`,
  )}</ul></section>`;
}

function rank({ severity }: StoreFinding): number {
  return severity === "error" ? 0 : 1;
}

/** Where a page of the dashboard is the way, that is what is said. */
function remedyOf(visit: Visit, { code, remedy }: StoreFinding): Fragment {
  const link = (page: string, query: Record<string, string>, text: string): Markup =>
    html`<a href="${linkTo(visit, page, query)}">${text}</a>`;
  switch (code) {
    case "failed-tasks":
      return link("failed", {}, "See why, and run them again");
    case "late":
      return html`${link("tasks", { state: "pending", order: "oldest" }, "See the oldest pending tasks")}: they may run for long, wait for slots, or have no executor.`;
    case "orphaned-types":
      return "Deploy a worker with an executor for them, or cancel the tasks.";
    default:
      return sentence(remedy);
  }
}

function orphans(visit: Visit, types: readonly string[]): Fragment {
  if (types.length === 0) return null;
  const more = types.length - MOST_TYPES;
  return html`<section><h2>Types nobody executes</h2><ul class="chips">${types
    .slice(0, MOST_TYPES)
    .map(
      (type) => html`<li><a href="${linkTo(visit, "tasks", { state: "pending", type })}">${type}</a></li>`,
    )}</ul>${more > 0 && html`<p class="quiet">and ${more} more</p>`}</section>`;
}

/** With a capital at its beginning and a full stop at its end. */
export function sentence(text: string): string {
  const begun = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!]$/.test(begun) ? begun : `${begun}.`;
}
