/** The terminal of this process: the only file of the library that writes to it. */
import { createInterface } from "node:readline/promises";

import { realPorts } from "../ports/real-ports.ts";
import type { Terminal } from "./terminal.ts";

/** Narrower than this nothing can be read. */
const NARROWEST = 40;

/** Makes the terminal of this process. Ctrl-C aborts `interrupted`; a second one ends the process at once. */
export function processTerminal(): Terminal {
  const interruption = new AbortController();
  const stops = new Set<() => void>();
  const hear = (signal: "SIGINT" | "SIGTERM"): void => {
    process.on(signal, () => {
      if (stops.size === 0 && (interruption.signal.aborted || signal === "SIGTERM")) process.exit(130);
      interruption.abort();
      for (const stop of stops) stop();
    });
  };
  hear("SIGINT");
  hear("SIGTERM");
  // Whoever reads may stop reading: `owed tasks | head`.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0);
      throw error;
    });
  }
  return {
    environment: process.env,
    columns: columnsOf(process.env["COLUMNS"], process.stdout.isTTY ? process.stdout.columns : undefined),
    isInteractive: process.stdout.isTTY === true,
    showsProgress: process.stderr.isTTY === true,
    canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
    interrupted: interruption.signal,
    ports: realPorts,
    write: (text) => void process.stdout.write(text),
    writeAside: (text) => void process.stderr.write(text),
    async ask(question) {
      const lines = createInterface({ input: process.stdin, output: process.stderr });
      try {
        return await lines.question(question, { signal: interruption.signal });
      } finally {
        lines.close();
      }
    },
    onStop(callback) {
      stops.add(callback);
      return () => stops.delete(callback);
    },
  };
}

function columnsOf(wish: string | undefined, terminal: number | undefined): number | null {
  const wished = Number(wish);
  const columns = Number.isSafeInteger(wished) && wished > 0 ? wished : terminal;
  return columns === undefined ? null : Math.max(columns, NARROWEST);
}
