// Imports run one way: errors <- task <- ports <- store contract <- run <- index. Everything else is an edge.
import { posix } from "node:path";
import { at, isSource, type Rule } from "../rule.ts";
import type { ScannedFile } from "../scanned-file.ts";

interface Room {
  /** Which files of src/ live in this room; the first room that fits counts. */
  readonly holds: RegExp;
  /** Which files of src/ they may import, besides their own room. */
  readonly sees: readonly RegExp[];
  /** Whether files of the room may import each other. */
  readonly isSociable?: boolean;
  /** Which modules of node they may import. */
  readonly node: RegExp;
  /** Which packages they may import, as types or at the moment of use only. */
  readonly packages?: RegExp;
  /** Which packages they may import outright: whoever imports this room has them. */
  readonly owns?: RegExp;
}

const none = /^$/;
const any = /./;
const errors = /^errors\.ts$/;
const task = /^task\//;
const portInterfaces = /^ports\/ports\.ts$/;
const ports = /^ports\//;
/** The contract is whatever stands in store/ itself; the stores stand in folders. */
const contract = /^store\/[^/]+\.ts$/;
const run = /^run\//;
const channels = /^telemetry\/channels\.ts$/;

function store(name: string, packages: RegExp, owns: RegExp = none): Room {
  const folder = new RegExp(`^store/${name}/`);
  return {
    holds: folder,
    sees: [errors, task, ports, contract],
    isSociable: true,
    node: any,
    packages,
    owns,
  };
}

const rooms: readonly Room[] = [
  { holds: errors, sees: [], node: none },
  { holds: task, sees: [errors], isSociable: true, node: /^node:crypto$/ },
  { holds: portInterfaces, sees: [errors, task], node: none },
  { holds: ports, sees: [errors, task], isSociable: true, node: any },
  { holds: contract, sees: [errors, task, portInterfaces], isSociable: true, node: none },
  store("memory", none),
  store("sqlite", /^better-sqlite3$/),
  store("postgres", none, /^pg$/),
  { holds: channels, sees: [errors, task], node: /^node:diagnostics_channel$/ },
  { holds: run, sees: [errors, task, ports, contract, channels], isSociable: true, node: any },
  {
    // The laws of adapters are about what a scheduler does on a library's transactions, so they run one.
    holds: /^conformance\/adapters\//,
    sees: [
      errors,
      task,
      ports,
      contract,
      run,
      /^adapters\/committed-work\.ts$/,
      /^conformance\/register\.ts$/,
    ],
    isSociable: true,
    node: any,
  },
  { holds: /^conformance\//, sees: [errors, task, contract], isSociable: true, node: any },
  { holds: /^testing\//, sees: [errors, task, ports, contract, run], isSociable: true, node: any },
  {
    holds: /^telemetry\/opentelemetry\//,
    sees: [errors, task, ports, /^telemetry\//],
    isSociable: true,
    node: any,
    owns: /^@opentelemetry\/api$/,
  },
  {
    holds: /^telemetry\//,
    sees: [errors, task, ports, contract, channels],
    isSociable: true,
    node: any,
  },
  {
    holds: /^adapters\//,
    sees: [errors, task, contract, /^store\/(?:postgres|sqlite)\/index\.ts$/],
    isSociable: true,
    node: none,
    packages: any,
    owns: /^(?:drizzle-orm|kysely)$/,
  },
  // What is told to people, in words: the command line and the dashboard say the same.
  { holds: /^story\//, sees: [errors, task, contract], isSociable: true, node: none },
  { holds: /^(?:cli|dashboard)\//, sees: [any], isSociable: true, node: any },
  { holds: /^index\.ts$/, sees: [errors, task, ports, contract, run, channels], node: none },
];

interface Import {
  readonly position: number;
  readonly specifier: string;
  /** Types only, or loaded at the moment of use: the package may be absent until then. */
  readonly isDeferred: boolean;
}

function importsOf(file: ScannedFile): Import[] {
  const statement = /\b(import|export)\b(\s+type\b)?(?:[^;"'()]*?\bfrom)?\s*(\(?)\s*["'](\s*)["']/g;
  return [...file.code.matchAll(statement)].map((match) => {
    const length = match[4]?.length ?? 0;
    const end = match.index + match[0].length - 1;
    return {
      position: match.index,
      specifier: file.text.slice(end - length, end),
      isDeferred: match[2] !== undefined || match[3] === "(",
    };
  });
}

function isAllowed(room: Room, file: ScannedFile, { specifier, isDeferred }: Import): boolean {
  if (specifier.startsWith("node:")) return room.node.test(specifier);
  if (!specifier.startsWith(".")) {
    return (room.owns ?? none).test(specifier) || (isDeferred && (room.packages ?? none).test(specifier));
  }
  const target = posix.normalize(posix.join(posix.dirname(file.path), specifier)).replace(/^src\//, "");
  const isOwn = room.isSociable === true && room.holds.test(target);
  return isOwn || room.sees.some((other) => other.test(target));
}

/** The import law of DESIGN. */
export const importLaw: Rule = {
  says: "imports run one way: errors <- task <- ports <- store contract <- run <- index",
  covers: isSource,
  violations: (file) => {
    const place = file.path.replace(/^src\//, "");
    const room = rooms.find(({ holds }) => holds.test(place));
    if (room === undefined)
      return [at(file, 0, "stands in no known room; name one in test/tidy/rules/import-law.ts")];
    return importsOf(file)
      .filter((found) => !isAllowed(room, file, found))
      .map((found) => at(file, found.position, `must not import "${found.specifier}"`));
  },
};
