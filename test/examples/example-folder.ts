// Where an example runs from: as it is installed in the long tier, from a copy with this package's own modules in the short one.
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
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
  const copy = mkdtempSync(join(tmpdir(), "owed-example-"));
  cpSync(join(examples, name), join(copy, name), { recursive: true });
  cpSync(join(examples, "tsconfig.json"), join(copy, "tsconfig.json"));
  for (const dependency of dependenciesOf(name)) {
    const link = join(copy, "node_modules", dependency);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(dependency === "owed" ? root : join(root, "node_modules", dependency), link);
  }
  return { path: join(copy, name), [Symbol.dispose]: () => rmSync(copy, { recursive: true, force: true }) };
}

function dependenciesOf(name: string): string[] {
  const { dependencies, devDependencies } = JSON.parse(
    readFileSync(join(examples, name, "package.json"), "utf8"),
  ) as Record<"dependencies" | "devDependencies", Readonly<Record<string, string>>>;
  return [...Object.keys(dependencies), ...Object.keys(devDependencies)];
}
