/** Tells the world: publishes events, writes the loud ones to the application's logger, calls its hooks. Never throws. */
import { safeError } from "../task/safe-error.ts";
import {
  type AttemptEvent,
  type Beginning,
  isHeard,
  publish,
  type TelemetryEvents,
} from "../telemetry/channels.ts";
import { Surroundings } from "./surroundings.ts";

/** Any pino-shaped logger. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

type Level = keyof Logger;

/** What reaches the logger, how loud, in which words. All other events are on the channels only. */
const LOGGED: Partial<Record<keyof TelemetryEvents, readonly [Level, string]>> = {
  "attempt.zombie": ["warn", "an executor ignored its signal and holds its slot beyond the timeout"],
  "task.failed": ["error", "a task ended as failed"],
  "task.cancelled": ["info", "a task was cancelled"],
  "task.redriven": ["info", "a task was redriven"],
  "task.erased": ["info", "the data of a task was erased"],
  "task.deleted": ["info", "a task was deleted"],
  "operator.acted": ["info", "a person acted on a task"],
  "dashboard.error": ["error", "the dashboard could not answer a request"],
  "prune.done": ["debug", "tasks were deleted after their retention"],
  "process.registered": ["debug", "this process is registered"],
  "process.removed": ["debug", "this process is not registered any more"],
  "process.lost": [
    "warn",
    "this process was declared dead by another: its claims are void, it registers anew",
  ],
  "process.blocked": [
    "warn",
    "a heartbeat came late: something held the event loop, or this process was paused",
  ],
  "process.declared-dead": ["warn", "a process stopped sending heartbeats and was declared dead"],
  "breaker.opened": [
    "warn",
    "failures in a row opened a circuit breaker: its tasks are not claimed until a probe may go through",
  ],
  "breaker.half-opened": ["info", "a circuit breaker lets a probe through"],
  "breaker.closed": ["info", "a probe succeeded: a circuit breaker is closed again"],
  "worker.started": ["info", "worker started"],
  "worker.stopped": ["info", "worker stopped"],
  "types.orphaned": ["warn", "pending tasks of types that no live process executes"],
  "store.unavailable": ["warn", "an operation on the database failed, trying again"],
  "store.still-unavailable": ["error", "an operation on the database goes on failing, trying again"],
  "store.recovered": ["info", "the operation on the database succeeds again"],
  "store.restarted": ["info", "the database was restarted or went back: rows that came back are looked for"],
  "store.warning": ["warn", "a setting of the database weakens what is promised"],
  "wake-ups.on": ["info", "this worker hears of work that other processes leave"],
  "wake-ups.lost": ["warn", "wake-ups do not come any more: polling goes on, trying to listen again"],
  "wake-ups.off": [
    "warn",
    "wake-ups cannot come through a transaction pooler: work is found by polling alone; listen: false says so on purpose",
  ],
  "engine.error": ["error", "the engine threw while it advanced a task; this is a bug"],
  "hook.error": ["error", "a hook threw; the task is not affected"],
};

/** Reports events to channels, logger and hooks. */
export class Reporter {
  readonly #logger: Logger | null;

  constructor(logger: Logger | null) {
    this.#logger = logger;
  }

  /** Whether an event reaches anybody: a listener, or the logger. */
  hears(name: keyof TelemetryEvents): boolean {
    return isHeard(name) || (this.#logger !== null && LOGGED[name] !== undefined);
  }

  /** Publishes that an attempt begins; answers what listeners have put around it, null when nothing. */
  begin(event: (within: Beginning["within"]) => TelemetryEvents["attempt.start"]): Surroundings | null {
    if (!isHeard("attempt.start")) return null;
    const surroundings = new Surroundings();
    publish("attempt.start", event(surroundings.within));
    return surroundings.isEmpty ? null : surroundings;
  }

  /** Publishes an event of every attempt, which is made only if somebody listens. */
  tell<Name extends keyof TelemetryEvents>(name: Name, event: () => TelemetryEvents[Name]): void {
    if (isHeard(name)) publish(name, event());
  }

  /** Publishes, and logs if it is one of the loud ones. */
  report<Name extends keyof TelemetryEvents>(name: Name, event: TelemetryEvents[Name]): void {
    publish(name, event);
    const logged = LOGGED[name];
    if (this.#logger === null || logged === undefined) return;
    try {
      this.#logger[logged[0]](loggedDetails(name, event), logged[1]);
    } catch {
      // A logger that throws must not decide about tasks, and there is nobody left to tell.
    }
  }

  /** Calls a hook of the application; what it throws or rejects is reported. */
  callHook(name: string, attempt: () => AttemptEvent, hook: () => unknown): void {
    const failed = (error: unknown): void =>
      this.report("hook.error", { ...attempt(), hook: name, error: safeError(error) });
    try {
      const result = hook();
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

/** What a log gets of an event: whatever names the task, and never its headers, which may be anything. */
function loggedDetails(name: string, event: object): object {
  if (!("headers" in event)) return { event: name, ...event };
  const details = Object.fromEntries(Object.entries(event).filter(([key]) => key !== "headers"));
  return { event: name, ...details };
}
