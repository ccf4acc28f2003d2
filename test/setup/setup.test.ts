// Set-up, run in a small project of its own with a stand-in for better-sqlite3 whose binary is a line of text.
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { isBuiltin } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";

const binary = join("build", "Release", "better_sqlite3.node");

/** Opens when its binary is that of the running node. */
const standIn = `
const { readFileSync } = require("node:fs");
module.exports = class {
  constructor() {
    const builtBy = readFileSync(require("node:path").join(__dirname, ${JSON.stringify(binary)}), "utf8");
    if (builtBy !== process.version) throw new Error("built by " + builtBy);
  }
  prepare() { return { get() {} }; }
  close() {}
};`;

const buildsWith = (content: string): string => `
const { mkdirSync, writeFileSync } = require("node:fs");
mkdirSync("build/Release", { recursive: true });
writeFileSync(${JSON.stringify(binary)}, ${content});`;

/** A project with set-up and the stand-in; `build` is its install script, run by the node that is found on the PATH. */
function project(
  build: string,
  built: string | null,
): Disposable & { setUp(path?: string): Ending; said(): string } {
  const root = mkdtempSync(join(tmpdir(), "owed-setup-"));
  const folder = join(root, "node_modules", "better-sqlite3");
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  cpSync("scripts/setup.mjs", join(root, "scripts", "setup.mjs"));
  write(join(root, "package.json"), JSON.stringify({ optionalDependencies: { "better-sqlite3": "1.0.0" } }));
  const scripts = { install: "node build.js" };
  write(join(folder, "package.json"), JSON.stringify({ name: "better-sqlite3", version: "1.0.0", scripts }));
  write(join(folder, "index.js"), standIn);
  write(join(folder, "build.js"), build);
  if (built !== null) write(join(folder, binary), built);
  return {
    setUp(path = "") {
      const { npm_execpath: _, ...environment } = process.env;
      const env = { ...environment, PATH: `${path}${delimiter}${process.env["PATH"]}` };
      const { status } = spawnSync(process.execPath, [join(root, "scripts", "setup.mjs")], { env });
      const found = existsSync(join(folder, binary)) ? readFileSync(join(folder, binary), "utf8") : null;
      return { status, binary: found, modules: readdirSync(join(root, "node_modules")) };
    },
    said() {
      const { stdout, stderr } = spawnSync(process.execPath, [join(root, "scripts", "setup.mjs")], {
        encoding: "utf8",
      });
      return `${stdout}${stderr}`;
    },
    [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }),
  };
}

interface Ending {
  readonly status: number | null;
  readonly binary: string | null;
  readonly modules: readonly string[];
}

const usable = buildsWith("process.version");
const modules = ["better-sqlite3"];

// skipped: a runtime with node:sqlite needs no better-sqlite3, and set-up builds nothing there
describe.skipIf(isBuiltin("node:sqlite"))("set-up without node:sqlite", () => {
  test("a binary that opens is left alone", () => {
    using fresh = project(buildsWith('"another"'), process.version);
    expect(fresh.setUp()).toEqual({ status: 0, binary: process.version, modules });
  });

  test("a binary that does not open is replaced by one that does", () => {
    for (const built of ["v1.0.0", null]) {
      using broken = project(usable, built);
      expect(broken.setUp()).toEqual({ status: 0, binary: process.version, modules });
    }
  });

  test("what a build says is shown when it fails, and only then", () => {
    const saying = 'console.log("compiling"); console.error("a warning");';
    using fine = project(`${saying}${usable}`, null);
    expect(fine.said()).not.toMatch(/compiling|a warning/);
    using broken = project(`${saying}process.exit(1)`, null);
    expect(broken.said()).toMatch(/the build said:[^]*compiling[^]*a warning[^]*SQLite cannot be used/);
  });

  test("a build that fails, or does not open, leaves the binary of another runtime where it was", () => {
    for (const build of ["process.exit(1)", buildsWith('"v2.0.0"')]) {
      using foreign = project(build, "v1.0.0");
      expect(foreign.setUp()).toEqual({ status: 1, binary: "v1.0.0", modules });
    }
  });

  test("it builds for the node that runs it, whatever node and npm are first on the PATH", () => {
    using foreign = project(usable, "v1.0.0");
    const path = mkdtempSync(join(tmpdir(), "owed-path-"));
    writeFileSync(join(path, "node"), "#!/bin/sh\necho a node of another version >&2\nexit 1\n");
    chmodSync(join(path, "node"), 0o755);
    expect(foreign.setUp(path)).toEqual({ status: 0, binary: process.version, modules });
    rmSync(path, { recursive: true });
  });
});

// skipped: only a runtime with node:sqlite can do without
test.runIf(isBuiltin("node:sqlite"))(
  "a runtime with node:sqlite leaves better-sqlite3 alone, and builds nothing",
  () => {
    using foreign = project(usable, "v1.0.0");
    expect(foreign.setUp()).toEqual({ status: 0, binary: "v1.0.0", modules });
  },
);
