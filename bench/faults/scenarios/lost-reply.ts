// The reply to COMMIT is lost: the application does not know whether it committed.
import { setTimeout as delay } from "node:timers/promises";
import { monotonicMs } from "../evidence.ts";
import { type Fault, forEach, type Sizes, type Story } from "../fault.ts";
import type { Team } from "../team.ts";

const WORK_MS = 300;
const BETWEEN_MS = 100;
const LATER_MS = 5_000;

/** What the application does about it. Null: it dies, and nobody retries. */
const reactions = [
  ["retried at once", 0],
  ["retried after 5 s", LATER_MS],
  ["never retried", null],
] as const;

type Reaction = (typeof reactions)[number][0];

/** Enqueues tasks one after the other, each losing the reply to its first commit. */
async function enqueueAll(team: Team, count: number): Promise<Map<Reaction, string[]>> {
  const tasks = new Map<Reaction, string[]>();
  const enqueues: Promise<unknown>[] = [];
  for (const [reaction, retryMs] of reactions) {
    const named = Array.from(
      { length: count },
      (_, index) => `${reaction.replaceAll(" ", "-")}-${index + 1}`,
    );
    tasks.set(reaction, named);
    for (const task of named) {
      const swallowed = team.proxy.when({ text: `commit -- ${task} attempt 1`, deed: "swallow-reply" });
      enqueues.push(team.enqueue({ task, workMs: WORK_MS, isPoison: false }, retryMs));
      await swallowed;
      await delay(BETWEEN_MS);
    }
  }
  await Promise.all(enqueues);
  return tasks;
}

async function run(team: Team, { lostReplies, patienceMs }: Sizes): Promise<Story> {
  const tasks = await enqueueAll(team, lostReplies);
  const committed = await team.committed();
  const endMs = monotonicMs();
  // A second execution that a retry causes must have had its time; a task that nobody knows of is not waited for long.
  await team.settled(() => team.acknowledged.keys(), endMs + patienceMs);
  await delay(Math.min(patienceMs, 2 * LATER_MS));
  const executions = team.executions();
  const findings: Record<string, string> = {};
  for (const [reaction, named] of tasks) {
    const counts = named
      .filter((task) => committed.includes(task))
      .map((task) => executions.filter((one) => one.task === task).length);
    const atMost = Math.max(0, ...counts);
    findings[`${reaction}: tasks by executions`] = Array.from({ length: atMost + 1 }, (_, times) => times)
      .map((times) => [counts.filter((count) => count === times).length, times] as const)
      .filter(([count]) => count > 0)
      .map(
        ([count, times]) => `${count} ran ${times === 0 ? "never" : times === 1 ? "once" : `${times} times`}`,
      )
      .join(", ");
  }
  return { owed: committed, findings, measuredMs: {} };
}

/** COMMIT reply lost. */
export const lostReply: Fault = {
  name: "lost-reply",
  title: "Reply to COMMIT lost",
  says: ({ lostReplies }) =>
    `A proxy passes the COMMIT of the application's transaction on and ends the connection instead of handing back the reply. ${lostReplies} times each the application retries the whole transaction with the same key at once, after 5 s, or never (it died). A task is owed when the row is committed. BullMQ is no part of the transaction: its add follows the commit, so an application that dies in between has committed its row without a task. (An application that looks at its own row before it enqueues again needs no key in any system that joins the transaction.)`,
  workers: 2,
  isProxied: true,
  run: (_arena, teams, sizes) => forEach(teams, (team) => run(team, sizes)),
};
