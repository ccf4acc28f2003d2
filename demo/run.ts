/** One run: what will happen, the show, the balance, and nothing left behind. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CannotStart, type DemoDatabase, sqliteDatabase } from "./database.ts";
import { plan } from "./plan.ts";
import { balanceTable, latencyTable } from "./report.ts";
import { Screen } from "./screen.ts";
import { show } from "./show.ts";
import { exitCodeOf, verdictOn } from "./verdict.ts";

const endingSignals = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Thrown when somebody wants the demo to end. */
class Interruption extends Error {
  readonly exitCode: number;

  constructor(exitCode: number) {
    super("interrupted");
    this.exitCode = exitCode;
  }
}

function interruptions(): AbortSignal {
  const controller = new AbortController();
  for (const [signal, exitCode] of Object.entries(endingSignals)) {
    process.on(signal, () => controller.abort(new Interruption(exitCode)));
  }
  // Whoever read the output has gone.
  process.stdout.on("error", () => controller.abort(new Interruption(endingSignals.SIGHUP)));
  return controller.signal;
}

async function openDatabase(kind: "sqlite" | "postgres"): Promise<DemoDatabase> {
  if (kind === "sqlite") return sqliteDatabase();
  const { postgresDatabase } = await import("./postgres-database.ts");
  return await postgresDatabase(process.env["DATABASE_URL"]);
}

function announcement(database: DemoDatabase): readonly string[] {
  const { least, most } = plan.merchantDelayMs;
  return [
    `The demo of owed, on ${database.description}`,
    "",
    `A service commits ${plan.payments} payments, each with two tasks: a webhook, a receipt. The`,
    `merchant takes ${least / 1_000} to ${most / 1_000} s a call and refuses every third with 500. Twice the service`,
    "is killed with SIGKILL and restarted. Nothing may be lost. About half a minute.",
    "",
  ];
}

async function runOn(database: DemoDatabase, screen: Screen, signal: AbortSignal): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "owed-demo-"));
  const removeFolder = (): void => rmSync(folder, { recursive: true, force: true });
  process.on("exit", removeFolder);
  try {
    for (const line of announcement(database)) screen.line(line);
    const { evidence, latencies } = await show({
      location: database.location(folder),
      folder,
      screen,
      signal,
    });
    const verdict = verdictOn(evidence);
    screen.line();
    for (const line of latencyTable(latencies)) screen.line(line);
    screen.line();
    for (const problem of verdict.problems) screen.line(`NOT AS PROMISED: ${problem}`);
    if (verdict.problems.length > 0) screen.line();
    for (const line of balanceTable(evidence, verdict)) screen.line(line);
    return exitCodeOf(verdict);
  } finally {
    removeFolder();
  }
}

/** Runs the demo; answers the exit code. Ends early, and cleans up all the same, when the process is asked to end. */
export async function run(kind: "sqlite" | "postgres"): Promise<number> {
  const signal = interruptions();
  const screen = new Screen(process.stdout);
  try {
    const database = await openDatabase(kind);
    try {
      signal.throwIfAborted();
      return await runOn(database, screen, signal);
    } finally {
      await database.remove();
    }
  } catch (error) {
    if (signal.aborted) {
      screen.line("interrupted: everything was stopped and removed");
      return signal.reason instanceof Interruption ? signal.reason.exitCode : 1;
    }
    const details =
      error instanceof CannotStart ? error.message : error instanceof Error ? error.stack : error;
    screen.line();
    process.stderr.write(`The demo failed: ${String(details)}\n`);
    return 1;
  }
}
