/** What of the settings of a database weakens what is promised. */
import type { StoreFinding } from "../contract.ts";
import type { Row } from "./connections.ts";

/** For the role that asks, in this database: it wins over what the server, the database and the role say elsewhere. */
function setForRole(settings: Row, assignment: string, first = ""): string {
  return `in psql: ${first}\`alter ${settings["place"]} set ${assignment}\`, and so for each role of the application; then reconnect`;
}

/** For the whole server. */
export function setForServer(assignment: string): string {
  return `in psql, as a superuser: \`alter system set ${assignment}\`, then \`select pg_reload_conf()\``;
}

/** What of the database's settings weakens the promises. */
export function settingFindings(settings: Row): StoreFinding[] {
  const found: StoreFinding[] = [];
  if (settings["synchronous_commit"] === "off") {
    found.push({
      code: "synchronous-commit-off",
      severity: "error",
      problem:
        "synchronous_commit is off: a crash of the server can lose tasks whose commit was acknowledged",
      remedy: setForRole(settings, "synchronous_commit = on"),
    });
  }
  if (settings["fsync"] === "off") {
    found.push({
      code: "fsync-off",
      severity: "error",
      problem: "fsync is off: a crash of the machine can lose or corrupt the database",
      remedy: setForServer("fsync = on"),
    });
  }
  if (settings["full_page_writes"] === "off") {
    found.push({
      code: "full-page-writes-off",
      severity: "error",
      problem: "full_page_writes is off: a crash of the machine can corrupt the database",
      remedy: `${setForServer("full_page_writes = on")}; unless the file system never tears a page`,
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
          : setForRole(
              settings,
              "default_transaction_read_only = off",
              "`set default_transaction_read_only = off`, then ",
            ),
    });
  }
  if (settings["isolation"] !== "read committed") {
    found.push({
      code: "isolation",
      severity: "error",
      problem: `default_transaction_isolation is "${settings["isolation"]}": claims will fail with 40001`,
      remedy: setForRole(settings, "default_transaction_isolation = 'read committed'"),
    });
  }
  return found;
}
