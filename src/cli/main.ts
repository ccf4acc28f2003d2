#!/usr/bin/env node
/** The program `owed`: argv in, exit code out. */
import { runCommandLine } from "./command-line.ts";
import { endProcess, processTerminal } from "./process-terminal.ts";

endProcess(await runCommandLine(process.argv.slice(2), processTerminal()));
