// Versions of what is compared, as its packages say.
import { existsSync, readFileSync } from "node:fs";

function versionIn(folder: string): string | null {
  const file = new URL(`${folder}/package.json`, import.meta.url);
  if (!existsSync(file)) return null;
  return (JSON.parse(readFileSync(file, "utf8")) as { readonly version: string }).version; // every package says it
}

/** owed's and those of the packages that are installed, then what else is given and there is. */
export function versions(
  packages: readonly string[],
  others: Readonly<Record<string, string | null>>,
): Record<string, string> {
  const found: Record<string, string> = { owed: versionIn("..") ?? "unknown" };
  for (const name of packages) {
    const version = versionIn(`node_modules/${name}`);
    if (version !== null) found[name] = version;
  }
  found["Node"] = process.versions.node;
  for (const [name, version] of Object.entries(others)) if (version !== null) found[name] = version;
  return found;
}
