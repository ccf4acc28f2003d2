// Folders with an installation of their own, beside the main one: whether what is installed there is what is asked for.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";

/** What npm has installed, it notes in a file of its own; a later lockfile means that something else is asked for. */
export function isInstalled(folder) {
  const note = join(folder, "node_modules", ".package-lock.json");
  return existsSync(note) && statSync(note).mtimeMs >= statSync(join(folder, "package-lock.json")).mtimeMs;
}
