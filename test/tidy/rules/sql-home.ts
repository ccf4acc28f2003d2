// SQL stands only in the stores.
import { at, isSource, type Rule } from "../rule.ts";

const statement =
  /^\s*(?:select\b[^]*\bfrom\b|select\s+[\w.]+\s*\(|insert\s+into\b|update\s+[\w."]+\s+set\b|delete\s+from\b|merge\s+into\b|truncate\s|with\s+(?:recursive\s+)?\w+(?:\s*\([^)]*\))?\s+as\b|(?:create|alter|drop)\s+(?:or\s+replace\s+|unique\s+|temp\s+)?(?:table|index|schema|function|view|type|trigger)\b|savepoint\s|rollback\s+to\s|pragma\s)/i;

/** Statements stand in src/store and nowhere else. */
export const sqlHome: Rule = {
  says: "SQL stands only in the stores",
  covers: (path) => isSource(path) && !path.startsWith("src/store/"),
  violations: (file) =>
    file.strings
      .filter(({ text }) => statement.test(text))
      .map(({ start, text }) => at(file, start, `SQL belongs in src/store: "${text.trim().slice(0, 40)}"`)),
};
