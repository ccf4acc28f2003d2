// `npm run demo`: set up, build, then the demo on what was built, with the arguments passed on.
import { spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const demoArguments = process.argv.slice(2);

// Whatever else was asked for is answered with words alone, and at once.
const isToRun = demoArguments.every((argument) => argument === "--postgres");
for (const step of isToRun ? ["scripts/setup.mjs", "scripts/build.mjs"] : []) {
  const { status } = spawnSync(process.execPath, [step], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

const demo = spawn(process.execPath, ["--import", "tsx", "demo/main.ts", ...demoArguments], {
  cwd: root,
  stdio: "inherit",
  // Without the paths of tsconfig.json, so that "owed" is the built package, as its users get it.
  env: {
    ...process.env,
    TSX_TSCONFIG_PATH: fileURLToPath(new URL("../demo/tsconfig.run.json", import.meta.url)),
  },
});
// Ctrl-C reaches both; the demo stops what it started and this process waits for it.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => demo.kill(signal));
demo.on("exit", (code) => {
  process.exitCode = code ?? 1;
});
