// What people are handed: the table of metrics, the example, the Grafana dashboard, the alert rules. Each names what there is.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { dashboard } from "owed/dashboard";
import { memoryStore } from "owed/memory";
import { describe, expect, it } from "vitest";
import { type Measure, measures } from "../../src/telemetry/measures.ts";
import { findPrometheus } from "../support/prometheus.ts";
import { readExposition } from "./exposition.ts";
import { knownRun } from "./known-run.ts";

const byText = (left: unknown, right: unknown): number =>
  JSON.stringify(left) < JSON.stringify(right) ? -1 : 1;

const root = fileURLToPath(new URL("../..", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const telemetryPage = read("docs/telemetry.md");
const rules = /```yaml\n(groups:\n[^]*?)```/.exec(read("docs/operations.md"))?.[1] ?? "";
const found = findPrometheus();

/** The label names of every sample that the endpoint prints, by the name of the sample. */
async function printed(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const handler = dashboard({ store: memoryStore(), authorize: () => "prometheus" });
  const scrape = async (answer: typeof handler): Promise<string> =>
    await (await answer(new Request("http://localhost/metrics"))).text();
  await scrape(handler);
  const scheduler = await knownRun();
  const counted = await scrape(handler);
  const gauges = await scrape(dashboard({ store: memoryStore(), scheduler, authorize: () => "prometheus" }));
  await scheduler.stop();
  const names = new Map<string, Set<string>>();
  for (const page of [counted, gauges])
    for (const { samples } of readExposition(page).values())
      for (const { name, labels } of samples)
        names.set(name, new Set([...(names.get(name) ?? []), ...Object.keys(labels)]));
  return names;
}

/** What an expression selects: metrics, and the labels it matches or groups by. */
function namesIn(expression: string): {
  readonly metrics: readonly string[];
  readonly labels: readonly string[];
} {
  const text = expression.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""').replaceAll(/\[[^\]]*\]/g, "");
  const inBraces = [...text.matchAll(/\{([^}]*)\}/g)].flatMap(
    ([, inside = ""]) => inside.match(/\w+(?=\s*[=!])/g) ?? [],
  );
  const grouped = [...text.matchAll(/\bby \(([^)]*)\)/g)].flatMap(
    ([, inside = ""]) => inside.match(/\w+/g) ?? [],
  );
  const rest = text.replaceAll(/\{[^}]*\}/g, "").replaceAll(/\bby \([^)]*\)/g, "");
  return { metrics: rest.match(/\b[a-z]\w*_\w+\b(?!\s*\()/g) ?? [], labels: [...inBraces, ...grouped] };
}

/** Labels that Prometheus puts on itself. */
const ownLabels = new Set(["job", "instance"]);

async function expectPrinted(expressions: readonly string[]): Promise<void> {
  const names = await printed();
  expect(expressions.length).toBeGreaterThan(4);
  for (const expression of expressions) {
    const { metrics, labels } = namesIn(expression);
    expect([expression, metrics.length > 0]).toEqual([expression, true]);
    expect([expression, metrics.filter((name) => !names.has(name))]).toEqual([expression, []]);
    const known = new Set(metrics.flatMap((name) => [...(names.get(name) ?? [])]));
    expect([expression, labels.filter((label) => !known.has(label) && !ownLabels.has(label))]).toEqual([
      expression,
      [],
    ]);
  }
}

describe("docs/telemetry.md", () => {
  it("lists every metric with its kind and its unit, and no other", () => {
    const listed = [
      ...telemetryPage.matchAll(/^\| `([a-z][\w.]*)` \| (counter|histogram|gauge) \| (?:`([^`]*)`)? ?\|/gm),
    ];
    const said = listed.map(([, name, kind, unit = ""]) => [name, kind, unit]);
    expect(said.sort(byText)).toEqual(
      Object.values<Measure>(measures)
        .map(({ name, kind, unit }) => [name, kind, unit])
        .sort(byText),
    );
  });

  it("has an example of ten lines beside its imports, which runs and prints its trace", async () => {
    const code = /<!-- example: telemetry -->\s*```ts\n([^]*?)```/.exec(telemetryPage)?.[1] ?? "";
    const lines = code.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("import "));
    expect(lines.length).toBeLessThanOrEqual(10);
    const folder = mkdtempSync(join(root, ".example-"));
    writeFileSync(join(folder, "example.mts"), code);
    const child = spawn(process.execPath, ["--import", "tsx", join(folder, "example.mts")], {
      cwd: root,
      stdio: ["ignore", "pipe", "inherit"],
    });
    try {
      let output = "";
      for await (const chunk of child.stdout) {
        output += String(chunk);
        if (output.includes("attempt mail.send") && output.includes("owed.state")) break;
      }
      expect(output).toContain("mail to ann");
      const traces = [...output.matchAll(/traceId: '(\w+)'/g)].map(([, id]) => id);
      expect([new Set(traces).size, output.includes("'owed.state': 'confirmed'")]).toEqual([1, true]);
    } finally {
      child.kill("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
}

interface Board {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
}

describe("docs/grafana/owed.json", () => {
  const board = JSON.parse(read("docs/grafana/owed.json")) as Board;
  const variables = board.templating.list.flatMap(({ definition }) => definition ?? []);

  it("asks for nothing that the endpoint does not print", async () => {
    const queries = board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    await expectPrinted(queries);
    const names = await printed();
    for (const definition of variables) {
      const [, metric = "", label = ""] = /^label_values\((\w+), (\w+)\)$/.exec(definition) ?? [];
      expect([definition, names.has(metric)]).toEqual([definition, true]);
      expect(ownLabels.has(label) || names.get(metric)?.has(label) === true).toBe(true);
    }
  });

  it("has panels that do not lie on each other, with ids of their own", () => {
    const cells = board.panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)},${y + Math.floor(cell / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length);
    expect(Math.max(...board.panels.map(({ gridPos: { x, w } }) => x + w))).toBeLessThanOrEqual(24);
  });

  // skipped: where Debian's Prometheus cannot be downloaded
  it.skipIf(found.missing !== null)("asks in expressions that Prometheus understands", () => {
    const expressions = board.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));
    const filled = expressions.map((expr) =>
      expr.replaceAll("$__rate_interval", "5m").replaceAll("$job", ".*").replaceAll("$type", ".*"),
    );
    const records = filled.map((expr, index) => ({ record: `panel:${index}`, expr }));
    const [status, output] = checked(JSON.stringify({ groups: [{ name: "panels", rules: records }] }));
    expect([status, output]).toEqual([0, expect.stringContaining(`${records.length} rules found`)]);
  });

  it("is named by the alerts as it names its panels", () => {
    const named = [...rules.replaceAll(/\s+/g, " ").matchAll(/panel "([^"]+)"/g)].map(([, title]) => title);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((title) => !board.panels.some((panel) => panel.title === title))).toEqual([]);
  });
});

function promtool(options: readonly string[], cwd: string): readonly [status: number | null, output: string] {
  if (found.missing !== null) throw new Error(found.missing);
  const { status, stdout, stderr } = spawnSync(found.promtool, options, { cwd, encoding: "utf8" });
  return [status, stdout + stderr];
}

function checked(text: string, test: unknown = null): readonly [status: number | null, output: string] {
  const folder = mkdtempSync(join(tmpdir(), "owed-rules-"));
  try {
    writeFileSync(join(folder, "rules.yml"), text);
    if (test === null) return promtool(["check", "rules", "rules.yml"], folder);
    writeFileSync(join(folder, "test.yml"), JSON.stringify(test)); // JSON is YAML
    return promtool(["test", "rules", "test.yml"], folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Series over half an hour in which everything is well. */
const well: Readonly<Record<string, string>> = {
  owed_oldest_due_age_seconds: "3+0x60",
  'owed_tasks{owed_state="failed"}': "0+0x60",
  owed_orphaned_types: "0+0x60",
  owed_processes: "2+0x60",
  owed_claims_lost_total: "0+0x60",
  owed_processes_declared_dead_total: "0+0x60",
  owed_zombies: "0+0x60",
};

/** What goes wrong, after five minutes, and which alert says so. */
const troubles: readonly (readonly [alert: string, series: Readonly<Record<string, string>>])[] = [
  ["OwedTasksWait", { owed_oldest_due_age_seconds: "3+0x9 400+30x50" }],
  ["OwedTasksFailed", { 'owed_tasks{owed_state="failed"}': "0+0x9 3+0x50" }],
  ["OwedTypesOrphaned", { owed_orphaned_types: "0+0x9 2+0x50" }],
  ["OwedNoLiveProcess", { owed_processes: "2+0x9 0+0x50" }],
  ["OwedNoLiveProcess", { owed_processes: "2+0x9 stale" }],
  ["OwedClaimsLost", { owed_claims_lost_total: "0+0x40 1+0x20" }],
  ["OwedClaimsLost", { owed_processes_declared_dead_total: "0+0x40 1+0x20" }],
  ["OwedClaimsLost", { owed_zombies: "0+0x9 1+0x50" }],
];

const alerts = [...rules.matchAll(/- alert: (\w+)\n([^]*?)(?=\n {6}- alert|$)/g)].map(
  ([, name = "", body = ""]) => ({
    name,
    body,
  }),
);

describe("the alert rules of docs/operations.md", () => {
  it("are five, each with an action to take and a severity, over metrics that are printed", async () => {
    expect(alerts).toHaveLength(5);
    for (const { name, body } of alerts)
      expect([
        name,
        /\n {10}action: >-\n {12}\w/.test(body),
        /summary: ./.test(body),
        /severity: \w+/.test(body),
      ]).toEqual([name, true, true, true]);
    await expectPrinted(
      alerts.map(({ body }) =>
        (/expr: (?:>-\n)?([^]*?)\n {8}(?:for|labels):/.exec(`        ${body}`)?.[1] ?? "").replaceAll(
          /\s+/g,
          " ",
        ),
      ),
    );
  });

  it("name commands that there are", () => {
    const commands = [...rules.replaceAll(/\s+/g, " ").matchAll(/`owed (\w+)/g)].map(
      ([, command]) => command,
    );
    const known = ["status", "tasks", "task", "redrive", "cancel", "doctor"];
    expect([...new Set(commands)].sort(byText)).toEqual([...known].sort());
  });

  // skipped: where Debian's Prometheus cannot be downloaded
  it.skipIf(found.missing !== null)("are rules (promtool check rules)", () => {
    const [status, output] = checked(rules);
    expect([status, output]).toEqual([0, expect.stringContaining("5 rules found")]);
  });

  // skipped: where Debian's Prometheus cannot be downloaded
  it.skipIf(found.missing !== null).each([["nothing", {}] as const, ...troubles])(
    "wake for it and for nothing else: %s %j",
    (alert, series) => {
      const inputs = Object.entries({ ...well, ...series }).map(([name, values]) => ({
        series: name,
        values,
      }));
      const expectations = alerts.map(({ name }) => ({
        expr: `count(ALERTS{alertname="${name}",alertstate="firing"}) or vector(0)`,
        eval_time: "30m",
        exp_samples: [{ labels: "{}", value: name === alert ? 1 : 0 }],
      }));
      const test = {
        rule_files: ["rules.yml"],
        evaluation_interval: "30s",
        tests: [{ interval: "30s", input_series: inputs, promql_expr_test: expectations }],
      };
      const [status, output] = checked(rules, test);
      expect([status, output]).toEqual([0, expect.stringContaining("SUCCESS")]);
    },
  );
});
