// Examples of the documentation: copied out, and executed as they stand.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The text of a page of the documentation. */
export const textOf = (page: string): string => readFileSync(join(root, page), "utf8");

/** The code block after the marker of that name in a page. */
export function exampleIn(page: string, name: string, language = "ts"): string {
  const marked = new RegExp(`<!-- example: ${name} -->\\s*\`\`\`${language}\\n([\\s\\S]*?)\`\`\``);
  const block = marked.exec(textOf(page));
  if (block?.[1] === undefined) throw new Error(`${page} has no example "${name}"`);
  return block[1];
}

/**
 * Runs an example in a folder of its own inside the package, so that "owed" is this package as it is built, until its output
 * has what is expected.
 */
export async function outputOf(
  code: string,
  expected: string,
  environment: Record<string, string>,
): Promise<string> {
  const folder = mkdtempSync(join(root, ".example-"));
  const file = join(folder, "example.mts");
  writeFileSync(file, code);
  const child = spawn(process.execPath, ["--import", "tsx", file], {
    cwd: folder,
    // Without the paths of tsconfig.json, so that "owed" is the built package, as its users get it.
    env: { ...process.env, ...environment, TSX_TSCONFIG_PATH: join(root, "tsconfig.build.json") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  try {
    let output = "";
    return await new Promise((resolve, reject) => {
      const note = (chunk: Buffer): void => {
        output += chunk.toString();
        if (output.includes(expected)) resolve(output);
      };
      child.stdout.on("data", note);
      child.stderr.on("data", note);
      child.once("exit", (code) => reject(new Error(`the example ended with ${code}:\n${output}`)));
    });
  } finally {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}
