/** The script of the pages. Everything works without it; with it they stay up to date, and long work goes on by itself. */

/** Plain text, sent as a file of its own. It makes no HTML of text: what it shows is parsed from a page of ours. */
export const script = `"use strict";
const FIRST_MS = 2000, CALM_MS = 10000, LONGEST_MS = 60000, CALM_AFTER_MS = 60000;
const note = document.querySelector("[data-live-note]");
const isLive = document.querySelector("[data-live]") !== null;
let waitMs = FIRST_MS, isLost = false, touchedAt = performance.now(), timer;

const say = (text, state) => {
  if (note === null) return;
  if (note.textContent !== text) note.textContent = text;
  note.dataset.state = state;
};

// What a person is at work on stays as it is.
const isInUse = (part) =>
  part.contains(document.activeElement) || part.querySelector("input:checked, details[open]") !== null;

const refresh = async () => {
  try {
    const page = new URL(location.href);
    // The data of a task is put on record each time it is shown, and a notice is shown once.
    for (const name of ["data", "done"]) page.searchParams.delete(name);
    const answer = await fetch(page, { headers: { accept: "text/html" }, redirect: "error" });
    if (!answer.ok && answer.status !== 404) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const part of document.querySelectorAll("[data-live]")) {
      const next = fresh.getElementById(part.id);
      if (next === null || isInUse(part) || part.isEqualNode(next)) continue;
      part.replaceChildren(...Array.from(next.childNodes, (node) => document.importNode(node, true)));
    }
    wire();
    isLost = false;
    waitMs = performance.now() - touchedAt > CALM_AFTER_MS ? Math.min(waitMs * 1.5, CALM_MS) : FIRST_MS;
    say("live", "live");
  } catch {
    waitMs = Math.min(waitMs * 2, LONGEST_MS);
    isLost = true;
    say("not up to date: trying again in " + Math.round(waitMs / 1000) + " s", "lost");
  }
  plan();
};

const plan = () => {
  clearTimeout(timer);
  if (isLive && !document.hidden) timer = setTimeout(refresh, waitMs);
};

// One box that ticks all, and a count of what is ticked.
const wire = () => {
  for (const table of document.querySelectorAll("table")) {
    const boxes = () => [...table.querySelectorAll("tbody input[type=checkbox]")];
    const head = table.querySelector("th.pick");
    if (head === null || head.querySelector("input") !== null || boxes().length === 0) continue;
    const all = document.createElement("input");
    all.type = "checkbox";
    all.setAttribute("aria-label", "Select all on this page");
    head.append(all);
    const count = document.querySelector("[data-selected]");
    const tell = () => {
      const ticked = boxes().filter((box) => box.checked).length;
      all.checked = ticked > 0 && ticked === boxes().length;
      all.indeterminate = ticked > 0 && !all.checked;
      if (count !== null) count.textContent = ticked === 0 ? "" : ticked + " selected";
    };
    all.addEventListener("change", () => {
      for (const box of boxes()) box.checked = all.checked;
      tell();
    });
    table.addEventListener("change", tell);
    tell();
  }
};

for (const kind of ["pointerdown", "keydown"]) {
  addEventListener(kind, () => {
    touchedAt = performance.now();
    if (isLost || waitMs === FIRST_MS) return;
    waitMs = FIRST_MS;
    plan();
  });
}
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && !isLost) waitMs = FIRST_MS;
  plan();
});
addEventListener("pageshow", plan);

wire();
if (isLive) {
  say("live", "live");
  plan();
}
// The next batch of long work. A second sending of the same one would change nothing more.
const more = document.querySelector("form[data-go-on]");
if (more !== null) setTimeout(() => more.requestSubmit(), 150);
`;
