// One job a file. Function length is oxlint's to measure (max-lines-per-function), since it knows the grammar.
import { isCode, type Rule } from "../rule.ts";

/** No exemptions: a file that reaches this is two files. */
export const mostLines = 400;

/** No file of code is longer than `mostLines`. */
export const fileSize: Rule = {
  says: `a file has at most ${mostLines} lines`,
  covers: isCode,
  violations: (file) => {
    const lines = file.text.trimEnd().split("\n").length;
    return lines > mostLines
      ? [`${file.path} has ${lines} lines; at most ${mostLines} are allowed: split it`]
      : [];
  },
};
