#!/usr/bin/env node
/** The program `owed`: argv in, exit code out. */
import { runCommandLine } from "./command-line.ts";
import { processTerminal } from "./process-terminal.ts";

process.exitCode = await runCommandLine(process.argv.slice(2), processTerminal());
