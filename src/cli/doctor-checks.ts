/** What the doctor looks at, but for the connection itself: each a name, what is in order about it, and what is not. */
import { OwedError } from "../errors.ts";
import type { RegisteredProcess, Store, StoreExamination, StoreFinding } from "../store/contract.ts";
import { shownDuration } from "../story/durations.ts";
import { processFindings } from "../story/process-findings.ts";
import { shellWord } from "../story/shell-word.ts";
import { isStuck } from "../story/stuck-tasks.ts";
import type { Task } from "../task/task.ts";
import { undeclaredPooler } from "./connection-check.ts";
import { explained } from "./failure.ts";

/** Clocks that differ by less do no harm. */
const SKEW_MS = 2_000;
/** Due tasks that are looked at. */
const LOOKED_AT = 5_000;

/** A thing that was looked at. */
export interface Check {
  readonly name: string;
  readonly fine: string;
  readonly findings: readonly StoreFinding[];
}

/** A check that fails is a finding: what was found before often tells why. */
export async function attempted(name: string, look: () => Promise<Check>): Promise<Check> {
  try {
    return await look();
  } catch (error) {
    if (!(error instanceof OwedError) || undeclaredPooler(error) !== null) throw error;
    const finding: StoreFinding = {
      code: "not-looked-at",
      severity: "warning",
      problem: `could not be looked at: ${explained(error).message}`,
      remedy: "mend what else was found, and when the database has less to do run again: `owed doctor`",
    };
    return { name, fine: "", findings: [finding] };
  }
}

/** The version of the tables. */
export function schemaCheck({ schemaVersion: { found, known } }: StoreExamination): Check {
  const fine = `version ${known}`;
  if (found === known) return { name: "schema", fine, findings: [] };
  const migrate = "`owed migrate`";
  const finding: StoreFinding =
    found === 0
      ? {
          code: "schema-missing",
          severity: "error",
          problem: "there are no tables of this library here",
          remedy: `look whether database and schema are the right ones, then run: ${migrate}`,
        }
      : {
          code: found < known ? "schema-old" : "schema-new",
          severity: "error",
          problem: `the tables have version ${found}, and this program works with version ${known}`,
          remedy:
            found < known
              ? `run: ${migrate}`
              : "this program is too old: upgrade the package in it, `npm install owed@latest`, and deploy",
        };
  return { name: "schema", fine, findings: [finding] };
}

/** Settings, indexes, dead rows: what the store says about its database. */
export function databaseCheck({ findings }: StoreExamination, store: Store): Check {
  const place = store.name === "sqlite" ? "the file lies on a disk" : "settings keep what is committed";
  const holders = store.name === "sqlite" ? "" : ", no long transaction";
  return { name: "database", fine: `${place}, indexes are there, no bloat${holders}`, findings };
}

/** The database's clock decides what is due; a machine with another one shows wrong ages and gives wrong instants. */
export function clockCheck(now: Date, halfwayMs: number): Check {
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
            remedy:
              "synchronise both clocks (NTP), on Linux: `timedatectl set-ntp true`; the database's own decides what is due",
          },
        ];
  return { name: "clock", fine: "this machine and the database agree", findings };
}

/** Who executes, and who is gone. */
export async function processCheck(store: Store): Promise<Check> {
  const [statistics, processes] = await Promise.all([store.statistics(), store.processes()]);
  const orphans = statistics.pending === 0 ? "nothing is pending" : "every pending type has an executor";
  return {
    name: "processes",
    fine: `${processes.length} registered, none is silent, ${orphans}`,
    findings: processFindings(statistics, processes),
  };
}

/** Due tasks that nobody alive runs. */
export async function stuckCheck(store: Store, now: Date): Promise<Check> {
  const processes = await store.processes();
  const { stuck, looked, isCut } = await stuckTasks(store, processes, now);
  const [first] = stuck.toSorted(
    (left, right) => Number(left.nextAttemptAt ?? now) - Number(right.nextAttemptAt ?? now),
  );
  const fine =
    looked === 0
      ? "nothing is pending"
      : `none of the ${grouped(looked)} oldest pending tasks has been due for long without a live holder`;
  if (first === undefined) return { name: "stuck tasks", fine, findings: [] };
  const age = shownDuration(now.getTime() - (first.nextAttemptAt ?? now).getTime());
  const count = `${grouped(stuck.length)}${isCut ? " or more" : ""}`;
  const are = stuck.length === 1 ? "pending task is" : "pending tasks are";
  return {
    name: "stuck tasks",
    fine,
    findings: [
      {
        code: "stuck-tasks",
        severity: "error",
        problem: `${count} ${are} due and nobody alive runs them; the longest for ${age}: ${first.taskId}`,
        remedy: `see why: \`owed task ${shellWord(first.taskId)}\`; see all: \`owed tasks --stuck\``,
      },
    ],
  };
}

async function stuckTasks(
  store: Store,
  processes: readonly RegisteredProcess[],
  now: Date,
): Promise<{ readonly stuck: readonly Task[]; readonly looked: number; readonly isCut: boolean }> {
  const stuck: Task[] = [];
  let cursor: string | undefined;
  let looked = 0;
  do {
    const page = await store.list({ state: "pending", limit: 500, order: "ascending", cursor });
    stuck.push(...page.tasks.filter((task) => isStuck(task, processes, now)));
    looked += page.tasks.length;
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined && looked < LOOKED_AT);
  return { stuck, looked, isCut: cursor !== undefined };
}

/** The conservation law: every task that was ever committed is pending, settled or pruned. */
export async function balanceCheck(store: Store): Promise<Check> {
  const { enqueued, pending, confirmed, failed, cancelled, pruned } = await store.balance();
  const sum = pending + confirmed + failed + cancelled + pruned;
  const terms = Object.entries({ pending, confirmed, failed, cancelled, pruned })
    .map(([state, count]) => `${grouped(count)} ${state}`)
    .join(" + ");
  const finding: StoreFinding = {
    code: "conservation",
    severity: "error",
    problem: `${grouped(enqueued)} tasks were enqueued, and ${grouped(sum)} are accounted for: ${terms}`,
    remedy:
      "somebody changed the tables by hand, or it is a bug: keep a dump of the schema, and compare it with the last backup",
  };
  return {
    name: "conservation",
    fine: `${grouped(enqueued)} enqueued = ${terms}`,
    findings: enqueued === sum ? [] : [finding],
  };
}

function grouped(number: number): string {
  return number.toLocaleString("en-US");
}
