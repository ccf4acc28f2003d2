// Every rule is shown a breach it must see and a neighbour it must leave alone: a rule that never fails proves nothing.
import { expect, it } from "vitest";
import { houseRules } from "./house-rules.ts";
import type { Rule } from "./rule.ts";
import { ambientCalls } from "./rules/ambient-calls.ts";
import { documentedExports, openingLine } from "./rules/documentation.ts";
import { noOnly, reasonedSkip } from "./rules/honest-tests.ts";
import { importLaw } from "./rules/import-law.ts";
import { machinePaths } from "./rules/machine-paths.ts";
import { fileNames } from "./rules/names.ts";
import { fileSize, mostLines } from "./rules/sizes.ts";
import { sqlHome } from "./rules/sql-home.ts";
import { scan } from "./scanned-file.ts";

type Sample = readonly [rule: Rule, path: string, text: string];

const somebodysFile = ["", "home", "somebody", "file"].join("/");

const breaches: readonly Sample[] = [
  [importLaw, "src/errors.ts", `import { type Task } from "./task/task.ts";`],
  [importLaw, "src/task/task.ts", `import type { Store } from "../store/contract.ts";`],
  [importLaw, "src/task/task.ts", `import { readFile } from "node:fs";`],
  [importLaw, "src/task/task.ts", `export * from "../run/worker.ts";`],
  [importLaw, "src/task/task.ts", `export async function f() { await import("../run/worker.ts"); }`],
  [importLaw, "src/ports/ports.ts", `import "./real-ports.ts";`],
  [importLaw, "src/store/contract.ts", `import { memoryStore } from "./memory/index.ts";`],
  [importLaw, "src/store/memory/index.ts", `import { Worker } from "../../run/worker.ts";`],
  [importLaw, "src/store/memory/index.ts", `import { x } from "../sqlite/index.ts";`],
  [importLaw, "src/store/memory/index.ts", `import { Engine } from "../../run/engine.ts";`],
  [importLaw, "src/store/sqlite/index.ts", `import Database from "better-sqlite3";`],
  [importLaw, "src/run/worker.ts", `import {\n  postgresStore,\n} from "../store/postgres/index.ts";`],
  [importLaw, "src/run/worker.ts", `import { x } from "../telemetry/opentelemetry.ts";`],
  [importLaw, "src/conformance/index.ts", `import { Scheduler } from "../run/scheduler.ts";`],
  [importLaw, "src/index.ts", `export { memoryStore } from "./store/memory/index.ts";`],
  [importLaw, "src/run/worker.ts", `import { z } from "zod";`],
  [importLaw, "src/elsewhere/thing.ts", ""],
  [ambientCalls, "src/run/worker.ts", "const now = Date.now();"],
  [ambientCalls, "src/run/worker.ts", "const now = new Date();"],
  [ambientCalls, "src/run/worker.ts", "const now = new Date;"],
  [ambientCalls, "src/run/worker.ts", "setTimeout(() => {}, 1);"],
  [ambientCalls, "src/run/worker.ts", "globalThis.setInterval(() => {}, 1);"],
  [ambientCalls, "src/run/worker.ts", "await new Promise(setImmediate);"],
  [ambientCalls, "src/run/worker.ts", "const draw = `${Math.random()}`;"],
  [ambientCalls, "src/run/worker.ts", `import { randomUUID } from "node:crypto";`],
  [ambientCalls, "src/run/worker.ts", "crypto.randomBytes(8);"],
  [ambientCalls, "src/run/worker.ts", `import timers from "node:timers"; timers.setTimeout(f, 1);`],
  [ambientCalls, "src/run/worker.ts", `import { setTimeout as delay } from "node:timers/promises";`],
  [ambientCalls, "src/run/worker.ts", `const { setTimeout: later } = require("timers");`],
  [ambientCalls, "src/run/worker.ts", `import * as c from "node:crypto"; c.randomUUID();`],
  [ambientCalls, "src/run/worker.ts", `import c, { createHash } from "node:crypto"; c.randomUUID();`],
  [ambientCalls, "src/run/worker.ts", `import { default as c } from "node:crypto"; c.randomUUID();`],
  [ambientCalls, "src/run/worker.ts", `const c = await import("node:crypto"); c.randomUUID();`],
  [ambientCalls, "src/run/worker.ts", `import { performance as p } from "node:perf_hooks"; p.now();`],
  [ambientCalls, "src/run/worker.ts", `import { hrtime } from "node:process"; hrtime();`],
  [ambientCalls, "src/run/worker.ts", "process.hrtime.bigint();"],
  [ambientCalls, "src/run/worker.ts", "performance.now();"],
  [ambientCalls, "src/run/worker.ts", "AbortSignal.timeout(5);"],
  [ambientCalls, "src/ports/real-ports.ts", `console.log("started");`],
  [ambientCalls, "src/ports/real-ports.ts", "process.exit(1);"],
  [sqlHome, "src/run/worker.ts", `const s = "select id from pending";`],
  [
    sqlHome,
    "src/run/worker.ts",
    "const s = `\n  update ${table} set owner = null`;\nconst t = `delete from task`;",
  ],
  [sqlHome, "src/adapters/pg.ts", `const s = "SAVEPOINT owed";`],
  [fileSize, "src/run/worker.ts", "//\n".repeat(mostLines + 1)],
  [fileNames, "src/run/utils.ts", ""],
  [fileNames, "test/helpers/clock.ts", ""],
  [fileNames, "src/store/common.test.ts", ""],
  [fileNames, "src/types.ts", ""],
  [fileNames, "src/run/fastPath.ts", ""],
  [documentedExports, "src/run/worker.ts", "export const leaseMs = 1;"],
  [documentedExports, "src/run/worker.ts", "/* not a doc comment */\nexport async function work() {}"],
  [documentedExports, "src/run/worker.ts", "/** of another */\nconst a = 1;\nexport type Lease = number;"],
  [openingLine, "src/run/worker.ts", `import { x } from "./x.ts";`],
  [noOnly, "test/a.test.ts", `it.only("works", () => {});`],
  [noOnly, "test/a.test.ts", `describe.concurrent.only("works", () => {});`],
  [reasonedSkip, "test/a.test.ts", `it.skip("works", () => {});`],
  [reasonedSkip, "test/a.test.ts", `// because\nit.skipIf(isOld)("works", () => {});`],
  [reasonedSkip, "test/a.test.ts", "context.skip();"],
  [machinePaths, "docs/errors.md", `See ${somebodysFile}.`],
];

const neighbours: readonly Sample[] = [
  [
    importLaw,
    "src/task/task.ts",
    `import { createHash } from "node:crypto";\nimport { x } from "./type-hash.ts";`,
  ],
  [
    importLaw,
    "src/task/task.ts",
    `// import { x } from "../run/worker.ts"\nconst s = 'from "../run/worker.ts"';`,
  ],
  [importLaw, "src/store/sqlite/driver.ts", `const driver = await import("better-sqlite3");`],
  [importLaw, "src/store/postgres/index.ts", 'const s = `select id from "task"`;'],
  [
    importLaw,
    "src/run/worker.ts",
    `import type { Store } from "../store/contract.ts";\nexport { x } from "./x.ts";`,
  ],
  [importLaw, "src/run/worker.ts", `import { claimed } from "../telemetry/channels.ts";`],
  [importLaw, "src/testing/index.ts", `import { Scheduler } from "../run/scheduler.ts";`],
  [
    ambientCalls,
    "src/run/worker.ts",
    "// Date.now() lies\nconst s = `setTimeout ${timers.setTimeout(f, 1)}`;",
  ],
  [ambientCalls, "src/run/worker.ts", "const at = new Date(row.createdAt);"],
  [
    ambientCalls,
    "src/task/identifier.ts",
    "function id(randomBytes: Uint8Array) { return randomBytes.slice(8); }",
  ],
  [ambientCalls, "src/ports/real-ports.ts", "setTimeout(f, Date.now());"],
  [ambientCalls, "src/ports/real-ports.ts", `import timers from "node:timers"; timers.setTimeout(f, 1);`],
  [
    ambientCalls,
    "src/task/type-hash.ts",
    `import { createHash } from "node:crypto";\nimport type { Hash } from "node:crypto";`,
  ],
  [
    sqlHome,
    "src/run/worker.ts",
    `throw new Error("select a type from the list".slice(1));`.replace("from", "of"),
  ],
  [sqlHome, "src/store/postgres/statements.ts", "const s = `select id from task`;"],
  [fileSize, "src/run/worker.ts", "//\n".repeat(mostLines)],
  [fileNames, "src/run/fast-path.ts", ""],
  [
    documentedExports,
    "src/run/worker.ts",
    "/** Works. */\nexport async function work() {}\nexport { x } from './x.ts';",
  ],
  [
    documentedExports,
    "src/run/worker.ts",
    "/** a */\nexport function f(a: 1): 1;\nexport function f(a: 2): 2;",
  ],
  [openingLine, "scripts/setup.mjs", "#!/usr/bin/env node\n// Sets up."],
  [noOnly, "test/a.test.ts", `it("says .only", () => { /* it.only( */ });`],
  [reasonedSkip, "test/a.test.ts", `// skipped: Postgres 14 has no such thing\nit.skip("works", () => {});`],
  [reasonedSkip, "test/a.test.ts", `context.skip("Postgres 14 has no such thing");`],
  [machinePaths, "docs/errors.md", "See src/run/work/home.ts and https://example.org/home/work/."],
];

it.each(breaches)("a breach is seen: %o in %s: %j", (rule, path, text) => {
  expect(rule.covers(path)).toBe(true);
  expect(rule.violations(scan(path, text))).not.toEqual([]);
});

it.each(neighbours)("a neighbour is left alone: %o in %s: %j", (rule, path, text) => {
  expect(rule.covers(path) ? rule.violations(scan(path, text)) : []).toEqual([]);
});

it("every rule has a planted breach and a neighbour", () => {
  expect(houseRules.filter((rule) => !breaches.some(([broken]) => broken === rule))).toEqual([]);
  expect(houseRules.filter((rule) => !neighbours.some(([kept]) => kept === rule))).toEqual([]);
});
