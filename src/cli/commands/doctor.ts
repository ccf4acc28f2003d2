/** `owed doctor`: looks for everything that is known to go wrong, each finding with its remedy. */
import type { StoreFinding } from "../../store/contract.ts";
import type { Command, Invocation } from "../command.ts";
import { connectionCheck, undeclaredPooler } from "../connection-check.ts";
import {
  attempted,
  balanceCheck,
  type Check,
  clockCheck,
  databaseCheck,
  processCheck,
  schemaCheck,
  stuckCheck,
} from "../doctor-checks.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import type { Location } from "../location.ts";
import type { OpenedDatabase } from "../opened-database.ts";

/** Counting every task of a large database takes its time. */
const STATEMENT_TIMEOUT_MS = 120_000;

/** The command. */
export const doctor: Command = {
  name: "doctor",
  summary: "look for everything known to go wrong, with a remedy each",
  operand: "",
  options: {},
  details: ["Ends with 7 when it found something. It changes nothing. It counts every task once."],
  async run(invocation) {
    const location = invocation.locate();
    if (location.kind === "sqlite" || location.pooler) return await examine(invocation, location, null);
    try {
      return await examine(invocation, location, null);
    } catch (error) {
      const pooler = undeclaredPooler(error);
      if (pooler === null) throw error;
      // Known for what it is, it lets everything else be looked at.
      return await examine(invocation, { ...location, pooler: true }, pooler);
    }
  },
};

async function examine(
  invocation: Invocation,
  location: Location,
  pooler: StoreFinding | null,
): Promise<ExitCode> {
  const database = await invocation.open({
    needsSchema: false,
    statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    location,
  });
  return show(invocation, database, await checksOf(invocation, database, location, pooler));
}

/** Rejects when a pooler that was not declared breaks a statement. */
async function checksOf(
  { terminal }: Invocation,
  { store }: OpenedDatabase,
  location: Location,
  pooler: StoreFinding | null,
): Promise<Check[]> {
  const { clock } = terminal.ports;
  // The first one opens the connection, which takes its time; the second tells the clocks apart.
  const examination = await store.examine();
  const beforeMs = clock.wallMs();
  const { now } = await store.examine();
  const halfwayMs = (beforeMs + clock.wallMs()) / 2;
  const dropped = examination.findings.find(({ code }) => code === "pooler-drops-settings");
  const findings = examination.findings.filter((finding) => finding !== dropped);
  const checks = [schemaCheck(examination), databaseCheck({ ...examination, findings }, store)];
  const add = async (name: string, look: () => Promise<Check>): Promise<void> => {
    checks.push(await attempted(name, look));
  };
  const known = pooler ?? dropped;
  if (known !== undefined) checks.push({ name: "connection", fine: "", findings: [known] });
  else if (location.kind === "postgres") {
    await add("connection", () => connectionCheck(store, terminal, location.pooler));
  }
  checks.push(clockCheck(now, halfwayMs));
  const { schemaVersion } = examination;
  if (schemaVersion.found !== schemaVersion.known) return checks;
  await add("processes", () => processCheck(store));
  await add("stuck tasks", () => stuckCheck(store, now));
  await add("conservation", () => balanceCheck(store));
  return checks;
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
      printer.remedy("    ", remedy);
    }
  }
  printer.line();
  const count = findings.length === 1 ? "1 finding" : `${findings.length} findings`;
  printer.line(findings.length === 0 ? "all is in order" : count, findings.length === 0 ? "green" : "red");
  return findings.length === 0 ? exitCodes.done : exitCodes.findings;
}
