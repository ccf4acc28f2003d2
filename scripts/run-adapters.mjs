// `npm run adapters`: the laws of adapters on every library. `-- --write` puts what was seen into docs/adapters.md.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const page = join(root, "docs", "adapters.md");
const folder = mkdtempSync(join(tmpdir(), "owed-adapters-"));
const facts = join(folder, "facts.jsonl");
writeFileSync(facts, "");

function run(script, options) {
  const { status } = spawnSync(process.execPath, [join(root, script), ...options], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, OWED_TEST_FULL: "1", OWED_ADAPTER_FACTS: facts },
  });
  return status === 0;
}

/** One line a library; the runs of one library, with and without the pooler, stand in one line. */
function table(lines) {
  const libraries = new Map();
  for (const fact of lines) libraries.set(fact.name, [...(libraries.get(fact.name) ?? []), fact]);
  const rows = [...libraries.values()].map((runs) => {
    const [first] = runs;
    const kept = runs.map(
      ({ where, passed, laws }) => `${passed} of ${laws}${where === "" ? "" : ` ${where}`}`,
    );
    const lacks = first.lacks.length === 0 ? "nothing" : first.lacks.join("; ");
    const cells = [first.name, first.version, `\`${first.subpath}\``, kept.join(", "), lacks];
    return `| ${[...cells, first.afterCommit, first.refused].join(" | ")} |`;
  });
  return [
    "| library | version | import | laws kept | does not apply | the fast path learns of a commit by | what is refused |",
    "|---|---|---|---|---|---|---|",
    ...rows.sort(),
  ].join("\n");
}

let passed = false;
try {
  passed =
    run("scripts/prepare-orms.mjs", []) &&
    run("node_modules/vitest/vitest.mjs", ["run", "test/adapters", "test/orms"]);
  const lines = readFileSync(facts, "utf8")
    .trim()
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  const matrix = table(lines);
  console.log(matrix);
  if (passed && process.argv.includes("--write")) {
    const markers = /(<!-- matrix -->\n)[\s\S]*?(\n<!-- end of matrix -->)/;
    writeFileSync(
      page,
      readFileSync(page, "utf8").replace(markers, (_, open, close) => `${open}${matrix}${close}`),
    );
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = passed ? 0 : 1;
