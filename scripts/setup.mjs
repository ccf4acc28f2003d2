// Makes sure that SQLite can be used: node:sqlite where the runtime has it, better-sqlite3 elsewhere, built when needed.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const installed = join(root, "node_modules", "better-sqlite3");
const binary = join("build", "Release", "better_sqlite3.node");

/** Far more than a build says; beyond it the build would be ended. */
const LARGEST_OUTPUT_BYTES = 64 * 1_024 * 1_024;

/** Opens a database in a child: a binary built for another runtime can take the process down instead of throwing. */
function open(folder) {
  const code = `const D = require(${JSON.stringify(folder)}); new D(":memory:").prepare("select 1").get();`;
  return spawnSync(process.execPath, ["-e", code], { cwd: root, encoding: "utf8" });
}

/** The headers of the running node, so that a build needs no download of them. */
function headersFolder() {
  const folder = join(dirname(process.execPath), "..");
  return existsSync(join(folder, "include", "node", "node.h")) ? folder : undefined;
}

function missingTools() {
  const found = (names) =>
    names.some((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
  return [
    found(["c++", "g++", "clang++"]) ? undefined : "a C++ compiler (g++ or clang++)",
    found(["make", "gmake"]) ? undefined : "make",
    found(["python3", "python"]) ? undefined : "python3",
  ].filter((tool) => tool !== undefined);
}

/**
 * Runs npm on the node that runs this. The user's and the machine's npm configuration stay in force. Answers what npm and
 * the compiler said: tens of lines, which tell something only when the build fails.
 */
function npm(folder, argumentsOfNpm) {
  const headers = headersFolder();
  // The first node on the PATH is what npm and node-gyp run on and build for, and npm_execpath may be that of another.
  const path = `${dirname(process.execPath)}${delimiter}${process.env.PATH}`;
  const environment = { ...process.env, PATH: path };
  // node-gyp reads npm_config_nodedir, npm itself does not know it: an option on the command line would be warned about.
  if (headers !== undefined) environment.npm_config_nodedir = headers;
  const cli = process.env.npm_execpath;
  const [command, first] = cli?.endsWith(".js") ? [process.execPath, [cli]] : ["npm", []];
  const { stdout, stderr, error } = spawnSync(command, [...first, ...argumentsOfNpm], {
    cwd: folder,
    env: environment,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: LARGEST_OUTPUT_BYTES,
  });
  return [stdout, stderr, error?.message].filter(Boolean).join("\n").trim();
}

/**
 * Builds in a copy beside the package, and answers how opening a database with it ended, and what the build said. Only a binary that opens one
 * replaces what is there, in one step: another runtime may be using it.
 */
function build() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const version = optionalDependencies["better-sqlite3"];
  console.error(`setup: better-sqlite3 ${version} does not open a database; building it (about 90 s) ...`);
  if (!existsSync(join(installed, "package.json"))) {
    const options = ["--no-save", "--no-package-lock", "--ignore-scripts"];
    const said = npm(root, ["install", ...options, `better-sqlite3@${version}`]);
    if (!existsSync(join(installed, "package.json"))) return { ...open(installed), said };
  }
  const aside = join(root, "node_modules", `.better-sqlite3-${process.pid}`);
  const old = join(installed, "build");
  try {
    cpSync(installed, aside, { recursive: true, filter: (source) => source !== old });
    const said = npm(aside, ["run", "install"]);
    const opened = open(aside);
    if (opened.status === 0) {
      mkdirSync(dirname(join(installed, binary)), { recursive: true });
      renameSync(join(aside, binary), join(installed, binary));
    }
    return { ...opened, said };
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

function explain(failure) {
  const missing = missingTools();
  console.error(`setup: the build said:\n${failure.said}`);
  console.error("setup: SQLite cannot be used.");
  console.error(`setup: node ${process.versions.node} has no node:sqlite, so better-sqlite3 is needed.`);
  if (missing.length > 0) console.error(`setup: to build it, install ${missing.join(", ")}, then run again.`);
  if (headersFolder() === undefined) {
    console.error(
      "setup: this node comes without its headers; node-gyp downloads them, which needs a network.",
    );
  }
  const reason = (failure.stderr || `ended with ${failure.signal ?? failure.status}`).trim();
  console.error(`setup: opening a database said:\n${reason}`);
}

if (!isBuiltin("node:sqlite") && open(installed).status !== 0) {
  const opened = build();
  if (opened.status !== 0) {
    explain(opened);
    process.exit(1);
  }
  console.error("setup: better-sqlite3 works.");
}
