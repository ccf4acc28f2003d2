// What a house rule is: which files it is about, and what in a file breaks it.
import { lineOf, type ScannedFile } from "./scanned-file.ts";

/** One house rule. */
export interface Rule {
  /** The rule as a sentence. */
  readonly says: string;
  /** Whether the rule is about this file. */
  readonly covers: (path: string) => boolean;
  /** Every place that breaks the rule, as `path:line what to do`. */
  readonly violations: (file: ScannedFile) => string[];
}

/** A violation, worded so that an editor can jump to it. */
export function at(file: ScannedFile, position: number, message: string): string {
  return `${file.path}:${lineOf(file, position)} ${message}`;
}

/** Whether a path is a TypeScript source of the library. */
export function isSource(path: string): boolean {
  return path.startsWith("src/") && path.endsWith(".ts");
}

/** Whether a path is code of any kind in the repository. */
export function isCode(path: string): boolean {
  return /\.(?:ts|mjs|js)$/.test(path);
}
