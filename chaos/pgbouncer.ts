// PgBouncer in transaction mode before a server of the rig.
import { type ChildProcess, spawn } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { serverAccount } from "../test/support/server-account.ts";
import { freePort } from "../test/support/server-process.ts";
import { pgbouncerProgram } from "./needs.ts";
import { until } from "./until.ts";

/** A running pooler. */
export interface Pgbouncer extends AsyncDisposable {
  readonly port: number;
}

/** Starts it in a folder of the run, before the server on `serverPort`, with further lines of settings. It refuses to run as root. */
export async function startPgbouncer(
  runFolder: string,
  serverPort: number,
  further: readonly string[] = [],
): Promise<Pgbouncer> {
  const program = pgbouncerProgram();
  if (program === null) throw new Error("pgbouncer is not installed");
  const folder = join(runFolder, "pgbouncer");
  mkdirSync(folder);
  chmodSync(folder, 0o755);
  const port = await freePort();
  const settings = join(folder, "settings.ini");
  const users = join(folder, "users.txt");
  writeFileSync(users, '"postgres" ""\n');
  writeFileSync(
    settings,
    `[databases]
* = host=127.0.0.1 port=${serverPort}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
auth_file = ${users}
pool_mode = transaction
default_pool_size = 5
max_client_conn = 200
admin_users = postgres
${further.join("\n")}
`,
  );
  // auth_type any logs everybody in as the user that the database names.
  writeFileSync(settings, readFileSync(settings, "utf8").replace("* = host", "* = user=postgres host"));
  const account = serverAccount();
  if (account !== undefined) chownSync(folder, account.uid, account.gid);
  const log = openSync(join(folder, "log"), "a");
  const child = spawn(program, [settings], { ...account, cwd: folder, stdio: ["ignore", log, log] });
  child.on("error", () => undefined);
  await until("pgbouncer listens", () => canConnect(port), 10_000).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw new Error(`pgbouncer did not start: ${readFileSync(join(folder, "log"), "utf8")}`, {
      cause: error,
    });
  });
  return { port, [Symbol.asyncDispose]: () => ended(child) };
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await new Promise((resolve) => child.once("exit", resolve));
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: "127.0.0.1", port });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
