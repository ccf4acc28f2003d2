/** Over which time figures are shown: part of the address. */
import type { Span } from "../figures.ts";
import { html, type Markup } from "../markup.ts";
import { linkTo, type Visit } from "../visit.ts";

const labels: Readonly<Record<Span, string>> = { hour: "Last hour", day: "Last day" };

/** Links to both spans; the rest of the address stays. */
export function spanTabs(
  visit: Visit,
  page: string,
  shown: Span,
  rest: Readonly<Record<string, string | null>> = {},
): Markup {
  const tab = (span: Span): Markup =>
    html`<a href="${linkTo(visit, page, { ...rest, span: span === "hour" ? null : span })}"${span === shown && html` aria-current="true"`}>${labels[span]}</a>`;
  return html`<nav class="tabs" aria-label="Time">${tab("hour")}${tab("day")}</nav>`;
}
