// The command in a terminal, as people have it: a pseudo-terminal made by `script`, with a size, and keys that are pressed.
// oxlint-disable eslint/no-control-regex -- escape sequences are what is read here
import { spawn, spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import type { InstalledCommand } from "./installed-command.ts";

/** What a run left on the terminal. */
export interface Session {
  /** All that was written, escape sequences included. */
  readonly raw: string;
  /** What a person sees at the end. */
  readonly screen: readonly string[];
  /** What they saw before Ctrl-C was shown; at the end where it never was. */
  readonly screenBefore: readonly string[];
  readonly code: number;
  /** The settings of the terminal that were not what they were before. */
  readonly changedSettings: readonly string[];
}

/** How it is run. */
export interface SessionOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly columns?: number;
  readonly rows?: number;
  /** Called with all output so far, each time some comes; what it answers is typed. */
  readonly keys?: (output: string) => string | null;
}

/** Ctrl-C and Ctrl-D. */
export const CTRL_C = "\u0003";
export const CTRL_D = "\u0004";

/** Why there is none, or null. */
export const noTerminal: string | null =
  spawnSync("script", ["--version"]).status === 0 ? null : "script (of util-linux) is not installed";

/** Runs a line of shell in a terminal. */
export async function inTerminal(
  owed: InstalledCommand,
  line: string,
  { env = {}, columns = 80, rows = 24, keys }: SessionOptions = {},
): Promise<Session> {
  const script = `stty rows ${rows} cols ${columns}; stty -g; ${line}; code=$?; stty -g; echo "left with $code"`;
  const child = spawn("script", ["-qfec", script, "/dev/null"], {
    cwd: owed.folder,
    env: {
      PATH: [join(owed.folder, "node_modules", ".bin"), process.env["PATH"]].join(delimiter),
      HOME: owed.folder,
      TERM: "xterm-256color",
      SHELL: "/bin/bash",
      TZ: "UTC",
      ...env,
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  let raw = "";
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", () => resolve());
    child.stdout.on("data", (chunk: Buffer) => {
      raw += chunk.toString();
      const typed = keys?.(raw) ?? null;
      if (typed !== null) child.stdin.write(typed);
    });
  });
  const settings = raw.match(/^[0-9a-f]+(?::[0-9a-f]+)+\r?$/gm) ?? [];
  const [before = [], after = []] = settings.map((text) => text.trim().split(":"));
  return {
    raw,
    screen: screenOf(raw, columns, rows),
    screenBefore: screenOf(raw.split("^C")[0] ?? "", columns, rows),
    code: Number(/left with (\d+)/.exec(raw)?.[1] ?? Number.NaN),
    changedSettings: after.filter((value, index) => value !== before[index]),
  };
}

/** Plays what was written on a screen: only the sequences that the command uses, and any other makes it throw. */
function screenOf(raw: string, columns: number, rows: number): readonly string[] {
  const lines: string[][] = [[]];
  let top = 0;
  let row = 0;
  let column = 0;
  const put = (character: string): void => {
    if (column === columns) {
      column = 0;
      row += 1;
    }
    lines[row] ??= [];
    const line = lines[row] ?? [];
    while (line.length < column) line.push(" ");
    line[column] = character;
    column += 1;
  };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is read here
  for (const [token] of raw.matchAll(/\u001b\[[?\d;]*[A-Za-z]|[^]/gu)) {
    if (token === "\r") column = 0;
    else if (token === "\n") row += 1;
    else if (token === "\b") column = Math.max(column - 1, 0);
    else if (token === "\u001b[H") [row, column] = [top, 0];
    else if (token === "\u001b[2J") lines.length = top;
    else if (token === "\u001b[K") lines[row]?.splice(column);
    else if (token === "\u001b[J" || token === "\u001b[0J") {
      lines[row]?.splice(column);
      lines.length = Math.min(lines.length, row + 1);
    } else if (/^\u001b\[(?:\d+;?)*m$/.test(token) || /^\u001b\[\?2004[hl]$/.test(token)) continue;
    else if (/^\u001b\[\d*[GDC]$/.test(token)) column = Math.max(Number(token.slice(2, -1) || 1) - 1, 0);
    else if (token.startsWith("\u001b")) throw new Error(`unknown sequence ${JSON.stringify(token)}`);
    else put(token);
    lines[row] ??= [];
    top = Math.max(top, row - rows + 1);
  }
  return Array.from(lines.slice(top), (line) => (line ?? []).join("").trimEnd());
}
