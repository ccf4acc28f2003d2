// Command line: checks the history in a folder. Exits with 0 when everything holds, 1 on a violation, 2 on unusable input.
import { check } from "./check.ts";
import { readHistory, UnusableHistoryError } from "./files.ts";
import { reportText } from "./report-text.ts";

const [folder, ...rest] = process.argv.slice(2);
if (folder === undefined || rest.length > 0) {
  console.error("usage: node --import tsx checker/main.ts FOLDER");
  process.exitCode = 2;
} else {
  process.exitCode = checkFolder(folder);
}

function checkFolder(path: string): number {
  try {
    const report = check(readHistory(path));
    console.log(reportText(report));
    return report.holds ? 0 : 1;
  } catch (error) {
    // What the checker cannot take in is no violation either.
    const isExpected = error instanceof UnusableHistoryError;
    console.error("unusable history:", isExpected ? error.message : error);
    return 2;
  }
}
