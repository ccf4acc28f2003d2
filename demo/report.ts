/** The report: latencies and balance as text for a plain terminal. Pure. */

import type { Evidence } from "./evidence.ts";
import { type FirstAttemptPath, percentile } from "./moments.ts";
import { type RepetitionReason, reasonTexts } from "./repetition.ts";
import { conservationLine, type Verdict } from "./verdict.ts";

const pathNames: Readonly<Record<FirstAttemptPath, string>> = {
  fast: "fast path",
  worker: "worker",
  "after-kill": "worker, after a kill",
};

const LABEL_WIDTH = 40;

/** How long tasks waited for their first attempt, by path. */
export function latencyTable(latencies: ReadonlyMap<FirstAttemptPath, readonly number[]>): string[] {
  const row = (label: string, ...columns: readonly string[]): string =>
    `${label.padEnd(LABEL_WIDTH)}${columns.map((column) => column.padStart(11)).join("")}`;
  const paths = Object.keys(pathNames) as FirstAttemptPath[]; // the keys of a literal of that type
  return [
    row("From commit to first attempt", "tasks", "p50", "p99"),
    ...paths.map((path) => {
      const sorted = latencies.get(path) ?? [];
      return row(
        `  ${pathNames[path]}`,
        String(sorted.length),
        duration(percentile(sorted, 0.5)),
        duration(percentile(sorted, 0.99)),
      );
    }),
    "(from just before COMMIT is sent, so with the commit in it, to the start of the attempt)",
  ];
}

/** The balance, its last line the number of tasks lost. */
export function balanceTable(evidence: Evidence, verdict: Verdict): string[] {
  const { balance, paymentIds } = evidence;
  const { repeated } = verdict;
  const row = (label: string, count: number, remark: string): string =>
    `${label.padEnd(28)}${String(count).padStart(5)}   ${remark}`.trimEnd();
  return [
    "The balance",
    row("  payments committed", paymentIds.length, "rows of the payment table"),
    row("  tasks enqueued", balance.enqueued, "two for each payment"),
    row("  tasks confirmed", balance.confirmed, ""),
    row("  tasks pending", balance.pending, ""),
    row("  receipts written", verdict.receipts, "files in the folder"),
    row("  webhooks delivered", verdict.delivered, "by the merchant's own count"),
    row("  delivered more than once", repeated.length, repeatedRemark(repeated)),
    row("  failed", balance.failed, ""),
    "",
    conservationLine(balance),
    `lost ${verdict.lost}`,
  ];
}

function repeatedRemark(repeated: Verdict["repeated"]): string {
  const reasons = Object.keys(reasonTexts) as RepetitionReason[]; // the keys of a literal of that type
  const counted = reasons
    .map((reason) => ({
      reason,
      count: repeated.filter((repetition) => repetition.reason === reason).length,
    }))
    .filter(({ count }) => count > 0);
  return counted
    .map(({ reason, count }) =>
      counted.length === 1 ? reasonTexts[reason] : `${count}: ${reasonTexts[reason]}`,
    )
    .join("; ");
}

function duration(ms: number | null): string {
  if (ms === null) return "-";
  return `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`;
}
