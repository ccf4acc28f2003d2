// The rules oxlint holds for us are shown a breach too: a floating promise loses errors, a long function hides them.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

function lint(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), "owed-lint-"));
  try {
    writeFileSync(join(folder, "planted.ts"), text);
    writeFileSync(
      join(folder, "tsconfig.json"),
      `{ "compilerOptions": { "strict": true, "target": "es2023" } }`,
    );
    const program = join(root, "node_modules", "oxlint", "bin", "oxlint");
    const options = ["--config", join(root, ".oxlintrc.json"), "--type-aware", "--format=unix", "planted.ts"];
    // oxlint finds its type-aware half through the PATH, which only npm prepares by itself.
    const PATH = `${join(root, "node_modules", ".bin")}${delimiter}${process.env["PATH"] ?? ""}`;
    const environment = { cwd: folder, encoding: "utf8", env: { ...process.env, PATH } } as const;
    return spawnSync(process.execPath, [program, ...options], environment).stdout;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

it("a floating promise is refused", () => {
  expect(lint("export function f(p: Promise<void>): void {\n  p.then(() => undefined);\n}\n")).toContain(
    "no-floating-promises",
  );
  expect(lint("export async function f(p: Promise<void>): Promise<void> {\n  await p;\n}\n")).not.toContain(
    "planted.ts:",
  );
});

it("a function of more than seventy lines is refused", () => {
  const long = (lines: number): string =>
    `export function f(a: () => void): void {\n${"  a();\n".repeat(lines - 2)}}\n`;
  expect(lint(long(71))).toContain("max-lines-per-function");
  expect(lint(long(70))).not.toContain("max-lines-per-function");
});
