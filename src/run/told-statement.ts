/** A statement that enqueues, as listeners hear of it: its start, on which they may add headers to its tasks, and its end. */
import type { Clock } from "../ports/ports.ts";
import type { NewTask } from "../store/contract.ts";
import { checkHeaders } from "../task/identifier.ts";
import { isRecord } from "../task/option-checks.ts";
import { safeError } from "../task/safe-error.ts";
import type { EnqueueEnd, EnqueueStatement } from "../telemetry/channels.ts";
import type { Reporter } from "./reporter.ts";
import { Surroundings } from "./surroundings.ts";

type Headers = Readonly<Record<string, string>>;

/** One statement that somebody hears of. */
export class ToldStatement {
  readonly #reporter: Reporter;
  readonly #clock: Clock;
  readonly #startedMs: number;
  readonly #statement: EnqueueStatement;
  readonly #surroundings = new Surroundings();
  #tasks: readonly NewTask[];

  private constructor(reporter: Reporter, clock: Clock, tasks: readonly NewTask[]) {
    this.#reporter = reporter;
    this.#clock = clock;
    this.#tasks = tasks;
    this.#startedMs = clock.monotonicMs();
    const [first] = tasks;
    const single = tasks.length === 1 ? first : undefined;
    this.#statement = {
      tasks: tasks.length,
      type: first !== undefined && tasks.every(({ type }) => type === first.type) ? first.type : null,
      taskId: single?.taskId ?? null,
      referenceId: single?.referenceId ?? null,
      within: this.#surroundings.within,
      addHeaders: (headers) => this.#addHeaders(headers),
    };
  }

  /** Tells the start; null, at no cost, when nobody listens. */
  static begin(reporter: Reporter, clock: Clock, tasks: readonly NewTask[]): ToldStatement | null {
    if (!reporter.hears("enqueue.start") && !reporter.hears("enqueue.end")) return null;
    const told = new ToldStatement(reporter, clock, tasks);
    reporter.report("enqueue.start", told.#statement);
    return told;
  }

  /** The tasks with the headers that listeners have added. */
  get tasks(): readonly NewTask[] {
    return this.#tasks;
  }

  /** Sends it inside what listeners have asked for. */
  send<Value>(send: () => Value): Value {
    return this.#surroundings.run(send);
  }

  /** Tells that it was answered: which tasks are new, by their ids. */
  done(newIds: ReadonlyMap<string, string>, birth: EnqueueEnd["birth"]): void {
    const created = new Map<string, number>();
    for (const { taskId, type } of this.#tasks)
      if (newIds.has(taskId)) created.set(type, (created.get(type) ?? 0) + 1);
    this.#ended({ created, existing: this.#tasks.length - newIds.size, birth, error: null });
  }

  /** Tells that it failed. */
  failed(error: unknown): void {
    this.#ended({ created: new Map(), existing: 0, birth: null, error: safeError(error) });
  }

  #ended(end: Omit<EnqueueEnd, "statement" | "durationMs">): void {
    const durationMs = this.#clock.monotonicMs() - this.#startedMs;
    this.#reporter.report("enqueue.end", { statement: this.#statement, durationMs, ...end });
  }

  #addHeaders(added: Headers): void {
    if (!isRecord(added) || Object.keys(added).length === 0) return;
    const alone = joined(null, added); // most tasks have none of their own
    this.#tasks = this.#tasks.map((task) => ({
      ...task,
      headers: task.headers === null ? alone : joined(task.headers, added),
    }));
  }
}

/** The headers of a task, and those added as far as they may stand beside them. */
function joined(own: Headers | null, added: Headers): Headers | null {
  try {
    const names = Object.keys(added);
    if (own !== null && names.some((name) => Object.hasOwn(own, name))) return own;
    for (let taken = names.length; taken > 0; taken -= 1) {
      const headers = withRoom(
        own,
        Object.fromEntries(names.slice(0, taken).map((name) => [name, added[name]])),
      );
      if (headers !== null) return headers;
    }
  } catch {
    // What a listener adds is its own affair: the task is enqueued without it.
  }
  return own;
}

/** Both together; null when that is no record of text, or too much of it. */
function withRoom(own: Headers | null, added: Readonly<Record<string, unknown>>): Headers | null {
  try {
    return checkHeaders({ ...own, ...added });
  } catch {
    return null;
  }
}
