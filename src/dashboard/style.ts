/** How the pages look: quiet, light and dark, from 320 px on. Every pair of text and ground has a contrast of 4.5 or more. */

const colours = `
:root {
  color-scheme: light dark;
  --ground: #f7f7f5; --sheet: #ffffff; --line: #e2e2de; --strong-line: #c9c9c4;
  --text: #1b1d20; --quiet: #5b6068; --accent: #2456a6; --on-accent: #ffffff; --accent-soft: #e9eff9;
  --red: #a62118; --red-soft: #fbeae8; --green: #17663a; --green-soft: #e5f3ea;
  --amber: #7a4d00; --amber-soft: #fbf1dc; --grey: #4d525a; --grey-soft: #ececea; --blue: #22508f; --blue-soft: #e6eef9;
  --green-line: #2f8f59; --red-line: #cf4a3f;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #131416; --sheet: #1a1c1f; --line: #2b2e33; --strong-line: #41454c;
    --text: #e6e6e3; --quiet: #a1a6ae; --accent: #8db4f5; --on-accent: #10213d; --accent-soft: #1f2b40;
    --red: #f3a49b; --red-soft: #3b1d1a; --green: #8fd2aa; --green-soft: #16301f;
    --amber: #e9c274; --amber-soft: #352914; --grey: #b9bdc4; --grey-soft: #2a2d31; --blue: #a3c3f3; --blue-soft: #1c2b43;
    --green-line: #4fae7b; --red-line: #e0756b;
  }
}`;

const frame = `
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--ground); color: var(--text); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: 2px; }
a:hover { text-decoration-thickness: 2px; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 4px; }
main:focus { outline: none; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.skip { position: absolute; left: -99rem; }
.skip:focus { left: 1rem; top: .5rem; background: var(--sheet); padding: .4rem .8rem; z-index: 1; }
.top { display: flex; align-items: center; gap: .5rem 1.5rem; padding: .6rem max(1.25rem, calc((100vw - 80rem) / 2 + 1.25rem)); background: var(--sheet); border-bottom: 1px solid var(--line); }
.brand { font-weight: 700; font-size: 1.1rem; letter-spacing: -.01em; color: var(--text); text-decoration: none; }
.top nav { display: flex; gap: .15rem; }
.top nav a { padding: .3rem .65rem; border-radius: 6px; color: var(--quiet); text-decoration: none; }
.top nav a:hover { color: var(--text); background: var(--grey-soft); }
.top nav a[aria-current] { color: var(--text); background: var(--grey-soft); font-weight: 600; }
.search { display: flex; gap: .4rem; margin-left: auto; }
.search input { width: 17rem; }
main { overflow-wrap: anywhere; max-width: 80rem; margin: 0 auto; padding: 1.5rem 1.25rem 2.5rem; }
footer { max-width: 80rem; margin: 0 auto; padding: .9rem 1.25rem 2rem; border-top: 1px solid var(--line); display: flex; flex-wrap: wrap; gap: .2rem 1.5rem; color: var(--quiet); font-size: .8125rem; }
footer [data-live-note] { margin-left: auto; }
footer [data-state]::before, .dot { content: ""; display: inline-block; width: .5rem; height: .5rem; border-radius: 50%; margin-right: .4rem; background: var(--green); }
footer [data-state=lost]::before { background: var(--red); }
h1 { font-size: 1.5rem; line-height: 1.25; letter-spacing: -.015em; font-weight: 600; margin: 0 0 1rem; }
h2 { font-size: 1rem; font-weight: 600; margin: 2rem 0 .6rem; }
h3 { font-size: .875rem; font-weight: 600; margin: 1rem 0 .4rem; }
p { margin: 0 0 .75rem; max-width: 46rem; }
.lead { color: var(--quiet); margin-bottom: 1.25rem; }
.quiet { color: var(--quiet); }
.over { color: var(--quiet); margin: 0 0 .15rem; }
.id, code, pre { font-family: ui-monospace, "SF Mono", "Cascadia Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.id { font-size: .93em; }
h1.id { font-size: 1.3rem; }
code { font-size: .85em; padding: .05rem .35rem; border-radius: 4px; background: var(--grey-soft); }
pre { font-size: .8125rem; line-height: 1.5; margin: .5rem 0 1rem; padding: .75rem 1rem; overflow-x: auto; background: var(--sheet); border: 1px solid var(--line); border-radius: 8px; white-space: pre-wrap; }
summary { cursor: pointer; color: var(--accent); width: fit-content; }
ul.plain { list-style: none; padding: 0; margin: 0 0 1rem; }
ul.plain li { padding: .15rem 0; }`;

const controls = `
button, .button { font: inherit; font-weight: 500; display: inline-block; padding: .34rem .85rem; border: 1px solid var(--accent); border-radius: 7px; background: var(--accent); color: var(--on-accent); text-decoration: none; cursor: pointer; white-space: nowrap; }
button:hover, .button:hover { filter: brightness(1.08); }
button.plain, .button.plain, .search button { background: var(--sheet); color: var(--text); border-color: var(--strong-line); }
button.danger { background: var(--red); border-color: var(--red); color: var(--sheet); }
button.plain.danger { background: var(--sheet); color: var(--red); border-color: var(--strong-line); }
input:not([type=checkbox], [type=hidden]), select { font: inherit; font-size: .9375rem; padding: .34rem .6rem; min-width: 0; border: 1px solid var(--strong-line); border-radius: 7px; background: var(--sheet); color: var(--text); }
input::placeholder { color: var(--quiet); opacity: 1; }
input[type=checkbox] { width: 1rem; height: 1rem; margin: 0; vertical-align: -2px; accent-color: var(--accent); }
label { display: flex; flex-direction: column; gap: .2rem; font-size: .8125rem; color: var(--quiet); }
label input, label select { width: 100%; }
label { min-width: 0; }
button, .button, input:not([type=checkbox], [type=hidden]), select { min-height: 2.2rem; }
td.act button { min-height: 0; }
.bar { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center; margin: 1rem 0; }
.bar form { display: contents; }
.selected { color: var(--quiet); }
.selected:empty { display: none; }
.tabs { display: flex; flex-wrap: wrap; gap: .15rem; margin-bottom: 1rem; border-bottom: 1px solid var(--line); }
.tabs a { padding: .4rem .8rem; color: var(--quiet); text-decoration: none; border-bottom: 2px solid transparent; margin-bottom: -1px; }
.tabs a:hover { color: var(--text); }
.tabs a[aria-current] { color: var(--text); font-weight: 600; border-bottom-color: var(--accent); }
.filter { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .75rem; align-items: end; margin-bottom: 1.25rem; }
.filter .buttons { display: flex; gap: .5rem; }
.confirm label { max-width: 30rem; margin-top: 1.25rem; }
.pager { display: flex; align-items: center; gap: .75rem; margin-top: 1rem; }`;

const tables = `
.table + details { margin-top: 1rem; }
.table { overflow-x: auto; background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; }
table { width: 100%; border-collapse: collapse; font-size: .875rem; }
th, td { text-align: left; vertical-align: top; padding: .5rem .75rem; }
th { font-weight: 500; font-size: .8125rem; color: var(--quiet); white-space: nowrap; border-bottom: 1px solid var(--line); }
tbody tr + tr td { border-top: 1px solid var(--line); }
tbody tr:hover { background: color-mix(in srgb, var(--grey-soft) 45%, transparent); }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.number:first-child { width: 1%; }
.strong { font-weight: 600; }
.when { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.error { min-width: 14rem; }
td.pick, th.pick { width: 2.25rem; padding-right: 0; }
td.act { width: 1%; white-space: nowrap; }
td.act button { padding: .12rem .6rem; font-size: .8125rem; background: var(--sheet); color: var(--text); border-color: var(--strong-line); }
.badge { display: inline-block; padding: .05rem .5rem; border-radius: 99px; font-size: .8125rem; font-weight: 500; line-height: 1.4; background: var(--grey-soft); color: var(--grey); }
.badge.failed { background: var(--red-soft); color: var(--red); }
.badge.confirmed { background: var(--green-soft); color: var(--green); }
.badge.pending { background: var(--blue-soft); color: var(--blue); }
.beat { font-variant-numeric: tabular-nums; white-space: nowrap; }
.beat::before { content: ""; display: inline-block; width: .5rem; height: .5rem; border-radius: 50%; margin-right: .45rem; background: var(--green); }
.beat.silent { color: var(--red); font-weight: 500; }
.beat.silent::before { background: var(--red); }
.empty { padding: 2rem 1rem; max-width: none; text-align: center; color: var(--quiet); background: var(--sheet); border: 1px dashed var(--strong-line); border-radius: 10px; }`;

const parts = `
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: .75rem; }
.tile { display: flex; flex-direction: column; padding: .8rem 1rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; color: var(--text); text-decoration: none; }
.tile:hover { border-color: var(--strong-line); }
.tile .name { font-size: .8125rem; color: var(--quiet); }
.tile .name::first-letter { text-transform: uppercase; }
.tile .count { font-size: 1.75rem; font-weight: 600; line-height: 1.3; letter-spacing: -.02em; font-variant-numeric: tabular-nums; }
.tile .note { font-size: .8125rem; color: var(--quiet); }
.tile.bad .count { color: var(--red); }
.tile.late .note { color: var(--amber); font-weight: 500; }
.fine { margin-top: 1.5rem; color: var(--green); }
.findings { list-style: none; margin: 0; padding: 0; background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; }
.findings li { display: grid; grid-template-columns: 5.5rem 1fr; gap: 0 .75rem; padding: .7rem 1rem; }
.findings li + li { border-top: 1px solid var(--line); }
.findings p { margin: 0; grid-column: 2; max-width: 60rem; }
.findings .kind { grid-row: 1; justify-self: start; align-self: start; padding: .05rem .5rem; border-radius: 99px; font-size: .8125rem; font-weight: 500; background: var(--amber-soft); color: var(--amber); }
.findings .error .kind { background: var(--red-soft); color: var(--red); }
.findings .remedy, .verdict .remedy { color: var(--quiet); }
.chips { display: flex; flex-wrap: wrap; gap: .4rem; list-style: none; padding: 0; margin: 0; }
.chips a { display: block; padding: .15rem .7rem; border: 1px solid var(--strong-line); border-radius: 99px; background: var(--sheet); text-decoration: none; font-size: .875rem; }
.notice { padding: .6rem 1rem; max-width: none; border-radius: 8px; background: var(--green-soft); color: var(--green); }
p.warning { padding: .6rem 1rem; border-radius: 8px; background: var(--amber-soft); color: var(--amber); }
.verdict { padding: .9rem 1.1rem; background: var(--sheet); border: 1px solid var(--line); border-left: 4px solid var(--blue); border-radius: 8px; }
.verdict.failed { border-left-color: var(--red); }
.verdict.confirmed { border-left-color: var(--green); }
.verdict.cancelled { border-left-color: var(--strong-line); }
.verdict p { margin: .45rem 0 0; max-width: 60rem; }
.actions p { color: var(--quiet); max-width: 60rem; }
.actions strong { color: var(--text); font-weight: 600; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(19rem, 1fr)); gap: .9rem 1.5rem; margin: 1.5rem 0 0; padding: 1rem 1.1rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; }
.facts dt { font-size: .8125rem; color: var(--quiet); }
.facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.message { max-width: 60rem; margin-bottom: .4rem; }
.timeline { list-style: none; margin: 0; padding: .2rem 0 0; }
.timeline li { position: relative; display: grid; grid-template-columns: 12.5rem 1fr; gap: 0 1.75rem; padding-bottom: .9rem; }
.timeline li::before { content: ""; position: absolute; left: 13.1rem; top: .42rem; width: .6rem; height: .6rem; border-radius: 50%; background: var(--strong-line); z-index: 1; }
.timeline li::after { content: ""; position: absolute; left: 13.35rem; top: .6rem; bottom: -.5rem; width: 1px; background: var(--line); }
.timeline li:last-child::after { display: none; }
.timeline .failed::before { background: var(--red); }
.timeline .confirmed::before, .timeline .late-success::before { background: var(--green); }
.timeline .lost::before, .timeline .deferred::before { background: var(--amber); }
.timeline time { color: var(--quiet); font-variant-numeric: tabular-nums; font-size: .875rem; }
.timeline p { margin: 0; }
.timeline .mark p { grid-column: 2; font-weight: 600; }`;

const charts = `
.charts { display: grid; grid-template-columns: repeat(3, 1fr); gap: .75rem; }
.charts + p { margin-top: .75rem; }
.chart { margin: 0; min-width: 0; padding: .8rem 1rem .6rem; background: var(--sheet); border: 1px solid var(--line); border-radius: 10px; }
.chart figcaption { min-height: 3.2rem; font-size: .8125rem; color: var(--quiet); }
.chart figcaption strong { display: block; font-weight: 500; font-size: .875rem; color: var(--text); }
.plot { position: relative; padding-left: 4.6rem; }
.scale { position: absolute; inset: -.45rem auto -.45rem 0; width: 4.2rem; display: flex; flex-direction: column; justify-content: space-between; text-align: right; font-size: .75rem; line-height: .9rem; color: var(--quiet); font-variant-numeric: tabular-nums; }
.chart svg { display: block; width: 100%; height: 7rem; border-top: 1px solid var(--line); border-bottom: 1px solid var(--strong-line); overflow: visible; }
.chart .time { display: flex; justify-content: space-between; margin: .25rem 0 0 4.6rem; max-width: none; font-size: .75rem; color: var(--quiet); }
rect.confirmed { fill: var(--green-line); }
rect.failed { fill: var(--red-line); }
rect.ground { fill: transparent; }
.chart g:hover .ground, .chart rect.ground:hover { fill: color-mix(in srgb, var(--grey-soft) 70%, transparent); }
.chart path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke-linejoin: round; }
path.p50 { stroke: var(--blue); }
path.p95 { stroke: var(--amber); stroke-dasharray: 6 3; }
path.p99 { stroke: var(--red-line); stroke-dasharray: 2 3; }
.key { display: inline-block; margin-right: .7rem; white-space: nowrap; }
.key::before { content: ""; display: inline-block; width: .9rem; height: .6rem; margin-right: .35rem; border-radius: 2px; }
.key.confirmed::before { background: var(--green-line); }
.key.failed::before { background: var(--red-line); }
.key.p50::before, .key.p95::before, .key.p99::before { height: 0; vertical-align: .25rem; border-top: 2px solid var(--blue); border-radius: 0; }
.key.p95::before { border-top: 2px dashed var(--amber); }
.key.p99::before { border-top: 2px dotted var(--red-line); }
.spark { display: block; width: 8rem; height: 1.4rem; border-bottom: 1px solid var(--strong-line); }
.orders { margin: -.35rem 0 1rem; }
.chips a[aria-current] { font-weight: 600; border-color: var(--accent); color: var(--text); }
.bar.tight { margin: 0; gap: .35rem; flex-wrap: nowrap; }
.refused { color: var(--amber); }
.timeline .acted::before, .timeline .cancelled::before { background: var(--accent); }
progress { width: 100%; max-width: 30rem; height: .6rem; accent-color: var(--accent); }`;

const narrow = `
@media (max-width: 46rem) {
  .top { flex-wrap: wrap; padding: .6rem 1rem; }
  .top nav { order: 3; width: 100%; overflow-x: auto; margin: 0 -.4rem; }
  .top nav a { padding: .3rem .55rem; }
  .search { flex: 1; }
  .search input { width: 100%; }
  main { padding: 1.1rem 1rem 2rem; }
  footer { padding: .9rem 1rem 1.5rem; }
  footer [data-live-note] { margin-left: 0; }
  .tiles { grid-template-columns: 1fr 1fr; }
  .charts { grid-template-columns: 1fr; }
  .chart figcaption { min-height: 0; margin-bottom: .5rem; }
  .filter { grid-template-columns: 1fr 1fr; }
  .facts { grid-template-columns: 1fr; }
  .findings li { grid-template-columns: 1fr; gap: .3rem; }
  .findings p { grid-column: 1; }
  .timeline li { grid-template-columns: 1fr; padding-left: 1.4rem; }
  .timeline .mark p { grid-column: 1; }
  .timeline li::before { left: 0; }
  .timeline li::after { left: .25rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody { display: block; }
  tbody tr { display: block; padding: .6rem .9rem; }
  tbody tr + tr { border-top: 1px solid var(--line); }
  tbody tr + tr td { border: 0; }
  td, td.error, td.pick, td.act { display: grid; grid-template-columns: 7.5rem 1fr; gap: .5rem; width: auto; min-width: 0; padding: .12rem 0; }
  td, td.number { text-align: left; white-space: normal; }
  td::before { content: attr(data-label); color: var(--quiet); font-size: .8125rem; line-height: 1.65; }
  tbody tr { position: relative; }
  td.pick { position: absolute; right: .9rem; display: block; z-index: 1; }
  td.act { display: block; }
  .tabs a { padding: .4rem .55rem; }
  td.act { padding-top: .4rem; }
  td > * { justify-self: start; }
}
@media (prefers-reduced-motion: no-preference) { html { scroll-behavior: smooth; } }`;

/** Plain CSS, sent as a file of its own. */
export const style: string = [colours, frame, controls, tables, parts, charts, narrow].join("\n");
