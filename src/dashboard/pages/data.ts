/** The data of a task: how much there is for everybody, what it is for those who may see it and ask. */
import type { TaskWithAttempts } from "../../task/task.ts";
import { inQuestion } from "../access.ts";
import { operatorOf } from "../actions/operation.ts";
import { html, type Markup } from "../markup.ts";
import { Refusal } from "../refusal.ts";
import { shownNumber } from "../task-words.ts";
import { linkTo, type Visit } from "../visit.ts";

/** Bytes of data that are shown. */
const LONGEST_DATA = 16_384;

/** The section. Showing the data is told to the audit. Throws Refusal when it is asked for without the right. */
export async function dataSection(visit: Visit, task: TaskWithAttempts): Promise<Markup> {
  const { data, codec, taskId } = task;
  const isAsked = visit.url.searchParams.get("data") === "shown";
  const mayReveal = await visit.access.may("reveal", inQuestion(task));
  if (isAsked && !mayReveal) {
    throw new Refusal(403, "Not allowed", "You lack the right to see the data of this task.");
  }
  if (data === null) return html`<h2>Data</h2><p class="quiet">Its data was erased.</p>`;
  const size = html`<p class="quiet">${shownNumber(data.byteLength)} bytes (${codec})</p>`;
  if (!mayReveal) return html`<h2>Data</h2>${size}`;
  if (!isAsked) {
    const show = linkTo(visit, "task", { id: taskId, data: "shown" });
    return html`<h2>Data</h2>${size}<p><a class="button plain" href="${show}">Show the data</a> <span class="quiet">which is put on record</span></p>`;
  }
  await reveal(visit, task);
  const headers =
    task.headers === null ? null : html`<h3>Headers</h3><pre>${JSON.stringify(task.headers, null, 2)}</pre>`;
  return html`<h2>Data</h2>${size}<pre>${shownData(data, codec)}</pre>${headers}
<p><a class="button plain" href="${linkTo(visit, "task", { id: taskId })}">Hide it</a></p>`;
}

/** What is not on record is not shown. */
async function reveal(visit: Visit, task: TaskWithAttempts): Promise<void> {
  const { taskId, type, referenceId, generation, state } = task;
  const act = {
    ...operatorOf(visit, null),
    action: "reveal",
    taskId,
    type,
    referenceId,
    generation,
    state,
    outcome: "done",
  } as const;
  await visit.store.recordAct(act);
  visit.audit.acted(act);
}

function shownData(data: Uint8Array, codec: string): string {
  const isCut = data.byteLength > LONGEST_DATA;
  const part = data.subarray(0, LONGEST_DATA);
  // A character may be cut in two at the end; then what is left of it is dropped.
  const text = decoded(part, isCut);
  const more = isCut ? `\n… (${shownNumber(data.byteLength)} bytes in all)` : "";
  if (text === null) return Buffer.from(part).toString("base64") + more;
  return (isCut || codec !== "json" ? text : pretty(text)) + more;
}

function decoded(bytes: Uint8Array, isCut: boolean): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: isCut });
  } catch {
    return null;
  }
}

/** On several lines, unless reading and writing would change it (a number too long for a double, say). */
function pretty(text: string): string {
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text ? JSON.stringify(value, null, 2) : text;
  } catch {
    return text;
  }
}
