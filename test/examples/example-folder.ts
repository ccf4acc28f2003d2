// Where an example runs from: as it is installed in the long tier, from a copy beside this package's own modules in the short one.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const examples = join(root, "examples");

/** A folder of an example, to be disposed of. */
export interface ExampleFolder extends Disposable {
  readonly path: string;
}

/** The example, ready to be started. The long tier has installed and built it: `scripts/prepare-examples.mjs`. */
export function exampleFolder(name: string): ExampleFolder {
  if (process.env["OWED_TEST_FULL"] === "1")
    return { path: join(examples, name), [Symbol.dispose]: () => undefined };
  const copy = mkdtempSync(join(root, ".example-"));
  const path = join(copy, name);
  cpSync(join(examples, name), path, {
    recursive: true,
    filter: (source) => basename(source) !== "node_modules",
  });
  cpSync(join(examples, "tsconfig.json"), join(copy, "tsconfig.json"));
  mkdirSync(join(copy, "node_modules"));
  symlinkSync(root, join(copy, "node_modules", "owed"));
  return { path, [Symbol.dispose]: () => rmSync(copy, { recursive: true, force: true }) };
}
