/** The terminal of this process: the only file of the library that writes to it, and that ends the process. */
import { createInterface } from "node:readline/promises";

import { realPorts } from "../ports/real-ports.ts";
import { type ExitCode, exitCodes } from "./exit-codes.ts";
import type { Terminal } from "./terminal.ts";

/** Narrower than this nothing can be read. */
const NARROWEST = 40;
/** A reader that has gone, and a terminal that was closed. */
const gone: ReadonlySet<string | undefined> = new Set(["EPIPE", "EIO", "ERR_STREAM_DESTROYED"]);

/** Makes the terminal of this process. Ctrl-C aborts `interrupted`; a second one ends the process at once. */
export function processTerminal(): Terminal {
  const interruption = new AbortController();
  const stops = new Set<() => void>();
  const interrupt = (): void => {
    interruption.abort();
    for (const stop of stops) stop();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      const isSecond = interruption.signal.aborted;
      if (stops.size === 0 && (isSecond || signal !== "SIGINT")) process.exit(exitCodes.interrupted);
      interrupt();
    });
  }
  // Whoever reads may stop reading: `owed tasks | head`. What is under way ends as by Ctrl-C, and nothing is said twice.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (!gone.has(error.code)) throw error;
      if (!interruption.signal.aborted) interrupt();
    });
  }
  return {
    environment: process.env,
    get columns() {
      return columnsOf(process.env["COLUMNS"], process.stdout.isTTY ? process.stdout.columns : undefined);
    },
    get rows() {
      return process.stdout.isTTY ? process.stdout.rows : null;
    },
    isInteractive: process.stdout.isTTY === true,
    showsProgress: process.stderr.isTTY === true,
    canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
    interrupted: interruption.signal,
    ports: realPorts,
    write: (text) => void process.stdout.write(text),
    writeAside: (text) => void process.stderr.write(text),
    ask: (question) => ask(question, interruption),
    onStop(callback) {
      stops.add(callback);
      return () => stops.delete(callback);
    },
  };
}

/** Sets the exit code. After an interruption nothing that is still open may hold the process. */
export function endProcess(code: ExitCode): void {
  process.exitCode = code;
  if (code === exitCodes.interrupted) process.exit();
}

/** While a question stands the terminal is raw: Ctrl-C is a key, and no signal. */
async function ask(question: string, interruption: AbortController): Promise<string | null> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.once("SIGINT", () => interruption.abort());
  const closed = new Promise<null>((resolve) => void lines.once("close", () => resolve(null)));
  try {
    return await Promise.race([lines.question(question, { signal: interruption.signal }), closed]);
  } catch {
    interruption.signal.throwIfAborted();
    return null; // the input has ended
  } finally {
    lines.close();
  }
}

function columnsOf(wish: string | undefined, terminal: number | undefined): number | null {
  const wished = Number(wish);
  const columns = Number.isSafeInteger(wished) && wished > 0 ? wished : terminal;
  return columns === undefined ? null : Math.max(columns, NARROWEST);
}
