/** `owed dashboard`: the pages for a browser on this machine, until it is told to stop. */
import { createServer, type Server } from "node:http";
import { dashboard as makeDashboard, nodeHandler, type Right } from "../../dashboard/index.ts";
import type { Command, Invocation } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { loggerOf } from "../printer-logger.ts";
import { UsageError } from "../usage-error.ts";

const DEFAULT_PORT = 4210;
const HOST = "127.0.0.1";
/** Bytes of the part of the address that nobody can guess. */
const KEY_BYTES = 16;

/** The command. */
export const dashboard: Command = {
  name: "dashboard",
  summary: "show tasks and processes in a browser of this machine",
  operand: "",
  options: {
    port: {
      type: "string",
      value: "PORT",
      says: `where it listens (default ${DEFAULT_PORT}; 0 takes a free one)`,
    },
    "read-only": { type: "boolean", says: "nothing can be changed" },
    reveal: { type: "boolean", says: "the data of tasks can be shown, which may be confidential" },
  },
  details: [
    `It listens on ${HOST} alone. The address that is printed holds a key, so that other users`,
    "of this machine do not find it; whoever has it may redrive, cancel and erase. In an",
    "application, mount `dashboard` of owed/dashboard instead, and say there who may do what.",
  ],
  endsItself: true,
  run: serve,
};

async function serve(invocation: Invocation): Promise<ExitCode> {
  const { arguments: options, printer, terminal } = invocation;
  const port = options.count("port", DEFAULT_PORT, 0, 65_535);
  const rights: Right[] = ["view"];
  if (!options.flag("read-only")) rights.push("redrive", "cancel", "erase");
  if (options.flag("reveal")) rights.push("reveal");
  const { store, described } = await invocation.open();
  const basePath = `/${Buffer.from(terminal.ports.random.bytes(KEY_BYTES)).toString("hex")}`;
  const handler = makeDashboard({
    store,
    basePath,
    ports: terminal.ports,
    logger: loggerOf(printer),
    dangerouslyOpenOnLoopback: true,
    loopbackRights: rights,
  });
  const server = createServer(nodeHandler(handler));
  const url = `http://${HOST}:${await listen(server, port)}${basePath}/`;
  printer.json({ url, rights });
  printer.line(described, "dim");
  printer.line(`the dashboard is at ${url}`, "green");
  printer.line("Ctrl-C stops it", "dim");
  await new Promise<void>((resolve) => {
    if (terminal.interrupted.aborted) resolve();
    else terminal.onStop(resolve);
  });
  server.closeAllConnections();
  await new Promise<void>((resolve) => void server.close(() => resolve()));
  printer.json({ stopped: true });
  return exitCodes.done;
}

/** Answers the port. Throws UsageError when it cannot be had. */
async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const isTaken = error.code === "EADDRINUSE" || error.code === "EACCES";
      const problem = `port ${port} cannot be used (${error.code})`;
      reject(isTaken ? new UsageError(problem, "give another: --port 0 takes a free one") : error);
    });
    server.listen(port, HOST, resolve);
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}
