// What is exported says what it promises, and a file opens by saying what lives there.
import { at, isCode, isSource, type Rule } from "../rule.ts";
import type { ScannedFile } from "../scanned-file.ts";

const declaration =
  /^export\s+(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:function\*?|const|let|class|interface|type(?!\s*[{*])|enum|namespace)\s+([\w$]+)/gm;

function undocumented(file: ScannedFile): string[] {
  const documented = new Set<string>();
  return [...file.code.matchAll(declaration)].flatMap((match) => {
    const name = match[1] ?? "";
    const before = file.text.slice(0, match.index).trimEnd();
    const isDocumented = file.comments.some(
      ({ start, text }) => text.startsWith("/**") && start + text.length === before.length,
    );
    // The later signatures of an overload share the words of the first.
    if (isDocumented || documented.has(name)) {
      documented.add(name);
      return [];
    }
    return [at(file, match.index, `exports \`${name}\` without a doc comment`)];
  });
}

/** Every exported declaration of the library has a doc comment. */
export const documentedExports: Rule = {
  says: "an export says what it promises",
  covers: isSource,
  violations: undocumented,
};

/** Every file of code opens with a comment. */
export const openingLine: Rule = {
  says: "a file opens with one line saying what lives there",
  covers: isCode,
  violations: (file) =>
    /^(?:#![^\n]*\n)?\/[/*]/.test(file.text) ? [] : [`${file.path}:1 does not say what lives there`],
};
