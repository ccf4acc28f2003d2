/** Charts as pictures that the server draws. They stretch with the page, so that words stand beside them and not in them. */
import { percentile } from "../store/roll-up.ts";
import { shownInstant } from "../story/durations.ts";
import { type Figures, type Span, type Step, shownLatency, type TypeFigures } from "./figures.ts";
import { type Fragment, html, type Markup } from "./markup.ts";
import { shownNumber } from "./task-words.ts";

/** The picture's own measures; the page stretches it. */
const WIDTH = 600;
const HEIGHT = 100;
/** What is drawn is no lower than this, else nobody would see it. */
const LOWEST = 1.5;

const sinceWords: Readonly<Record<Span, string>> = { hour: "an hour ago", day: "a day ago" };
const stepWords: Readonly<Record<Span, string>> = { hour: "a minute", day: "an hour" };

/** Three lines of a chart of latencies. */
const lines = [
  { name: "p50", fraction: 0.5, words: "half" },
  { name: "p95", fraction: 0.95, words: "95 %" },
  { name: "p99", fraction: 0.99, words: "99 %" },
] as const;

/** How many tasks were confirmed, and how many attempts failed, in each step. */
export function throughputChart({ steps, span, total }: Figures): Markup {
  const highest = Math.max(...steps.map(({ sum }) => sum.confirmed + sum.failed), 1);
  const width = WIDTH / steps.length;
  const bar = ({ sum, beginsAt }: Step, place: number): Markup => {
    const failed = heightOf(sum.failed, highest);
    const confirmed = heightOf(sum.confirmed, highest);
    const x = (place * width + width * 0.1).toFixed(1);
    const piece = (kind: string, top: number, height: number): Fragment =>
      height > 0 &&
      html`<rect class="${kind}" x="${x}" y="${top.toFixed(1)}" width="${(width * 0.8).toFixed(1)}" height="${height.toFixed(1)}"/>`;
    return html`<g><title>${shownInstant(beginsAt)}: ${shownNumber(sum.confirmed)} confirmed, ${shownNumber(sum.failed)} failed attempts</title><rect class="ground" x="${(place * width).toFixed(1)}" y="0" width="${width.toFixed(1)}" height="${HEIGHT}"/>${piece("confirmed", HEIGHT - confirmed, confirmed)}${piece("failed", HEIGHT - confirmed - failed, failed)}</g>`;
  };
  return figure({
    title: "Throughput",
    label: `${shownNumber(total.confirmed)} confirmed, ${shownNumber(total.failed)} failed attempts since ${sinceWords[span]}`,
    caption: html`<span class="key confirmed">${shownNumber(total.confirmed)} confirmed</span> <span class="key failed">${shownNumber(total.failed)} failed attempts</span>`,
    top: `${shownNumber(highest)} ${stepWords[span]}`,
    bottom: "0",
    span,
    drawing: steps.map(bar),
  });
}

/** How long it took: half of them, and all but few, in each step. The height is by powers. */
export function latencyChart(title: string, of: "waits" | "runs", { steps, span, total }: Figures): Markup {
  const points = lines.map(({ fraction }) => steps.map(({ sum }) => percentile(sum[of], fraction)));
  const highest = Math.max(...points.flat().map((ms) => ms ?? 0), 10);
  const width = WIDTH / steps.length;
  const heightAt = (ms: number): number => HEIGHT - (HEIGHT * Math.log(Math.max(ms, 1))) / Math.log(highest);
  const drawing = lines.map(
    ({ name }, line) => html`<path class="${name}" d="${pathOf(points[line] ?? [], width, heightAt)}"/>`,
  );
  const told = lines.map(({ fraction, name, words }) => ({
    name,
    words: `${words} within ${shownLatency(percentile(total[of], fraction))}`,
  }));
  const hasSome = total[of].some((count) => count > 0);
  return figure({
    title,
    label: hasSome ? told.map(({ words }) => words).join(", ") : "nothing was counted",
    caption: hasSome
      ? told.map(({ name, words }) => html`<span class="key ${name}">${words}</span> `)
      : "nothing was counted",
    top: shownLatency(highest),
    bottom: "1 ms",
    span,
    drawing: [
      ...drawing,
      ...steps.map(
        ({ beginsAt }, place) =>
          html`<rect class="ground" x="${(place * width).toFixed(1)}" y="0" width="${width.toFixed(1)}" height="${HEIGHT}"><title>${shownInstant(beginsAt)}: ${lines.map(({ name }, line) => `${name} ${shownLatency(points[line]?.[place] ?? null)}`).join(", ")}</title></rect>`,
      ),
    ],
  });
}

interface Drawn {
  readonly title: string;
  /** What the picture says, for whoever does not see it. */
  readonly label: string;
  readonly caption: Fragment;
  readonly top: string;
  readonly bottom: string;
  readonly span: Span;
  readonly drawing: Fragment;
}

function figure({ title, label, caption, top, bottom, span, drawing }: Drawn): Markup {
  return html`<figure class="chart"><figcaption><strong>${title}</strong> ${caption}</figcaption>
<div class="plot"><span class="scale"><span>${top}</span><span>${bottom}</span></span><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${title}: ${label}">${drawing}</svg></div>
<p class="time"><span>${sinceWords[span]}</span><span>now</span></p></figure>`;
}

function heightOf(count: number, highest: number): number {
  return count === 0 ? 0 : Math.max((count / highest) * HEIGHT, LOWEST);
}

/** A line through the middles of the steps; where nothing was counted it is broken off, and a single one is a dash. */
function pathOf(points: readonly (number | null)[], width: number, heightAt: (ms: number) => number): string {
  let path = "";
  points.forEach((ms, place) => {
    if (ms === null) return;
    const y = heightAt(ms).toFixed(1);
    const isGoingOn = (points[place - 1] ?? null) !== null;
    path += isGoingOn
      ? `L${((place + 0.5) * width).toFixed(1)} ${y}`
      : `M${(place * width).toFixed(1)} ${y}L${((place + 0.5) * width).toFixed(1)} ${y}`;
    if ((points[place + 1] ?? null) === null) path += `L${((place + 1) * width).toFixed(1)} ${y}`;
  });
  return path;
}

/** How many attempts a type had in each step, as small as a word. */
export function sparkline({ steps, total }: TypeFigures): Markup {
  const highest = Math.max(...steps.map(({ confirmed, failed }) => confirmed + failed), 1);
  const width = WIDTH / steps.length;
  const bar = ({ confirmed, failed }: TypeFigures["steps"][number], place: number): Fragment => {
    const height = heightOf(confirmed + failed, highest);
    return (
      height > 0 &&
      html`<rect class="${failed > confirmed ? "failed" : "confirmed"}" x="${(place * width).toFixed(1)}" y="${(HEIGHT - height).toFixed(1)}" width="${(width * 0.8).toFixed(1)}" height="${height.toFixed(1)}"/>`
    );
  };
  const label = `Attempts of ${total.type} over time, ${shownNumber(highest)} in a step at most`;
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}">${steps.map(bar)}</svg>`;
}
