// The examples of the README run as they stand: copied out, executed, and seen to do what they say.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { sharedDatabase, testPool } from "../support/database.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The code block after the marker of that name. */
function example(name: string): string {
  const block = new RegExp(`<!-- example: ${name} -->\\s*\`\`\`ts\\n([\\s\\S]*?)\`\`\``).exec(readme);
  if (block?.[1] === undefined) throw new Error(`the README has no example "${name}"`);
  return block[1];
}

/** Runs an example in a folder of its own inside the package, so that "owed" is this package as it is built. */
async function outputOf(
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

test("the first example has at most fifteen lines and runs", async () => {
  const code = example("sqlite");
  expect(code.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(15);
  await outputOf(code, "receipt p1 receipt:p1", {});
});

test("the example on Postgres has at most fifteen lines, and runs on an empty database, and again, and with the transaction of one's own that follows it", async () => {
  await using pool = testPool({ max: 1 });
  const code = example("postgres");
  expect(code.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(15);
  try {
    await outputOf(code, "receipt p1 receipt:p1", { DATABASE_URL: sharedDatabase() });
    // The task stands already: nothing is printed a second time, and nothing fails.
    const again = `${code}console.log("committed again");`;
    await outputOf(again, "committed again", { DATABASE_URL: sharedDatabase() });
    expect((await pool.query("select amount from payment where id = 'p1'")).rows).toEqual([{ amount: 4200 }]);
    // What follows in the README goes on from there, inside a transaction of the reader's own.
    const own = await outputOf(`${code}${example("own transaction")}`, "receipt p2 ", {
      DATABASE_URL: sharedDatabase(),
    });
    expect(own).not.toContain("receipt p1");
    const { rows } = await pool.query("select amount from payment where id = 'p2'");
    expect(rows).toEqual([{ amount: 4200 }]);
  } finally {
    await pool.query("drop table if exists payment");
    await pool.query("drop schema if exists owed cascade");
  }
});
