// A file is a kebab-case noun that says what it exports.
import { isCode, type Rule } from "../rule.ts";

const empty = new Set([
  "util",
  "utils",
  "helper",
  "helpers",
  "common",
  "types",
  "misc",
  "shared",
  "lib",
  "constants",
]);
const kebab = /^\.?[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|test-d|config|d|module|controller|service|entity))?$/;

/** File and folder names say something. */
export const fileNames: Rule = {
  says: "a file is a kebab-case noun; nothing is called utils, helpers, common or types",
  covers: isCode,
  violations: (file) =>
    file.path.split("/").flatMap((part) => {
      const name = part.replace(/\.(?:ts|mjs|js)$/, "");
      if (empty.has(name.replace(/\..*$/, "")))
        return [`${file.path}: "${part}" says nothing about what it holds`];
      return kebab.test(name) ? [] : [`${file.path}: "${part}" is not kebab-case`];
    }),
};
