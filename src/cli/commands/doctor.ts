/** `owed doctor`: looks for everything that is known to go wrong, each finding with its remedy. */
import { OwedError } from "../../errors.ts";
import type { Store, StoreExamination, StoreFinding } from "../../store/contract.ts";
import { shownDuration } from "../../story/durations.ts";
import { processFindings } from "../../story/process-findings.ts";
import { shellWord } from "../../story/shell-word.ts";
import { isStuck } from "../../story/stuck-tasks.ts";
import type { Task } from "../../task/task.ts";
import type { Command, Invocation } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { explained } from "../failure.ts";
import type { OpenedDatabase } from "../opened-database.ts";

/** Counting every task of a large database takes its time. */
const STATEMENT_TIMEOUT_MS = 120_000;
/** Clocks that differ by less do no harm. */
const SKEW_MS = 2_000;
/** Due tasks that are looked at. */
const LOOKED_AT = 5_000;

/** A thing that was looked at: its name, what is in order about it, and what is not. */
interface Check {
  readonly name: string;
  readonly fine: string;
  readonly findings: readonly StoreFinding[];
}

/** The command. */
export const doctor: Command = {
  name: "doctor",
  summary: "look for everything known to go wrong, with a remedy each",
  operand: "",
  options: {},
  details: ["Ends with 7 when it found something. It changes nothing. It counts every task once."],
  async run(invocation) {
    const database = await invocation.open({ needsSchema: false, statementTimeoutMs: STATEMENT_TIMEOUT_MS });
    return show(invocation, database, await examined(invocation, database.store));
  },
};

async function examined({ terminal }: Invocation, store: Store): Promise<Check[]> {
  const { clock } = terminal.ports;
  // The first one opens the connection, which takes its time; the second tells the clocks apart.
  const examination = await store.examine();
  const beforeMs = clock.wallMs();
  const { now } = await store.examine();
  const halfwayMs = (beforeMs + clock.wallMs()) / 2;
  const checks = [schemaCheck(examination), databaseCheck(examination), clockCheck(now, halfwayMs)];
  const { found, known } = examination.schemaVersion;
  if (found !== known) return checks;
  checks.push(
    await attempted("processes", () => processCheck(store)),
    await attempted("stuck tasks", () => stuckCheck(store, now)),
    await attempted("conservation", () => balanceCheck(store)),
  );
  return checks;
}

/** A check that fails is a finding: what was found before often tells why. */
async function attempted(name: string, look: () => Promise<Check>): Promise<Check> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof OwedError)) throw error;
    const finding: StoreFinding = {
      code: "not-looked-at",
      severity: "warning",
      problem: `could not be looked at: ${explained(error).message}`,
      remedy: "mend what else was found, and run owed doctor again when the database has less to do",
    };
    return { name, fine: "", findings: [finding] };
  }
}

async function processCheck(store: Store): Promise<Check> {
  const [statistics, processes] = await Promise.all([store.statistics(), store.processes()]);
  return {
    name: "processes",
    fine: `${processes.length} registered, none is silent, every pending type has an executor`,
    findings: processFindings(statistics, processes),
  };
}

function schemaCheck({ schemaVersion: { found, known } }: StoreExamination): Check {
  const fine = `version ${known}`;
  if (found === known) return { name: "schema", fine, findings: [] };
  const finding: StoreFinding =
    found === 0
      ? {
          code: "schema-missing",
          severity: "error",
          problem: "there are no tables of this library here",
          remedy: "owed migrate; or look whether database and schema are the right ones",
        }
      : {
          code: found < known ? "schema-old" : "schema-new",
          severity: "error",
          problem: `the tables have version ${found}, and this program works with version ${known}`,
          remedy: found < known ? "owed migrate" : 'upgrade the package "owed" in this program',
        };
  return { name: "schema", fine, findings: [finding] };
}

function databaseCheck({ findings }: StoreExamination): Check {
  return {
    name: "database",
    fine: "settings keep what is committed, indexes are there, no bloat, no long transaction, no pooler pitfall",
    findings,
  };
}

/** The database's clock decides what is due; a machine with another one shows wrong ages and gives wrong instants. */
function clockCheck(now: Date, halfwayMs: number): Check {
  const skewMs = halfwayMs - now.getTime();
  const away = `${shownDuration(Math.abs(skewMs))} ${skewMs > 0 ? "ahead of" : "behind"} the database's`;
  const findings: StoreFinding[] =
    Math.abs(skewMs) < SKEW_MS
      ? []
      : [
          {
            code: "clock-skew",
            severity: "warning",
            problem: `the clock of this machine is ${away}: instants that are computed here (runAt) come early or late`,
            remedy: "synchronise both clocks (NTP); the database's own decides what is due",
          },
        ];
  return { name: "clock", fine: "this machine and the database agree", findings };
}

async function stuckCheck(store: Store, now: Date): Promise<Check> {
  const processes = await store.processes();
  const stuck: Task[] = [];
  let cursor: string | undefined;
  let looked = 0;
  do {
    const page = await store.list({ state: "pending", limit: 500, order: "ascending", cursor });
    stuck.push(...page.tasks.filter((task) => isStuck(task, processes, now)));
    looked += page.tasks.length;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && looked < LOOKED_AT);
  const [first] = stuck.toSorted(
    (left, right) => Number(left.nextAttemptAt ?? now) - Number(right.nextAttemptAt ?? now),
  );
  const fine = `none of the ${looked} oldest pending tasks has been due for long without a live holder`;
  if (first === undefined) return { name: "stuck tasks", fine, findings: [] };
  const age = shownDuration(now.getTime() - (first.nextAttemptAt ?? now).getTime());
  const count = `${stuck.length}${cursor === undefined ? "" : " or more"}`;
  return {
    name: "stuck tasks",
    fine,
    findings: [
      {
        code: "stuck-tasks",
        severity: "error",
        problem: `${count} pending tasks are due and nobody alive runs them; the longest for ${age}: ${first.taskId}`,
        remedy: `owed task ${shellWord(first.taskId)} tells why; owed tasks --stuck lists them`,
      },
    ],
  };
}

/** The conservation law: every task that was ever committed is pending, settled or pruned. */
async function balanceCheck(store: Store): Promise<Check> {
  const { enqueued, pending, confirmed, failed, cancelled, pruned } = await store.balance();
  const sum = pending + confirmed + failed + cancelled + pruned;
  const terms = `${pending} pending + ${confirmed} confirmed + ${failed} failed + ${cancelled} cancelled + ${pruned} pruned`;
  const finding: StoreFinding = {
    code: "conservation",
    severity: "error",
    problem: `${enqueued} tasks were enqueued, and ${sum} are accounted for: ${terms}`,
    remedy:
      "somebody changed the tables by hand, or it is a bug: keep a dump of the schema, and compare it with the last backup",
  };
  return {
    name: "conservation",
    fine: `${enqueued} enqueued = ${terms}`,
    findings: enqueued === sum ? [] : [finding],
  };
}

function show({ printer }: Invocation, { described }: OpenedDatabase, checks: readonly Check[]): ExitCode {
  const findings = checks.flatMap((check) => check.findings);
  printer.json({
    healthy: findings.length === 0,
    checks: checks.map(({ name, fine, findings: found }) => ({
      name,
      fine: found.length === 0 ? fine : null,
      findings: found,
    })),
  });
  printer.line(described, "dim");
  printer.line();
  for (const { name, fine, findings: found } of checks) {
    if (found.length === 0) printer.paragraph("ok  ", `${name}: ${fine}`, "green");
    for (const { severity, problem, remedy } of found) {
      printer.paragraph(
        severity === "error" ? "!!  " : "!   ",
        `${name}: ${problem}`,
        severity === "error" ? "red" : "yellow",
      );
      printer.paragraph("    what to do: ", remedy);
    }
  }
  printer.line();
  const count = findings.length === 1 ? "1 finding" : `${findings.length} findings`;
  printer.line(findings.length === 0 ? "all is in order" : count, findings.length === 0 ? "green" : "red");
  return findings.length === 0 ? exitCodes.done : exitCodes.findings;
}
