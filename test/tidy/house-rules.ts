// All house rules that are held by a test.
import type { Rule } from "./rule.ts";
import { ambientCalls } from "./rules/ambient-calls.ts";
import { documentedExports, openingLine } from "./rules/documentation.ts";
import { noOnly, reasonedSkip } from "./rules/honest-tests.ts";
import { importLaw } from "./rules/import-law.ts";
import { machinePaths } from "./rules/machine-paths.ts";
import { fileNames } from "./rules/names.ts";
import { fileSize } from "./rules/sizes.ts";
import { sqlHome } from "./rules/sql-home.ts";

/** Every rule, in the order in which a reader wants to hear of a breach. */
export const houseRules: readonly Rule[] = [
  importLaw,
  ambientCalls,
  sqlHome,
  fileSize,
  fileNames,
  documentedExports,
  openingLine,
  noOnly,
  reasonedSkip,
  machinePaths,
];
