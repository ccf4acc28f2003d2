/** What about this file and its connections weakens what the library promises. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";

import type { StoreFinding } from "../contract.ts";
import type { Connection } from "./connection.ts";
import { READ_VERSION, readJournalMode } from "./connection-statements.ts";

/** File systems by the magic number of Linux on which SQLite's locks or its durability cannot be relied upon. */
const doubtfulFileSystems: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS, where SQLite's locks are not reliable and files can be damaged"],
  [0x517b, "SMB, where SQLite's locks are not reliable and files can be damaged"],
  [0xff534d42, "CIFS, where SQLite's locks are not reliable and files can be damaged"],
  [0xfe534d42, "SMB, where SQLite's locks are not reliable and files can be damaged"],
  [0x01021997, "9p, where SQLite's locks are not reliable and files can be damaged"],
  [0x01021994, "tmpfs, which is lost when the machine stops"],
  [0x858458f6, "ramfs, which is lost when the machine stops"],
]);

/** The first version of SQLite without the WAL-reset bug. */
const FIRST_SOUND_VERSION = [3, 51, 3] as const;

/** What about the file is wrong. How the store's own connections commit is no matter of settings: see Database. */
export function fileFindings(connection: Connection, file: string): StoreFinding[] {
  const found: StoreFinding[] = [];
  const mode = connection.first<{ readonly journal_mode: string }>(readJournalMode)?.journal_mode;
  if (mode !== "wal") {
    found.push({
      code: "journal-mode",
      severity: "warning",
      problem: `the journal mode of ${file} is ${String(mode)} and not WAL: readers and writers block each other`,
      remedy: "move the file to a local disk",
    });
  }
  const version = connection.first<{ readonly version: string }>(READ_VERSION)?.version ?? "";
  if (isBefore(version, FIRST_SOUND_VERSION)) {
    found.push({
      code: "sqlite-version",
      severity: "warning",
      problem: `the driver brings SQLite ${version}: before ${FIRST_SOUND_VERSION.join(".")} a file in WAL mode that several connections write can, very rarely, be damaged`,
      remedy: "update better-sqlite3, or Node where node:sqlite is used",
    });
  }
  const fileSystem = fileSystemOf(file);
  if (fileSystem !== undefined) {
    found.push({
      code: "file-system",
      severity: "warning",
      problem: `${file} lies on ${fileSystem}`,
      remedy: "move the file to a local disk",
    });
  }
  return found;
}

/** Said when a user's connection was seen whose commits are not on disk before they are answered. */
export function unsafeCallerWarning(): string {
  return (
    "a connection passed to enqueue runs with synchronous below FULL (better-sqlite3 does so by default in WAL mode): " +
    'a crash of the machine can lose its last commits, tasks included. Run "pragma synchronous = full" on it'
  );
}

/** Whether a version, as in "3.49.1", is older than another. */
function isBefore(version: string, other: readonly number[]): boolean {
  const parts = version.split(".").map(Number);
  const place = other.findIndex((part, index) => part !== (parts[index] ?? 0));
  return place >= 0 && (parts[place] ?? 0) < (other[place] ?? 0);
}

function fileSystemOf(file: string): string | undefined {
  try {
    // Signed on some platforms.
    return doubtfulFileSystems.get(Number(BigInt.asUintN(32, BigInt(statfsSync(dirname(file)).type))));
  } catch {
    return undefined;
  }
}
