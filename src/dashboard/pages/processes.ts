/** Who is registered, and whether it is alive. */
import type { RegisteredProcess } from "../../store/contract.ts";
import { shownDuration } from "../../story/durations.ts";
import { namesOf } from "../../story/process-findings.ts";
import { isSilent } from "../../story/verdict.ts";
import { layout } from "../layout.ts";
import { html, type Markup } from "../markup.ts";
import { countOf, relativeTime } from "../task-words.ts";
import type { Standing, Visit } from "../visit.ts";

/** Processes that are shown; a thousand are read. */
const MOST_PROCESSES = 200;

/** The page. */
export async function processesPage(visit: Visit): Promise<Markup> {
  await visit.access.demand("survey", null);
  const standing = await visit.standing();
  const silent = standing.processes.filter(isSilent).length;
  const alive = standing.processes.length - silent;
  return layout(visit, {
    title: "Processes",
    page: "processes",
    content: html`<h1>Processes</h1>
<div id="processes" data-live>
<p class="lead">${countOf(alive, "live process", "live processes")}${silent > 0 && `, ${silent} silent`}. A process sends a heartbeat every third of its lease; one that is silent for longer than its lease is dead, or cut off from the database, and another takes its tasks over.</p>
${processTable(standing)}
</div>`,
  });
}

/** The processes as a table. */
export function processTable({ processes, now }: Standing): Markup {
  if (processes.length === 0) return html`<p class="empty">No process is registered.</p>`;
  const more = processes.length - MOST_PROCESSES;
  return html`<div class="table"><table>
<caption class="hidden">Registered processes</caption>
<thead><tr><th scope="col">Host</th><th scope="col" class="number">Pid</th><th scope="col">Heartbeat</th><th scope="col" class="number">Lease</th>
<th scope="col" class="number">Fast-path slots</th><th scope="col">Registered</th><th scope="col">Executes</th><th scope="col">Process</th></tr></thead>
<tbody>${processes.slice(0, MOST_PROCESSES).map((process) => processLine(process, now))}</tbody></table></div>
${more > 0 && html`<p class="quiet">and ${more} more</p>`}`;
}

function processLine(process: RegisteredProcess, now: Date): Markup {
  const { host, pid, owner, slots, types, silentForMs, leaseMs, registeredAt } = process;
  const isDead = isSilent(process);
  return html`<tr>
<td data-label="Host">${host}</td>
<td data-label="Pid" class="number">${String(pid)}</td>
<td data-label="Heartbeat"><span class="beat ${isDead ? "silent" : "alive"}">${isDead ? "silent for " : ""}${shownDuration(silentForMs)}${isDead ? "" : " ago"}</span></td>
<td data-label="Lease" class="number">${shownDuration(leaseMs)}</td>
<td data-label="Fast-path slots" class="number">${String(slots)}</td>
<td data-label="Registered">${relativeTime(registeredAt, now)}</td>
<td data-label="Executes">${types === "all" ? "any type" : namesOf(types)}</td>
<td data-label="Process" class="id quiet">${owner}</td></tr>`;
}
