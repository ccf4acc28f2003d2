// A test that does not run says why, and no test hides the others.
import { at, isCode, type Rule } from "../rule.ts";
import type { ScannedFile } from "../scanned-file.ts";

/** No leftover `.only`. */
export const noOnly: Rule = {
  says: "no test is left alone with `.only`",
  covers: isCode,
  violations: (file) =>
    [
      ...file.code.matchAll(/\b(?:it|test|describe|suite|bench)(?:\.\w+)*\.only\b|\b(?:fit|fdescribe)\s*\(/g),
    ].map((match) => at(file, match.index, `\`${match[0]}\` hides the other tests`)),
};

const skipped = /\b([\w$]+)(?:\.\w+)*\.(?:skip|skipIf|runIf|todo|fails)\s*\(\s*(\S)/g;
const runners = new Set(["it", "test", "describe", "suite"]);

/** The reason of a skipped test: `// skipped: ...` in the line above or behind, or the argument of `context.skip`. */
function hasReason(file: ScannedFile, position: number): boolean {
  const lineStart = file.text.lastIndexOf("\n", position) + 1;
  const lineEnd = `${file.text}\n`.indexOf("\n", position);
  const lineBefore = file.text.lastIndexOf("\n", lineStart - 2) + 1;
  return file.comments.some(
    ({ start, text }) => start >= lineBefore && start < lineEnd && /skipped: \S+/.test(text),
  );
}

/** No skipped test without a reason. */
export const reasonedSkip: Rule = {
  says: "a skipped test says why, with `// skipped: the reason`",
  covers: (path) => path.startsWith("test/") && isCode(path),
  violations: (file) =>
    [...file.code.matchAll(skipped)].flatMap((match) => {
      const isRunner = runners.has(match[1] ?? "");
      if (!isRunner && match[2] !== ")") return [];
      return hasReason(file, match.index) ? [] : [at(file, match.index, "skips without a reason")];
    }),
};
