// Nothing in the repository knows the machine it was written on.
import { at, type Rule } from "../rule.ts";

const home = /(?<![\w.)\-/])\/(?:home|root|Users|work)\/[\w.-]+|\b[A-Z]:\\+Users\\+/g;

/** No paths of somebody's machine, and no lockfile that names somebody's registry. */
export const machinePaths: Rule = {
  says: "no file names a path of the machine it was written on",
  covers: () => true,
  violations: (file) =>
    [...file.text.matchAll(home)].map((match) =>
      at(file, match.index, `names a machine's path: ${match[0]}`),
    ),
};
