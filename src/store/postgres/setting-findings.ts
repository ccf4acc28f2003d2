/** What of the settings of a database weakens what is promised. */
import type { StoreFinding } from "../contract.ts";
import type { Row } from "./connections.ts";

/** What of the database's settings weakens the promises. */
export function settingFindings(settings: Row): StoreFinding[] {
  const found: StoreFinding[] = [];
  const on = "set it to on for this database, and for the roles that use it";
  if (settings["synchronous_commit"] === "off") {
    found.push({
      code: "synchronous-commit-off",
      severity: "error",
      problem:
        "synchronous_commit is off: a crash of the server can lose tasks whose commit was acknowledged",
      remedy: on,
    });
  }
  if (settings["fsync"] === "off") {
    found.push({
      code: "fsync-off",
      severity: "error",
      problem: "fsync is off: a crash of the machine can lose or corrupt the database",
      remedy: "set it to on in postgresql.conf and reload",
    });
  }
  if (settings["full_page_writes"] === "off") {
    found.push({
      code: "full-page-writes-off",
      severity: "error",
      problem: "full_page_writes is off: a crash of the machine can corrupt the database",
      remedy: "set it to on in postgresql.conf and reload, unless the file system never tears a page",
    });
  }
  if (settings["read_only"] === "on" || settings["in_recovery"] === "true") {
    found.push({
      code: "read-only",
      severity: "error",
      problem: "the database is read-only: nothing can be enqueued or settled",
      remedy:
        settings["in_recovery"] === "true"
          ? "this is a standby: connect to the primary"
          : "set default_transaction_read_only to off",
    });
  }
  if (settings["isolation"] !== "read committed") {
    const remedy = 'set it to "read committed" for the role of the store';
    found.push({
      code: "isolation",
      severity: "error",
      problem: `default_transaction_isolation is "${settings["isolation"]}": claims will fail with 40001`,
      remedy,
    });
  }
  return found;
}
