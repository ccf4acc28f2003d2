// Makes sure that SQLite can be used: node:sqlite where the runtime has it, better-sqlite3 elsewhere, built when needed.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const require = createRequire(import.meta.url);

/** True when the runtime brings SQLite itself and no longer calls it experimental. */
function hasCleanNodeSqlite() {
  const [major = 0] = process.versions.node.split(".").map(Number);
  if (major < 24) return false;
  try {
    return typeof process.getBuiltinModule("node:sqlite")?.DatabaseSync === "function";
  } catch {
    return false;
  }
}

/**
 * Opens a database in a child when asked to, since a binary built for another runtime can take the process down
 * instead of throwing.
 */
function openInChild() {
  const code = `const D = require("better-sqlite3"); new D(":memory:").prepare("select 1").get();`;
  return spawnSync(process.execPath, ["-e", code], { cwd: root, encoding: "utf8" });
}

function opensHere() {
  let Database;
  try {
    Database = require("better-sqlite3");
  } catch {
    return false;
  }
  try {
    new Database(":memory:").close();
    return true;
  } catch {
    return false;
  }
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

/** Runs npm and answers its exit code. The user's and the machine's npm configuration stay in force. */
function npm(argumentsOfNpm) {
  const headers = headersFolder();
  const environment = { ...process.env };
  // node-gyp reads npm_config_nodedir, npm itself does not know it: an option on the command line would be warned about.
  if (headers !== undefined) environment.npm_config_nodedir = headers;
  const cli = process.env.npm_execpath;
  const [command, first] = cli?.endsWith(".js") ? [process.execPath, [cli]] : ["npm", []];
  const result = spawnSync(command, [...first, ...argumentsOfNpm], {
    cwd: root,
    env: environment,
    stdio: ["ignore", "inherit", "inherit"],
  });
  return result.status ?? 1;
}

function build() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const version = optionalDependencies["better-sqlite3"];
  const folder = join(root, "node_modules", "better-sqlite3");
  console.error(`setup: better-sqlite3 ${version} does not open a database; building it (about 90 s) ...`);
  if (existsSync(join(folder, "package.json"))) {
    rmSync(join(folder, "build"), { recursive: true, force: true });
    npm(["rebuild", "better-sqlite3", "--foreground-scripts"]);
  } else {
    npm(["install", "--no-save", "--no-package-lock", "--foreground-scripts", `better-sqlite3@${version}`]);
  }
}

function explain(failure) {
  const missing = missingTools();
  console.error("setup: SQLite cannot be used.");
  console.error(
    `setup: node ${process.versions.node} has no stable node:sqlite, so better-sqlite3 is needed.`,
  );
  if (missing.length > 0) console.error(`setup: to build it, install ${missing.join(", ")}, then run again.`);
  if (headersFolder() === undefined) {
    console.error(
      "setup: this node comes without its headers; node-gyp downloads them, which needs a network.",
    );
  }
  const reason = (failure.stderr || `ended with ${failure.signal ?? failure.status}`).trim();
  console.error(`setup: opening a database said:\n${reason}`);
}

if (!hasCleanNodeSqlite() && !opensHere()) {
  build();
  const opened = openInChild();
  if (opened.status !== 0) {
    explain(opened);
    process.exit(1);
  }
  console.error("setup: better-sqlite3 works.");
}
