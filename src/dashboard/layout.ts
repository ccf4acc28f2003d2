/** What stands around every page. */
import { iconFile, scriptFile, styleFile } from "./files.ts";
import { type Fragment, html, type Markup } from "./markup.ts";
import { linkTo, type Visit } from "./visit.ts";

/** The pages of the menu. */
export type PageName = "overview" | "tasks" | "failed" | "types" | "processes" | "audit";

const menu: readonly (readonly [name: PageName, path: string, label: string])[] = [
  ["overview", "", "Overview"],
  ["tasks", "tasks", "Tasks"],
  ["failed", "failed", "Failed"],
  ["types", "types", "Types"],
  ["processes", "processes", "Processes"],
  ["audit", "audit", "Audit"],
];

/** Pages about all tasks together. */
const surveys: ReadonlySet<PageName> = new Set(["types", "processes"]);

/** A page to be shown. */
export interface PageContent {
  readonly title: string;
  /** Which entry of the menu it belongs to. */
  readonly page: PageName | null;
  readonly content: Fragment;
  /** What was looked for, so that it stands in the box. */
  readonly search?: string;
}

/** A whole page. */
export function layout(visit: Visit, { title, page, content, search = "" }: PageContent): Markup {
  const file = ({ name }: { readonly name: string }): string => linkTo(visit, name);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>${title} · owed</title>
<link rel="stylesheet" href="${file(styleFile)}">
<link rel="icon" href="${file(iconFile)}" type="image/svg+xml">
<script src="${file(scriptFile)}" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top">
<a class="brand" href="${linkTo(visit, "")}">owed</a>
<nav aria-label="Pages">${menu.map(
    ([name, path, label]) =>
      (visit.surveys || !surveys.has(name)) &&
      html`<a href="${linkTo(visit, path)}"${name === page && html` aria-current="page"`}>${label}</a>`,
  )}</nav>
<form class="search" role="search" action="${linkTo(visit, "find")}">
<label class="hidden" for="find">Find a task by its id or reference</label>
<input id="find" type="search" name="q" value="${search}" placeholder="Task id or reference" maxlength="512" autocomplete="off" spellcheck="false">
<button>Find</button>
</form>
</header>
<main id="main" tabindex="-1">
${content}
</main>
<footer><span>${visit.store.name}</span><span>signed in as ${visit.actor}</span><span>all times in UTC, by the clock of the database</span><span data-live-note role="status"></span></footer>
</body>
</html>
`;
}

/** A page without menu, style or script, for whoever is not let in. */
export function barePage(title: string, message: string, remedy: string): Markup {
  return html`<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>${title} · owed</title></head>
<body><h1>${title}</h1><p>${message}</p>${remedy !== "" && html`<p>${remedy}</p>`}</body>
</html>
`;
}

/** The content of a page that says why something was not done. */
export function problemContent(title: string, message: string, remedy: string, visit: Visit): Markup {
  return html`<h1>${title}</h1>
<p class="lead">${message}</p>${remedy !== "" && html`<p>${remedy}</p>`}
<p><a href="${linkTo(visit, "")}">To the overview</a></p>`;
}
