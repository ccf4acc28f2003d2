// Runs a program of bench/: installs what bench/ needs when it is not up to date, checks its types, passes the arguments on.
import { spawn, spawnSync } from "node:child_process";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { isInstalled } from "./installation.mjs";
import { nodeFolder } from "./other-node.mjs";

/** graphile-worker and pg-boss need Node 22; 24 also runs TypeScript as it is, which keeps forty processes light. */
const LEAST_NODE = 24;

const root = fileURLToPath(new URL("..", import.meta.url));
const bench = join(root, "bench");
const [major = 0] = process.versions.node.split(".").map(Number);

function step(node, program, options, cwd) {
  const { status } = spawnSync(program, options, {
    cwd,
    stdio: ["ignore", "inherit", "inherit"],
    // npm runs on the Node it finds first, and asks whether that is new enough for what it installs.
    env: { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH}` },
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** Runs `main`, a path from the root of the repository. */
export function runBenchProgram(main) {
  const node = major >= LEAST_NODE ? process.execPath : join(nodeFolder(LEAST_NODE), "node");
  if (!isInstalled(bench)) step(node, "npm", ["ci"], bench);
  const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
  step(node, process.execPath, [compiler, "--noEmit", "-p", bench], root);
  const program = spawn(node, [main, ...process.argv.slice(2)], { cwd: root, stdio: "inherit" });
  // Ctrl-C reaches both; the program ends what it started and this process waits for it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => program.kill(signal));
  program.on("exit", (code) => {
    process.exitCode = code ?? 1;
  });
}
