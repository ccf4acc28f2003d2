/** Whether the connection is what the store takes it for: a transaction pooler that was not declared breaks it in several ways. */
import { StoreUnavailableError } from "../errors.ts";
import type { Store, StoreFinding, WakeUps } from "../store/contract.ts";
import type { Check } from "./doctor-checks.ts";
import { causeCode } from "./failure.ts";
import type { Terminal } from "./terminal.ts";

/** A wake-up that has not come back after this long does not come. */
const PATIENCE_MS = 3_000;

/** What a pooler answers to what is pinned (08P01), or to statements that another of its sessions prepared, or not. */
const poolerCodes: ReadonlyMap<string, string> = new Map([
  ["08P01", "it refuses what the store pins when it connects"],
  ["26000", "statements that were prepared are gone, as sessions change behind it"],
  ["42P05", "statements are prepared already, by another session behind it"],
]);

const REMEDY =
  "set `pooler: true` in postgresStore of every process that connects through it, and for this command: `export OWED_POOLER=1`";

/** The finding about an error that only a pooler gives; null for any other. */
export function undeclaredPooler(error: unknown): StoreFinding | null {
  if (!(error instanceof StoreUnavailableError)) return null;
  const code = causeCode(error.cause) ?? "";
  const problem = poolerCodes.get(code);
  if (problem === undefined) return null;
  return {
    code: "pooler-undeclared",
    severity: "error",
    problem: `a transaction pooler stands in between, and nobody said so: ${problem} (${code})`,
    remedy: REMEDY,
  };
}

/** How the connection is, where nothing was found about it before. */
export async function connectionCheck(store: Store, terminal: Terminal, isPooler: boolean): Promise<Check> {
  const name = "connection";
  if (isPooler) {
    const fine =
      "through a pooler, as declared: nothing is prepared; workers behind it poll, since no LISTEN is possible there";
    return { name, fine, findings: [] };
  }
  const isHeard = await hearsItself(store.wakeUps, terminal);
  if (isHeard !== false) return { name, fine: "statements are prepared, wake-ups are heard", findings: [] };
  const finding: StoreFinding = {
    code: "wake-ups-unheard",
    severity: "warning",
    problem:
      "a wake-up was sent and did not arrive: a transaction pooler stands in between, so that workers hear nothing and poll, and prepared statements may break",
    remedy: `connect workers directly to the server, or ${REMEDY}`,
  };
  return { name, fine: "", findings: [finding] };
}

/** Null where there is nothing to hear. */
async function hearsItself(wakeUps: WakeUps | undefined, terminal: Terminal): Promise<boolean | null> {
  if (wakeUps?.listen === undefined) return null;
  const closing = new AbortController();
  let timer: { cancel(): void } | undefined;
  const patience = new Promise<false>((resolve) => {
    timer = terminal.ports.timers.after(PATIENCE_MS, () => resolve(false));
  });
  try {
    const events = { onWake: () => undefined, onLost: () => undefined };
    const listening = await wakeUps.listen(events, closing.signal);
    if (listening === null) return null;
    const { heard } = await listening.probe();
    return await Promise.race([heard.then(() => true), patience]);
  } finally {
    timer?.cancel();
    closing.abort();
  }
}
