/** What stands behind a task, in sentences: why it does not run now, when it will, and whether it may be run again. Pure. */
import type { RegisteredProcess } from "../store/contract.ts";
import type { Attempt, TaskWithAttempts } from "../task/task.ts";
import { shownDuration, shownInstantFrom } from "./durations.ts";

/** What is known when the sentences are made. */
export interface Surroundings {
  /** The database's clock. */
  readonly now: Date;
  readonly processes: readonly RegisteredProcess[];
}

/** The sentences about a task. */
export interface Verdict {
  /** Literal name of the situation, for machines. */
  readonly situation: Situation;
  /** Why it is not running now, and when it will. */
  readonly why: string;
  /** What a person can do; null when there is nothing to do. */
  readonly remedy: string | null;
  /** What running it again risks; null when it cannot be run again. */
  readonly again: string | null;
}

/** Where a task stands, finer than its state. */
export type Situation =
  | "held"
  | "held-by-silent"
  | "holder-gone"
  | "waiting"
  | "orphaned"
  | "no-process"
  | "due"
  | "failed"
  | "cancelled"
  | "confirmed";

/** A due task that nobody has taken for this long is stuck: several polls have passed it by. */
export const STUCK_AFTER_MS = 60_000;

/** Judges a task. */
export function verdictOf(task: TaskWithAttempts, surroundings: Surroundings): Verdict {
  const { situation, why, remedy } = situationOf(task, surroundings);
  return { situation, why, remedy, again: againOf(task, situation) };
}

/** True when the process executes tasks of the type. */
export function executes({ types }: RegisteredProcess, type: string): boolean {
  return types === "all" || types.includes(type);
}

/** A process whose heartbeat is older than its lease: dead, or cut off from the database. */
export function isSilent({ silentForMs, leaseMs }: RegisteredProcess): boolean {
  return silentForMs > leaseMs;
}

/** Names a process as people find it. */
export function processName({ host, pid, owner }: RegisteredProcess): string {
  return `pid ${pid} on ${host} (process ${owner})`;
}

type Sentences = Omit<Verdict, "again">;

function situationOf(task: TaskWithAttempts, surroundings: Surroundings): Sentences {
  switch (task.state) {
    case "pending":
      return pendingSituation(task, surroundings);
    case "failed":
      return {
        situation: "failed",
        why: `It has failed for good: ${reasonOf(task)}. It does not run again by itself.`,
        remedy:
          task.data === null
            ? "its data was erased, so it cannot be run again"
            : "mend the cause, then run: `owed redrive ID`",
      };
    case "cancelled":
      return {
        situation: "cancelled",
        why: "It was cancelled. It does not run again by itself.",
        remedy: task.data === null ? null : "to run it after all: `owed redrive ID`",
      };
    case "confirmed":
      return { situation: "confirmed", why: "It is done. There is nothing left to run.", remedy: null };
  }
}

function pendingSituation(task: TaskWithAttempts, { now, processes }: Surroundings): Sentences {
  const due = task.nextAttemptAt ?? now;
  const holder = processes.find(({ owner }) => owner === task.owner);
  if (holder !== undefined) return heldSituation(task, holder, processes, now);
  const dueForMs = now.getTime() - due.getTime();
  const able = processes.filter((process) => executes(process, task.type) && !isSilent(process));
  if (dueForMs < 0) {
    const unserved =
      able.length === 0 ? " By then somebody must execute its type: now no live process does." : "";
    return {
      situation: "waiting",
      why: `It waits: ${waitReason(task)}. It is due at ${shownInstantFrom(due, now)}.${unserved}`,
      remedy: unserved === "" ? null : "deploy a worker with an executor for this type",
    };
  }
  const since = `It has been due for ${shownDuration(dueForMs)}`;
  const gone = task.owner === null ? "" : `, and process ${task.owner}, which held it, is gone`;
  if (able.length === 0) return unservedSituation(task, processes, `${since}${gone}`);
  const willBe = gone === "" ? "" : "; that claim will be counted as lost";
  return {
    situation: task.owner === null ? "due" : "holder-gone",
    why: `${since}${gone}. ${aliveWords(able.length)} its type: the next claim takes it${willBe}.${suspicion(task)}`,
    remedy:
      dueForMs < STUCK_AFTER_MS
        ? null
        : "are their workers started, and have they free slots? Look at `owed status`, and at their logs",
  };
}

function heldSituation(
  task: TaskWithAttempts,
  holder: RegisteredProcess,
  processes: readonly RegisteredProcess[],
  now: Date,
): Sentences {
  const name = processName(holder);
  const heartbeat = `${shownDuration(holder.silentForMs)} old`;
  if (!isSilent(holder)) {
    const dueForMs = now.getTime() - (task.nextAttemptAt ?? now).getTime();
    return {
      situation: "held",
      why: `It is running now, or about to: ${name} holds it, whose heartbeat is ${heartbeat}. It was due ${shownDuration(dueForMs)} ago.`,
      remedy: null,
    };
  }
  const others = processes.filter((one) => one !== holder && !isSilent(one));
  return {
    situation: "held-by-silent",
    why: `${name} holds it, but its last heartbeat is ${heartbeat} and its lease is ${shownDuration(holder.leaseMs)}: it has died, hangs, or cannot reach the database. ${
      others.length === 0
        ? "No other process is alive that could declare it dead."
        : "Another process declares it dead once it has watched it for a lease; then the task is free."
    }`,
    remedy: others.length === 0 ? "start a process with a worker for this type" : null,
  };
}

function unservedSituation(
  task: TaskWithAttempts,
  processes: readonly RegisteredProcess[],
  since: string,
): Sentences {
  const alive = processes.filter((process) => !isSilent(process));
  if (alive.length === 0) {
    return {
      situation: "no-process",
      why: `${since}, and no process is alive.`,
      remedy: "start the worker of the application, or: `owed work FILE`",
    };
  }
  return {
    situation: "orphaned",
    why: `${since}, and ${nobodyOf(alive.length)} the type "${task.type}".`,
    remedy: "deploy a worker with an executor for this type, or cancel the task: `owed cancel ID`",
  };
}

function nobodyOf(count: number): string {
  return count === 1
    ? "the one live process does not execute"
    : `none of the ${count} live processes executes`;
}

function aliveWords(count: number): string {
  return count === 1 ? "One live process executes" : `${count} live processes execute`;
}

function suspicion({ lostAttempts }: TaskWithAttempts): string {
  if (lostAttempts === 0) return "";
  if (lostAttempts === 1)
    return " It was lost once, so it may take no more than a quarter of a process's slots.";
  return " It was lost more than once, so it waits until a process has nothing else to do, and runs alone.";
}

function waitReason(task: TaskWithAttempts): string {
  const last = task.attempts.findLast(
    ({ generation, accepted }) => accepted && generation === task.generation,
  );
  switch (last?.outcome) {
    case "failed":
      return `attempt ${task.failedAttempts} failed, and the next one comes after a pause`;
    case "deferred":
      return "its executor asked to come back later, or this data could not be read yet";
    case "lost":
      return "its process died, and a task that was lost more than once pauses before it runs alone";
    default:
      return "it was enqueued for later";
  }
}

function reasonOf({ failureReason, failedAttempts, lostAttempts }: TaskWithAttempts): string {
  switch (failureReason) {
    case "permanent-error":
      return "its executor said that it can never succeed (PermanentError)";
    case "time-expired":
      return `its time for retries was over after ${failedAttempts} failed attempts`;
    case "undecodable":
      return "no process could read its data";
    case "lost-too-often":
      return `its process died ${lostAttempts} times while it ran`;
    case "attempts-exhausted":
    case null:
      return `${failedAttempts === 1 ? "1 attempt" : `${failedAttempts} attempts`} failed, and no more are allowed`;
  }
}

function againOf(task: TaskWithAttempts, situation: Situation): string | null {
  if (task.data === null || situation === "confirmed") return null;
  const open = task.attempts.filter(isOpenEnded).length;
  const parts: string[] = [];
  if (task.state === "pending") parts.push("It will run again by itself; nothing has to be redriven.");
  if (situation === "held" || situation === "held-by-silent") {
    parts.push("An attempt may be under way, and its effect may have happened already.");
  }
  if (open > 0) {
    const attempts = open === 1 ? "1 attempt" : `${open} attempts`;
    parts.push(
      `${attempts} ended without an answer (lost, or out of time), so the effect may have happened.`,
    );
  } else if (task.attempts.length > 0) parts.push("Every attempt ended with an answer of its executor.");
  else if (task.state !== "pending") parts.push("No attempt is on record.");
  parts.push(`Running it again is safe if its executor is idempotent under the id.`);
  return parts.join(" ");
}

/** Nobody knows whether such an attempt had its effect. */
function isOpenEnded({ outcome, error }: Attempt): boolean {
  return outcome === "lost" || error?.code === "OWED_ATTEMPT_TIMEOUT";
}
