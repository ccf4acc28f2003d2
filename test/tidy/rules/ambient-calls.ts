// Time, timers, randomness and ids come in through ports, and the library never prints or exits.
import { at, isSource, type Rule } from "../rule.ts";
import type { ScannedFile } from "../scanned-file.ts";

interface Ban {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Files that are the one right place for it. */
  readonly home?: string;
}

const realPorts = "src/ports/real-ports.ts";
const terminal = "src/cli/process-terminal.ts";

/** A name used as a global, not as a property of something else, a member's own name or a type's. */
function global(names: string): RegExp {
  return new RegExp(`(?<![\\w$.#])(?:globalThis\\.)?\\b(?:${names})\\b(?!\\s*\\??:)`, "g");
}

const bans: readonly Ban[] = [
  { pattern: /\bDate\.now\b/g, instead: "take the time from the clock port", home: realPorts },
  {
    pattern: /\bnew\s+Date\s*(?:\(\s*\)|(?![\w\s(]))/g,
    instead: "take the time from the clock port",
    home: realPorts,
  },
  { pattern: /\bprocess\.hrtime\b/g, instead: "take the time from the clock port", home: realPorts },
  { pattern: /\bperformance\.now\b/g, instead: "take the time from the clock port", home: realPorts },
  {
    pattern: global("setTimeout|setInterval|setImmediate"),
    instead: "use the timers port",
    home: realPorts,
  },
  { pattern: /\bAbortSignal\.timeout\b/g, instead: "use the timers port", home: realPorts },
  { pattern: /\bMath\.random\b/g, instead: "use the randomness port", home: realPorts },
  {
    // The names alone are innocent: a pure function takes its `randomBytes` as an argument.
    pattern:
      /\b(?:crypto\s*\.\s*(?:random\w+|getRandomValues)|import\b[^;]*\{[^}]*\b(?:randomUUID|randomBytes|randomInt|randomFill\w*|webcrypto)\b)/g,
    instead: "use the randomness port",
    home: realPorts,
  },
  { pattern: global("console"), instead: "publish on a telemetry channel or throw" },
  {
    pattern: /\bprocess\s*\.\s*(?:exit|abort|kill|stdout|stderr)\b/g,
    instead: "throw, and let the caller decide",
    home: terminal,
  },
];

/** Modules by which a ban could be gone around. */
const detours: readonly {
  readonly module: RegExp;
  readonly isFreeByName?: boolean;
  readonly instead: string;
}[] = [
  { module: /^(?:node:)?timers(?:\/promises)?$/, instead: "use the timers port" },
  { module: /^(?:node:)?perf_hooks$/, instead: "take the time from the clock port" },
  { module: /^node:(?:process|console)$/, instead: "use the global, which the other bans see" },
  // What is imported by its name is seen by the ban of the random names.
  { module: /^(?:node:)?crypto$/, isFreeByName: true, instead: "import what it needs of it by name" },
];

const imported = /(?:\bfrom|\bimport|\()\s*["'`]$/;
const importedByName = /\bimport\s+(?:type\s*)?\{(?![^}]*\bdefault\b)[^}]*\}\s*from\s*["'`]$/;

function detoursOf(file: ScannedFile): string[] {
  if (file.path === realPorts) return [];
  return file.strings.flatMap(({ start, text }) => {
    const detour = detours.find(({ module }) => module.test(text));
    const before = file.code.slice(0, start);
    if (detour === undefined || !imported.test(before)) return [];
    if (detour.isFreeByName === true && importedByName.test(before)) return [];
    return [at(file, start, `must not import "${text}" so: ${detour.instead}`)];
  });
}

/** No clock, timer, random source, console or exit but through the ports. */
export const ambientCalls: Rule = {
  says: "time, timers, randomness and ids come in through ports; the library never prints and never exits",
  covers: isSource,
  violations: (file) => [
    ...bans
      .filter(({ home }) => home !== file.path)
      .flatMap(({ pattern, instead }) =>
        [...file.code.matchAll(pattern)].map((match) =>
          at(file, match.index, `must not use \`${match[0].trim()}\`: ${instead}`),
        ),
      ),
    ...detoursOf(file),
  ],
};
