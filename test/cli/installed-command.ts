// The command as a user gets it: the package is packed, installed from the tarball into a folder of its own, and run from there.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** What a run of the command left. */
export interface Ending {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** How to run it. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Called with all output so far, each time some comes; it may send a signal. */
  readonly watch?: (output: string, kill: (signal: NodeJS.Signals) => void) => void;
  /** Called once it runs; it may send a signal whenever it likes. */
  readonly started?: (kill: (signal: NodeJS.Signals) => void) => void;
}

/** The command, installed. */
export interface InstalledCommand extends Disposable {
  /** The folder of the project that has it. */
  readonly folder: string;
  run(argv: readonly string[], options?: RunOptions): Promise<Ending>;
}

/** Packs and installs. With `pg: false` the driver is missing, as where nobody has installed it. */
export function installCommand({ pg = true }: { readonly pg?: boolean } = {}): InstalledCommand {
  if (!existsSync(join(root, "dist", "cli", "main.js"))) {
    throw new Error("the package is not built: run `npm run build` first");
  }
  const folder = mkdtempSync(join(tmpdir(), "owed-installed-"));
  npm(root, ["pack", "--ignore-scripts", "--pack-destination", folder]);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack left no tarball");
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ name: "shop", private: true, type: "module" }),
  );
  // Offline: the package brings no dependency of its own, and the drivers are those of this repository.
  npm(folder, ["install", "--offline", "--omit=optional", "--no-audit", "--no-fund", `./${tarball}`]);
  const modules = join(folder, "node_modules");
  mkdirSync(modules, { recursive: true });
  for (const driver of pg ? ["pg", "better-sqlite3"] : ["better-sqlite3"]) {
    symlinkSync(join(root, "node_modules", driver), join(modules, driver));
  }
  return {
    folder,
    run: (argv, options) => run(join(modules, ".bin", "owed"), folder, argv, options),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function npm(folder: string, argv: readonly string[]): void {
  const cli = process.env["npm_execpath"];
  const [command, first] = cli?.endsWith(".js") === true ? [process.execPath, [cli]] : ["npm", []];
  const { status, stderr } = spawnSync(command, [...first, ...argv], { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm ${argv[0]} ended with ${status}:\n${stderr}`);
}

function run(
  command: string,
  folder: string,
  argv: readonly string[],
  { env = {}, watch, started }: RunOptions = {},
): Promise<Ending> {
  // Nothing of whoever runs the tests: no DATABASE_URL, no PG* variables.
  const environment = { PATH: process.env["PATH"], HOME: folder, TZ: "UTC", ...env };
  const child = spawn(command, [...argv], {
    cwd: folder,
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  const kill = (signal: NodeJS.Signals): void => void child.kill(signal);
  started?.(kill);
  const note = (): void => watch?.(out + err, kill);
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString();
    note();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString();
    note();
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, out, err }));
  });
}
