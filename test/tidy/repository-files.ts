// The files the rules are held against: everything in the repository that people write.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ScannedFile, scan } from "./scanned-file.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const generated = new Set([
  "node_modules",
  "dist",
  "coverage",
  ".git",
  ".runtimes",
  ".next",
  "generated",
  "next-env.d.ts",
  "package-lock.json",
]);
const written = /(?:\.(?:ts|mjs|js|json|md|yml|yaml|sh|sql)|\/run|rc|\.editorconfig)$/;

/** Paths of all written files, relative to the repository, with forward slashes. */
export function repositoryPaths(folder = ""): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (generated.has(entry.name)) return [];
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return repositoryPaths(path);
    return entry.isFile() && written.test(path) ? [path] : [];
  });
}

/** Reads and scans one file. */
export function repositoryFile(path: string): ScannedFile {
  return scan(path, readFileSync(join(root, path), "utf8"));
}
